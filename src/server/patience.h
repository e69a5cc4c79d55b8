// SPDX-License-Identifier: Apache-2.0
// server/patience.h: how long the supervisor waits for a worker that does not answer its pings.
// One that stands still is given up soon. One that still goes from task to task is only short of
// processor or disk, as all others are then: ending it would cost what it has in hand, and make the
// load greater. It is given much longer.
//
//     switch (patience_tick(&p, beats, HANG_TICKS)) {
//     case PATIENCE_ASK: // it has answered: the next question
//
// Ticks are counted, not time: when the machine was suspended or the supervisor was stopped, the
// workers were too.
#pragma once

#include "base/base.h"

#define PATIENCE_TICKS_SPARED 60 // of one that moves: five minutes, by ticks of five seconds

struct patience {
    size_t unanswered; // ticks; whoever hears an answer sets this to 0
    size_t spared;     // ticks that were not counted, because it had moved
    uint64_t beats;    // as they were at the last tick
};

enum patience_verdict {
    PATIENCE_ASK,
    PATIENCE_WAIT,
    PATIENCE_HANGS,     // said once
    PATIENCE_EXHAUSTED, // it had its chance to say what it was doing
};

// beats: a number that grows as long as the process does anything. most: ticks without an answer in
// which it stands still.
enum patience_verdict patience_tick(struct patience *p, uint64_t beats, size_t most);
