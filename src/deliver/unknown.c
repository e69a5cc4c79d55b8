// SPDX-License-Identifier: Apache-2.0
// deliver/unknown.c: virtual queues that units still name and the configuration does not
// (queue.md 4.1). They have the slots of `default`, and whoever took them away is told.
#include "deliver/deliver_state.h"

#include "events/event.h"

#define TELL_EVERY_MS HOUR_MS

void dispatch_tell_unknown(struct deliverer *d, struct str id)
{
    struct unknown_queue *q = map_get(&d->unknown, id);
    if (q != NULL && now_ms() - q->told_at_ms < TELL_EVERY_MS)
        return;
    if (q == NULL && map_count(&d->unknown) < UNKNOWN_QUEUES_MAX) {
        struct str name = arena_str(&d->arena, id);
        q = arena_make(&d->arena, struct unknown_queue);
        if (q == NULL || str_is_null(name) || !map_put(&d->unknown, name, q))
            return;
    }
    if (q == NULL)
        return;
    q->told_at_ms = now_ms();
    event(d->in.log, EV_SMTP_ID_NOT_FOUND, F_STR(id, id), F_STR(details, S("queue.virtual")));
}
