// SPDX-License-Identifier: Apache-2.0
// server/patience.c: see server/patience.h.
#include "server/patience.h"

#define LAST_TICKS 2 // SIGABRT writes a report; SIGKILL then

enum patience_verdict patience_tick(struct patience *p, uint64_t beats, size_t most)
{
    bool has_moved = beats != p->beats;
    p->beats = beats;
    if (p->unanswered == 0) {
        p->spared = 0;
    } else if (p->unanswered < most && has_moved && p->spared < PATIENCE_TICKS_SPARED) {
        p->spared++;
        return PATIENCE_WAIT;
    }
    size_t before = p->unanswered++;
    if (before == 0)
        return PATIENCE_ASK;
    if (before == most)
        return PATIENCE_HANGS;
    return before < most + LAST_TICKS ? PATIENCE_WAIT : PATIENCE_EXHAUSTED;
}
