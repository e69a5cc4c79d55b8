// SPDX-License-Identifier: Apache-2.0
// listen/buckets.c: see listen/buckets.h.
#include "listen/buckets.h"

#include <stdatomic.h>

static struct bucket_rate rate_of(const struct rate *rate);

bool shared_buckets_take(
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms)
{
    struct bucket_rate r = rate_of(rate);
    return shared_buckets_take_many(b, owner, &r, 1, wall_now_ms, NULL);
}

void shared_buckets_give(struct shared_buckets *b, uint64_t owner, const struct rate *rate)
{
    struct bucket_rate r = rate_of(rate);
    shared_buckets_give_many(b, owner, &r, 1);
}

bool shared_buckets_take_many(struct shared_buckets *b, uint64_t owner,
        const struct bucket_rate *rate, uint64_t tokens, int64_t wall_now_ms, int64_t *out_wait_ms)
{
    int64_t now_ns = wall_now_ms * BUCKET_MS_NS;
    _Atomic int64_t *mine = moments_claim(&b->full, owner, now_ns);
    int64_t before = atomic_load(mine), after;
    do {
        after = before;
        if (bucket_take(&after, now_ns, rate, tokens))
            continue;
        if (out_wait_ms != NULL)
            *out_wait_ms = (bucket_wait_ns(before, now_ns, rate, tokens) - 1) / BUCKET_MS_NS + 1;
        return false;
    } while (!atomic_compare_exchange_weak(mine, &before, after));
    return true;
}

void shared_buckets_give_many(
        struct shared_buckets *b, uint64_t owner, const struct bucket_rate *rate, uint64_t tokens)
{
    _Atomic int64_t *mine = moments_find(&b->full, owner);
    if (mine == NULL)
        return;
    int64_t before = atomic_load(mine), after;
    do {
        after = before;
        bucket_give(&after, rate, tokens);
    } while (!atomic_compare_exchange_weak(mine, &before, after));
}

void shared_buckets_reset(struct shared_buckets *b, uint64_t owner)
{
    _Atomic int64_t *mine = moments_find(&b->full, owner);
    if (mine != NULL)
        atomic_store(mine, 0);
}

uint64_t shared_buckets_level(
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms)
{
    struct bucket_rate r = rate_of(rate);
    return bucket_level(moments_get(&b->full, owner), wall_now_ms * BUCKET_MS_NS, &r);
}

static struct bucket_rate rate_of(const struct rate *rate)
{
    return (struct bucket_rate){.count = rate->count, .period_ms = rate->period_ms};
}
