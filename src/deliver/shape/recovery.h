// SPDX-License-Identifier: Apache-2.0
// deliver/shape/recovery.h: how well it goes with sites in back-off (outbound.md 28.2): when enough
// of the last messages were not put off, a back-off may end before its time.
//
//     if (recovery_note(&d->recoveries, r->site, went_well, percent, now_ms()))
//         ... so many percent of the last RECOVERY_MESSAGES went well: it is over ...
//
// A worker's own, in memory; of more than RECOVERY_SITES the one of which nobody has told for the
// longest time is forgotten.
#pragma once

#include "base/base.h"

#define RECOVERY_MESSAGES 20
#define RECOVERY_SITES 64

struct recoveries { // zero at first
    struct {
        uint64_t site;
        uint32_t went_well; // a bit for each message, the last one is the lowest
        uint32_t count;     // of messages that were told, RECOVERY_MESSAGES at most
        int64_t at_ms;
    } of[RECOVERY_SITES];
    size_t site_count;
};

// True: then it begins anew. `percent` 0 is never reached.
bool recovery_note(
        struct recoveries *all, struct str site, bool went_well, uint32_t percent, int64_t now_ms);
