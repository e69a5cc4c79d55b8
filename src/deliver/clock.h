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
// while a machine sleeps: waking up is a step, too.) A watch that was just made has seen none; what
// the workers of a node have seen together, those of the next generation know from the start, so
// that a reload neither ends the doubt nor hides a step that falls into it.
#pragma once

#include "base/base.h"

#include <stdatomic.h>

#define CLOCK_STEP_MS (2 * SECOND_MS) // what is less sets a clock right, and moves nothing
#define CLOCK_TELL_MS HOUR_MS
#define CLOCK_DOUBT_STEP_MS DAY_MS
#define CLOCK_DOUBT_MS (10 * MINUTE_MS)

struct clock_watch { // zero at first
    bool has_seen;
    int64_t run_ms, wall_ms;  // as they stood together
    int64_t doubted_until_ms; // of the clock that runs on; 0: it is believed
};

struct clock_shared { // in shared memory; zero at first
    _Atomic int64_t doubted_until_ms;
    _Atomic int64_t ahead_ms; // of the calendar before the clock that runs on, at the last look
    _Atomic bool has_seen;
};

// clock_step of one who shares: takes over what others have seen, and tells them what it sees.
// `shared` may be NULL.
int64_t clock_step_shared(
        struct clock_watch *w, struct clock_shared *shared, int64_t run_ms, int64_t wall_now_ms);
// Somebody has looked at the clock and says that it is right. False: nobody doubted it.
bool clock_confirm(struct clock_shared *shared);

// Since the last call; 0: none. Forward is positive.
int64_t clock_step(struct clock_watch *w, int64_t run_ms, int64_t wall_now_ms);
// On the calendar; 0: it is believed.
int64_t clock_doubted_until_ms(const struct clock_watch *w, int64_t run_ms, int64_t wall_now_ms);
