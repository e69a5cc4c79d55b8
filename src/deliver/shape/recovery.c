// SPDX-License-Identifier: Apache-2.0
// deliver/shape/recovery.c: see deliver/shape/recovery.h.
#include "deliver/shape/recovery.h"

#include "base/hash.h"

static size_t place_of(struct recoveries *all, uint64_t site);

bool recovery_note(
        struct recoveries *all, struct str site, bool went_well, uint32_t percent, int64_t now_ms)
{
    size_t place = place_of(all, hash_sip24(0, 0, site));
    uint32_t mask = (1U << RECOVERY_MESSAGES) - 1;
    uint32_t bits = (all->of[place].went_well << 1 | went_well) & mask;
    uint32_t count = all->of[place].count + (all->of[place].count < RECOVERY_MESSAGES);
    uint32_t good = (uint32_t)__builtin_popcount(bits);
    bool is_over =
            percent > 0 && count == RECOVERY_MESSAGES && good * 100 >= percent * RECOVERY_MESSAGES;
    all->of[place].went_well = is_over ? 0 : bits;
    all->of[place].count = is_over ? 0 : count;
    all->of[place].at_ms = now_ms;
    return is_over;
}

// Its own, or a new one.
static size_t place_of(struct recoveries *all, uint64_t site)
{
    size_t oldest = 0;
    for (size_t i = 0; i < all->site_count; i++) {
        if (all->of[i].site == site)
            return i;
        if (all->of[i].at_ms < all->of[oldest].at_ms)
            oldest = i;
    }
    if (all->site_count < RECOVERY_SITES)
        oldest = all->site_count++;
    all->of[oldest].site = site;
    all->of[oldest].went_well = all->of[oldest].count = 0;
    return oldest;
}
