// SPDX-License-Identifier: Apache-2.0
// limits/held.c: see limits/held.h.
#include "limits/held.h"

#define BUCKETS_SHIFT 62 // the topmost bits choose the table, the lowest the place in it

static struct shared_buckets *buckets_of(struct limits_shared *s, uint64_t bucket);

_Static_assert(THROTTLE_TABLES == 1 << (64 - BUCKETS_SHIFT), "a table for each value");

struct limits_hold *limits_held_find(const struct limits_held *held, uint64_t counter)
{
    each_in_vec (hold, &held->all)
        if (hold->counter == counter)
            return hold;
    return NULL;
}

bool limits_hold(struct limits_shared *s, size_t column, struct limits_held *held, uint64_t counter,
        uint64_t most)
{
    struct limits_hold *hold = vec_add(held->arena, &held->all);
    if (hold == NULL)
        return false;
    *hold = (struct limits_hold){.counter = counter, .slot = CLIENTS_NOWHERE};
    if (most == 0 || shared_clients_take(&s->slots, column, counter, most, &hold->slot))
        return true;
    held->all.count--;
    return false;
}

void limits_held_drop(struct limits_shared *s, size_t column, struct limits_held *held, size_t keep)
{
    while (held->all.count > keep) {
        const struct limits_hold *last = &held->all.at[held->all.count - 1];
        shared_clients_give(&s->slots, column, last->slot);
        held->all.count--;
    }
}

size_t limits_held_drop_marked(struct limits_shared *s, size_t column, struct limits_held *held,
        uint32_t marks, uint32_t are)
{
    size_t kept = 0, before = held->all.count;
    for (size_t i = 0; i < before; i++) {
        const struct limits_hold hold = held->all.at[i];
        if ((hold.marks & marks) == are)
            shared_clients_give(&s->slots, column, hold.slot);
        else
            held->all.at[kept++] = hold;
    }
    held->all.count = kept;
    return before - kept;
}

uint64_t limits_bucket(const struct limits_shared *s, uint64_t counter, const struct rate *rate)
{
    uint64_t parts[2] = {rate->count, (uint64_t)rate->period_ms};
    return limits_hash_text(s, counter, str_of((const char *)parts, sizeof(parts)));
}

bool limits_tokens_take(struct limits_shared *s, uint64_t bucket, const struct bucket_rate *rate,
        uint64_t tokens, int64_t wall_now_ms, int64_t *out_wait_ms)
{
    return shared_buckets_take_many(
            buckets_of(s, bucket), bucket, rate, tokens, wall_now_ms, out_wait_ms);
}

void limits_tokens_give(
        struct limits_shared *s, uint64_t bucket, const struct bucket_rate *rate, uint64_t tokens)
{
    shared_buckets_give_many(buckets_of(s, bucket), bucket, rate, tokens);
}

static struct shared_buckets *buckets_of(struct limits_shared *s, uint64_t bucket)
{
    return &s->buckets[bucket >> BUCKETS_SHIFT];
}
