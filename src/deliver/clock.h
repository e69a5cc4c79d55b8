// SPDX-License-Identifier: Apache-2.0
// deliver/clock.h: steps of the calendar (queue.md 17.3). Queue time is the calendar's, and whoever
// sets it moves all that is due. A clock that goes wrong by days must not give the whole queue up:
// after a step of more than a day forward nobody is given up for his age, nor told of a delay, for
// ten minutes. In these all that is due is tried, and somebody may set the clock right.
//
//     int64_t step_ms = clock_step(&watch, now_ns() / NS_PER_MS, wall_ms());
//     if (step_ms != 0)
//         ... look at all that is due anew ...
//     job.doubted_until_ms = clock_doubted_until_ms(&watch, now, wall);
//
// A step is what the calendar has moved beside the clock that only runs on. (That one stands still
// while a machine sleeps: waking up is a step, too.) A watch that was just made has seen none.
#pragma once

#include "base/base.h"

#define CLOCK_STEP_MS (2 * SECOND_MS) // what is less sets a clock right, and moves nothing
#define CLOCK_TELL_MS HOUR_MS
#define CLOCK_DOUBT_STEP_MS DAY_MS
#define CLOCK_DOUBT_MS (10 * MINUTE_MS)

struct clock_watch { // zero at first
    bool has_seen;
    int64_t run_ms, wall_ms;  // as they stood together
    int64_t doubted_until_ms; // of the clock that runs on; 0: it is believed
};

// Since the last call; 0: none. Forward is positive.
int64_t clock_step(struct clock_watch *w, int64_t run_ms, int64_t wall_now_ms);
// On the calendar; 0: it is believed.
int64_t clock_doubted_until_ms(const struct clock_watch *w, int64_t run_ms, int64_t wall_now_ms);
