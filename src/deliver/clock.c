// SPDX-License-Identifier: Apache-2.0
// deliver/clock.c: see deliver/clock.h.
#include "deliver/clock.h"

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
