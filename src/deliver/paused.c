// SPDX-License-Identifier: Apache-2.0
// deliver/paused.c: what a person has paused (queue/control/pauses.h), as the dispatcher goes by
// it.
#include "deliver/deliver_state.h"

#include "events/event.h"

#define REMIND_AFTER_MS DAY_MS // management.md 4.4
#define REMIND_EVERY_MS HOUR_MS

static void read_anew(struct deliverer *d, struct arena *a);
static void tell_changes(struct deliverer *d, const struct pauses *now);
static bool is_paused(const struct pauses *pauses, struct str queue);
static void remind(struct deliverer *d);

void dispatch_read_pauses(struct deliverer *d)
{
    struct arena *a = statewatch_changed(&d->pauses_watch);
    if (a != NULL)
        read_anew(d, a);
    remind(d);
}

static void read_anew(struct deliverer *d, struct arena *a)
{
    struct pauses now;
    struct str id;
    void *each;
    struct err e = pauses_read(a, d->in.pauses_path, &now);
    if (!statewatch_take(&d->pauses_watch, d->in.log, e))
        return;
    tell_changes(d, &now);
    d->pauses = now;
    look_begin_again(d);
    for (size_t i = 0; map_next(&d->virtuals, &i, &id, &each);) {
        struct virtual_state *v = each;
        v->paused = pauses_stop(&d->pauses, virtual_queue_named(d->in.schedules, v->id));
    }
}

// All workers read it, and one of them tells.
static void tell_changes(struct deliverer *d, const struct pauses *now)
{
    if (!d->in.adopts)
        return;
    each_in_vec (p, &now->all)
        if (!p->runs && !is_paused(&d->pauses, p->queue))
            event(d->in.log, EV_QUEUE_PAUSED, F_STR(id, p->queue), F_STR(reason, p->reason),
                    F_MS(elapsed, wall_ms() - p->since_ms));
    each_in_vec (p, &d->pauses.all)
        if (!p->runs && !is_paused(now, p->queue))
            event(d->in.log, EV_QUEUE_RESUMED, F_STR(id, p->queue));
    d->pauses_told_at_ms = now_ms();
}

static bool is_paused(const struct pauses *pauses, struct str queue)
{
    const struct pause *p = pauses_find(pauses, queue);
    return p != NULL && !p->runs;
}

// Somebody may have forgotten it.
static void remind(struct deliverer *d)
{
    if (!d->in.adopts || now_ms() - d->pauses_told_at_ms < REMIND_EVERY_MS)
        return;
    d->pauses_told_at_ms = now_ms();
    each_in_vec (p, &d->pauses.all)
        if (!p->runs && wall_ms() - p->since_ms >= REMIND_AFTER_MS)
            event(d->in.log, EV_QUEUE_PAUSED, F_STR(id, p->queue), F_STR(reason, p->reason),
                    F_MS(elapsed, wall_ms() - p->since_ms));
}
