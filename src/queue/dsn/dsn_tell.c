// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_tell.c: what became of a recipient, as an event (queue.md 12.12).
#include "queue/dsn/dsn.h"

#include "events/event.h"

static enum event_id event_of(enum dsn_action action);

void dsn_tell(struct span *span, const struct message *m, const struct dsn_rcpt *d)
{
    const struct recipient *r = d->rcpt;
    const struct outcome *o = &r->last;
    bool open = d->action == DSN_DELAYED;
    int64_t expires_at_ms = r->expiry == EXPIRY_TTL ? m->created_ms + r->expiry_ms : 0;
    event_in(span, event_of(d->action), F_ID(queueId, m->id), F_STR(to, r->address),
            F_STR(hostname, str_is_empty(o->host) ? o->entity : o->host), F_U64(code, o->code),
            F_STR(enhanced, o->enhanced), F_STR(details, o->text),
            F_TIME(nextRetry, open ? r->retry_at_ms : 0), F_TIME(expires, open ? expires_at_ms : 0),
            F_U64(total, r->retry_count));
}

void dsn_tell_double_bounce(
        struct span *span, const struct message *m, const struct dsn_rcpt *rcpts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct recipient *r = rcpts[i].rcpt;
        if (rcpts[i].action == DSN_FAILED)
            event_in(span, EV_DELIVERY_DOUBLE_BOUNCE, F_ID(queueId, m->id), F_STR(to, r->address),
                    F_U64(code, r->last.code), F_STR(details, r->last.text));
    }
}

static enum event_id event_of(enum dsn_action action)
{
    switch (action) {
    case DSN_NONE:
    case DSN_FAILED:
        return EV_DELIVERY_DSN_PERM_FAIL;
    case DSN_DELAYED:
        return EV_DELIVERY_DSN_TEMP_FAIL;
    case DSN_RELAYED:
    case DSN_EXPANDED:
    case DSN_DELIVERED:
        break;
    }
    return EV_DELIVERY_DSN_SUCCESS;
}
