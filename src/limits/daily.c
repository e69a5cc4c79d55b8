// SPDX-License-Identifier: Apache-2.0
// limits/daily.c: see limits/daily.h.
//
// Day and count are one number, the day above, so that a new day is a greater moment than all of
// the day before, and one exchange moves both.
#include "limits/daily.h"

#include <stdatomic.h>

#define DAY_SHIFT 32
#define COUNT_MASK INT64_C(0xffffffff)

static int64_t begin_of(int64_t day);
static int64_t today(int64_t seen, int64_t day);

int64_t daily_of_ms(int64_t wall_ms)
{
    return wall_ms > 0 ? wall_ms / DAY_MS : 0;
}

int64_t daily_end_ms(int64_t wall_ms)
{
    return (daily_of_ms(wall_ms) + 1) * DAY_MS;
}

bool daily_take(struct limits_shared *s, uint64_t owner, int64_t day, uint32_t most)
{
    _Atomic int64_t *at = moments_claim(&s->daily, owner, begin_of(day) - 1);
    int64_t seen = atomic_load(at);
    while ((today(seen, day) & COUNT_MASK) < (int64_t)most)
        if (atomic_compare_exchange_weak(at, &seen, today(seen, day) + 1))
            return true;
    return false;
}

void daily_give(struct limits_shared *s, uint64_t owner, int64_t day)
{
    _Atomic int64_t *at = moments_find(&s->daily, owner);
    if (at == NULL)
        return;
    int64_t seen = atomic_load(at);
    while (seen > begin_of(day) && seen <= (begin_of(day) | COUNT_MASK))
        if (atomic_compare_exchange_weak(at, &seen, seen - 1))
            return;
}

void daily_raise(struct limits_shared *s, uint64_t owner, int64_t day, uint32_t least)
{
    _Atomic int64_t *at = moments_claim(&s->daily, owner, begin_of(day) - 1);
    int64_t seen = atomic_load(at);
    while (seen < (begin_of(day) | (int64_t)least))
        if (atomic_compare_exchange_weak(at, &seen, begin_of(day) | (int64_t)least))
            return;
}

uint32_t daily_count(struct limits_shared *s, uint64_t owner, int64_t day)
{
    return (uint32_t)(today(moments_get(&s->daily, owner), day) & COUNT_MASK);
}

static int64_t begin_of(int64_t day)
{
    return day << DAY_SHIFT;
}

// What was seen, if it is of that day. (Of a later one, when the clock went back: that holds.)
static int64_t today(int64_t seen, int64_t day)
{
    return seen >= begin_of(day) ? seen : begin_of(day);
}
