// SPDX-License-Identifier: Apache-2.0
// deliver/clocked.c: where the deliverer meets steps of the calendar (deliver/clock.h). It is asked
// in each round of the dispatcher, some seconds apart at most, and again before anybody is given
// up, for a step may come in between.
#include "deliver/deliver_state.h"

#include "events/event.h"

#define NS_PER_MS 1000000

static void tell(const struct deliverer *d, int64_t step_ms, int64_t doubted_until_ms);

int64_t clocked_look(struct deliverer *d)
{
    int64_t run_ms = now_ns() / NS_PER_MS, wall_now_ms = wall_ms();
    int64_t step_ms = clock_step_shared(&d->clock, d->in.clock, run_ms, wall_now_ms);
    int64_t doubted_until_ms = clock_doubted_until_ms(&d->clock, run_ms, wall_now_ms);
    if (step_ms == 0)
        return doubted_until_ms;
    if (step_ms > CLOCK_TELL_MS || step_ms < -CLOCK_TELL_MS)
        tell(d, step_ms, doubted_until_ms);
    deliverer_look(d); // queue.md 1, rule 5
    return doubted_until_ms;
}

static void tell(const struct deliverer *d, int64_t step_ms, int64_t doubted_until_ms)
{
    event(d->in.log, EV_QUEUE_CLOCK_STEPPED, F_MS(elapsed, step_ms > 0 ? step_ms : -step_ms),
            F_STR(reason, step_ms > 0 ? S("forward") : S("back")), F_TIME(due, doubted_until_ms));
}
