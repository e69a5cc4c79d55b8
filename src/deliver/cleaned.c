// SPDX-License-Identifier: Apache-2.0
// deliver/cleaned.c: what was due and turned out to be nothing: an entry that is left over, or a
// record that cannot be read. It leaves the queue (queue.md 3.1, 3.5) instead of being met again
// every few seconds; of records that are lost a person is told, and finds their bytes in a file.
#include "deliver/deliver_state.h"

#include "events/event.h"

static void clean(struct deliverer *d, struct arena *a, const struct due *due) suspends;

void dispatch_note_lost(struct deliverer *d, const struct due *due)
{
    if (d->lost_count == LOST_MAX)
        return;
    d->lost[d->lost_count++] = *due;
    waitq_wake_all(&d->news.come);
}

void dispatch_clean(struct deliverer *d, struct arena *a)
{
    while (d->lost_count > 0 && !d->stopping) {
        const struct due due = d->lost[--d->lost_count];
        clean(d, a, &due);
        arena_reset(a);
    }
}

// What cannot be kept or written now is met again, and nothing of it is lost meanwhile.
static void clean(struct deliverer *d, struct arena *a, const struct due *due)
{
    enum store_cleaned what = CLEANED_NOTHING;
    struct err e = store_clean(d->in.store, a, due, &what);
    if (failed(e) && e.kind != ERR_EXISTS && e.kind != ERR_NOT_FOUND)
        event(d->in.log, EV_STORE_ERROR, F_ERR(reason, e));
    if (failed(e) || what == CLEANED_NOTHING || what == CLEANED_ENTRY)
        return;
    event(d->in.log, EV_QUEUE_CORRUPT, F_ID(queueId, due->id),
            F_STR(reason, what == CLEANED_UNIT ? S("unit") : S("message")));
}
