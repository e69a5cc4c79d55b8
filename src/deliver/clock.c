// SPDX-License-Identifier: Apache-2.0
// deliver/clock.c: see deliver/clock.h.
#include "deliver/clock.h"

// Only who saw a step says something about the doubt: the others may not have looked yet.
int64_t clock_step_shared(
        struct clock_watch *w, struct clock_shared *shared, int64_t run_ms, int64_t wall_now_ms)
{
    if (shared == NULL)
        return clock_step(w, run_ms, wall_now_ms);
    w->doubted_until_ms = atomic_load(&shared->doubted_until_ms);
    if (!w->has_seen && atomic_load(&shared->has_seen)) {
        w->has_seen = true;
        w->run_ms = run_ms;
        w->wall_ms = run_ms + atomic_load(&shared->ahead_ms);
    }
    int64_t step_ms = clock_step(w, run_ms, wall_now_ms);
    if (step_ms != 0)
        atomic_store(&shared->doubted_until_ms, w->doubted_until_ms);
    atomic_store(&shared->ahead_ms, wall_now_ms - run_ms);
    atomic_store(&shared->has_seen, true);
    return step_ms;
}

bool clock_confirm(struct clock_shared *shared)
{
    return atomic_exchange(&shared->doubted_until_ms, 0) != 0;
}

// A step back is what sets a clock right that was ahead: then the doubt is over, too.
int64_t clock_step(struct clock_watch *w, int64_t run_ms, int64_t wall_now_ms)
{
    int64_t step_ms = w->has_seen ? (wall_now_ms - w->wall_ms) - (run_ms - w->run_ms) : 0;
    *w = (struct clock_watch){.has_seen = true,
            .run_ms = run_ms,
            .wall_ms = wall_now_ms,
            .doubted_until_ms = w->doubted_until_ms};
    if (step_ms > -CLOCK_STEP_MS && step_ms < CLOCK_STEP_MS)
        return 0;
    if (step_ms > CLOCK_DOUBT_STEP_MS)
        w->doubted_until_ms = run_ms + CLOCK_DOUBT_MS;
    else if (step_ms < 0)
        w->doubted_until_ms = 0;
    return step_ms;
}

int64_t clock_doubted_until_ms(const struct clock_watch *w, int64_t run_ms, int64_t wall_now_ms)
{
    return w->doubted_until_ms > run_ms ? wall_now_ms + (w->doubted_until_ms - run_ms) : 0;
}
