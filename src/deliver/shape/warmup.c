// SPDX-License-Identifier: Apache-2.0
// deliver/shape/warmup.c: see deliver/shape/warmup.h.
#include "deliver/shape/warmup.h"

uint32_t warmup_allowance(const struct source_address *address, int64_t wall_now_ms)
{
    const struct warmup_plan *plan = address->warmup;
    int64_t since_ms = wall_now_ms - address->warmup_from_ms;
    if (plan == NULL)
        return WARMUP_NO_LIMIT;
    if (since_ms < 0)
        return 0;
    uint64_t day = (uint64_t)(since_ms / DAY_MS); // 0: the plan's day 1
    return day < plan->day_count ? plan->days[day] : WARMUP_NO_LIMIT;
}

bool warmup_has_room(struct limits_shared *shared, const struct source_address *address,
        struct str provider, int64_t wall_now_ms)
{
    uint32_t most = warmup_allowance(address, wall_now_ms);
    if (most == 0 || most == WARMUP_NO_LIMIT)
        return most > 0;
    return daily_count(shared, warmup_owner(shared, &address->ip, provider),
                   daily_of_ms(wall_now_ms)) < most;
}

bool warmup_take(struct limits_shared *shared, const struct source_address *address,
        struct str provider, int64_t wall_now_ms, struct warmup_place *out)
{
    uint32_t most = warmup_allowance(address, wall_now_ms);
    struct warmup_place place = {.day = daily_of_ms(wall_now_ms)};
    if (most != WARMUP_NO_LIMIT) {
        place.owner = warmup_owner(shared, &address->ip, provider);
        place.is_counted = daily_take(shared, place.owner, place.day, most);
    }
    *out = place;
    return place.is_counted || most == WARMUP_NO_LIMIT;
}

void warmup_give(struct limits_shared *shared, struct warmup_place *place)
{
    if (place->is_counted)
        daily_give(shared, place->owner, place->day);
    place->is_counted = false;
}

uint64_t warmup_owner(const struct limits_shared *shared, const struct ip *ip, struct str provider)
{
    uint64_t h = limits_hash(shared, LIMITS_WARMUP, 0);
    return limits_hash_text(shared, limits_hash_ip(shared, h, ip), provider);
}
