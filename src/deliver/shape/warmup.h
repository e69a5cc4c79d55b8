// SPDX-License-Identifier: Apache-2.0
// deliver/shape/warmup.h: a new address sends little at first (outbound.md 28.3). Its plan says how
// many messages may go from it to one provider on each day (UTC) since it began; they are counted
// for the node, and for all generations, in the shared memory of limits/.
//
//     if (!warmup_has_room(shared, address, provider, wall_ms()))
//         ... another address, or later: daily_end_ms(wall_ms()) ...
//     struct warmup_place place;
//     if (warmup_take(shared, address, provider, wall_ms(), &place))
//         ... connect and send; nothing was sent: warmup_give(shared, &place) ...
#pragma once

#include "deliver/settings/settings.h"
#include "limits/daily.h"

#define WARMUP_NO_LIMIT UINT32_MAX

// How many messages to one provider on the day of that moment: 0 before its first day.
uint32_t warmup_allowance(const struct source_address *address, int64_t wall_now_ms);

struct warmup_place {
    bool is_counted; // it was taken from an allowance, and may be given back
    uint64_t owner;
    int64_t day;
};

// `provider` is the MX site (outbound.md 20). Where nothing is limited there is always room.
bool warmup_has_room(struct limits_shared *shared, const struct source_address *address,
        struct str provider, int64_t wall_now_ms);
bool warmup_take(struct limits_shared *shared, const struct source_address *address,
        struct str provider, int64_t wall_now_ms, struct warmup_place *out) MUST_USE;
void warmup_give(struct limits_shared *shared, struct warmup_place *place); // once; not twice

// Who is counted in limits/daily.h.
uint64_t warmup_owner(const struct limits_shared *shared, const struct ip *ip, struct str provider);
