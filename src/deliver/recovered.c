// SPDX-License-Identifier: Apache-2.0
// deliver/recovered.c: where an attempt tells how it went with a site in back-off
// (deliver/shape/recovery.h). Orders of persons last as long as these have said.
#include "deliver/remote.h"

static bool is_put_off(const struct remote *r, const struct carried *rcpts, size_t count);

// Who was put off without a word of the site says nothing about it.
struct err recovered(struct remote *r, const struct carried *rcpts, size_t count)
{
    struct deliverer *d = r->j->d;
    if (!r->shaped.backs_off || r->j->probe != NULL || (r->tries == 0 && r->transactions == 0))
        return OK;
    if (!recovery_note(&d->recoveries, r->site, !is_put_off(r, rcpts, count),
                shaped_backoff_percent(&r->shaped), now_ms()))
        return OK;
    const struct suspension like = {
            .kind = SUSPEND_BACKOFF, .is_automatic = true, .scope = {[SUSPEND_MX_SITE] = r->site}};
    event_in(
            &r->j->span, EV_DELIVERY_RECOVERED, F_STR(domain, r->j->u->domain), F_STR(id, r->site));
    return suspended_lift(d, &like);
}

static bool is_put_off(const struct remote *r, const struct carried *rcpts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct tried *t = &r->j->tried[rcpts[i].place];
        if (!t->is_settled ||
                (t->verdict.verdict != VERDICT_GOOD && t->verdict.verdict != VERDICT_PERMANENT))
            return true;
    }
    return false;
}
