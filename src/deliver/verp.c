// SPDX-License-Identifier: Apache-2.0
// deliver/verp.c: which sender a host is told of (queue.verp, queue/dsn/verp.h). With one of its
// own each recipient has a transaction of his own, too. It is about mail that leaves: whoever takes
// it by LMTP, or into a mailbox, delivers it for good, and mail without a sender has none.
#include "deliver/verp.h"

#include "queue/control/suppress.h"

static struct err ask(struct job *j, size_t place, struct str *out) suspends MUST_USE;
static struct err make(
        struct job *j, size_t place, struct str template, struct str *out) suspends MUST_USE;

struct err verp_choose(
        struct remote *r, const struct carried *rcpts, size_t *count, struct str *out_sender)
{
    struct job *j = r->j;
    *out_sender = j->m.sender;
    if (!j->d->in.settings->verp.is_on || str_is_empty(j->m.sender) || r->protocol != CLIENT_SMTP ||
            j->probe != NULL)
        return OK;
    for (size_t i = 0; i < *count; i++) {
        struct str sender;
        TRY(ask(j, rcpts[i].place, &sender));
        if (str_is_null(sender))
            continue;
        // Those before it go together, as ever, and it is the first one the next time.
        *count = i > 0 ? i : 1;
        if (i > 0)
            return OK;
        *out_sender = sender;
        r->alone++;
        return OK;
    }
    return OK;
}

// Null: he has none. What cannot be made never keeps mail back: it leaves with the sender it has.
static struct err ask(struct job *j, size_t place, struct str *out)
{
    struct str template;
    *out = STR_NULL;
    struct err e = job_strategy(
            j, S("queue.verp"), j->d->in.settings->verp.sender, place, NULL, &template);
    if (e.kind == ERR_CONFIG) // told already
        return OK;
    TRY(e);
    if (str_is_empty(template))
        return OK;
    e = make(j, place, template, out);
    if (failed(e) && e.kind != ERR_LIMIT) {
        event_in(&j->span, EV_EVAL_ERROR, F_STR(key, S("queue.verp")), F_ERR(reason, e));
        return OK;
    }
    return e;
}

static struct err make(struct job *j, size_t place, struct str template, struct str *out)
{
    struct verp_mail mail = {.id = j->m.id, .is_watched = j->tried[place].is_watched};
    TRY(suppress_address(&j->arena, j->u->rcpts[place].address, &mail.rcpt));
    return verp_make(&j->arena, &j->d->in.settings->verp, template, &mail, out);
}
