// SPDX-License-Identifier: Apache-2.0
// deliver/warming.c: where the deliverer keeps counts of warm-ups (deliver/shape/warmed.h). Mail
// leaves whether they can be kept or not.
#include "deliver/deliver_state.h"

#include "events/event.h"

static struct err write_now(void *deliverer) suspends;
static void tell(const struct deliverer *d, struct err e);

void warming_begin(struct deliverer *d)
{
    tell(d, warmed_read(&d->warmed, wall_ms()));
}

void warming_tend(struct deliverer *d)
{
    if (!warmed_wants_writing(&d->warmed, now_ms()))
        return;
    struct err ignored = group_spawn(&d->couriers, write_now, d);
    (void)ignored; // for want of memory: in the next round
}

void warming_end(struct deliverer *d)
{
    tell(d, warmed_write(&d->warmed));
}

static struct err write_now(void *deliverer)
{
    struct deliverer *d = deliverer;
    task_describe("counts of warm-ups", d);
    tell(d, warmed_write(&d->warmed));
    return OK;
}

static void tell(const struct deliverer *d, struct err e)
{
    if (failed(e) && e.kind != ERR_CANCELLED)
        event(d->in.log, EV_STORE_ERROR, F_STR(path, d->warmed.path), F_ERR(reason, e));
}
