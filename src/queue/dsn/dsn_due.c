// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_due.c: who is owed a report (queue.md 12.1, RFC 3461 4.1 and 5.2). What is owed
// stands in the recipient's own flags, so that it is found again after a crash; a recipient in its
// final state is owed at most one report, and RCPT_DSN_SENT says that this is over.
#include "queue/dsn/dsn.h"

struct str dsn_action_word(enum dsn_action action)
{
    static const struct str words[] = {[DSN_NONE] = S_INIT(""),
            [DSN_FAILED] = S_INIT("failed"),
            [DSN_DELAYED] = S_INIT("delayed"),
            [DSN_RELAYED] = S_INIT("relayed"),
            [DSN_EXPANDED] = S_INIT("expanded"),
            [DSN_DELIVERED] = S_INIT("delivered")};
    return words[action];
}

void dsn_completed(struct recipient *r, enum dsn_hop hop, bool by_owed)
{
    bool success = (r->flags & RCPT_NOTIFY_SUCCESS) != 0;
    bool never = (r->flags & RCPT_NOTIFY_NEVER) != 0;
    assert(r->status == RCPT_COMPLETED);
    switch (hop) {
    case DSN_HOP_FINAL:
        if (!success || never)
            r->flags |= RCPT_DSN_SENT;
        return;
    case DSN_HOP_TAKES_OVER:
        success = false; // RFC 3461 5.2.1: the next one reports
        break;
    case DSN_HOP_PLAIN:
        break;
    }
    r->flags |= (success || by_owed) && !never ? RCPT_RELAYED_DSN_OWED : RCPT_DSN_SENT;
}

enum dsn_action dsn_due(const struct recipient *r, bool mark_passed)
{
    if ((r->flags & (RCPT_DSN_SENT | RCPT_NOTIFY_NEVER | RCPT_SILENT)) != 0)
        return DSN_NONE;
    switch (r->status) {
    case RCPT_SCHEDULED:
    case RCPT_TEMP_FAILED:
        return mark_passed && (r->flags & RCPT_NOTIFY_DELAY) != 0 ? DSN_DELAYED : DSN_NONE;
    case RCPT_PERM_FAILED:
        return (r->flags & RCPT_NOTIFY_FAILURE) != 0 ? DSN_FAILED : DSN_NONE;
    case RCPT_COMPLETED:
        break;
    }
    if ((r->flags & RCPT_RELAYED_DSN_OWED) != 0)
        return DSN_RELAYED;
    if ((r->flags & RCPT_EXPANDED_DSN_OWED) != 0)
        return DSN_EXPANDED;
    return (r->flags & RCPT_NOTIFY_SUCCESS) != 0 ? DSN_DELIVERED : DSN_NONE;
}

bool dsn_is_owed(const struct unit *u)
{
    for (size_t i = 0; i < u->rcpt_count; i++)
        if (rcpt_is_final(&u->rcpts[i]) && dsn_due(&u->rcpts[i], false) != DSN_NONE)
            return true;
    return false;
}

bool dsn_any_failed(const struct dsn_rcpt *rcpts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rcpts[i].action == DSN_FAILED)
            return true;
    return false;
}

// A delay is not the end of it: the failure or success that follows is reported as well.
void dsn_mark(struct recipient *r, enum dsn_action action)
{
    if (action != DSN_DELAYED && rcpt_is_final(r))
        r->flags |= RCPT_DSN_SENT;
}
