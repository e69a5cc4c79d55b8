// SPDX-License-Identifier: Apache-2.0
// listen/buckets.c: see listen/buckets.h.
#include "listen/buckets.h"

#include "conf/bucket.h"

#include <stdatomic.h>

static struct shared_bucket *find(struct shared_buckets *b, uint64_t owner);
static struct shared_bucket *claim(struct shared_buckets *b, uint64_t owner, int64_t now_ns);
static struct bucket_rate rate_of(const struct rate *rate);
static struct shared_bucket *place(struct shared_buckets *b, uint64_t owner, uint32_t step);

bool shared_buckets_take(
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms)
{
    struct bucket_rate r = rate_of(rate);
    int64_t now_ns = wall_now_ms * BUCKET_MS_NS;
    struct shared_bucket *mine = find(b, owner);
    if (mine == NULL)
        mine = claim(b, owner, now_ns);
    int64_t before = atomic_load(&mine->full_at_ns), after;
    do {
        after = before;
        if (!bucket_take(&after, now_ns, &r, 1))
            return false;
    } while (!atomic_compare_exchange_weak(&mine->full_at_ns, &before, after));
    return true;
}

void shared_buckets_reset(struct shared_buckets *b, uint64_t owner)
{
    struct shared_bucket *mine = find(b, owner);
    if (mine != NULL)
        atomic_store(&mine->full_at_ns, 0);
}

uint64_t shared_buckets_level(
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms)
{
    struct bucket_rate r = rate_of(rate);
    struct shared_bucket *mine = find(b, owner);
    int64_t full_at_ns = mine == NULL ? 0 : atomic_load(&mine->full_at_ns);
    return bucket_level(full_at_ns, wall_now_ms * BUCKET_MS_NS, &r);
}

static struct shared_bucket *place(struct shared_buckets *b, uint64_t owner, uint32_t step)
{
    return &b->at[((uint32_t)owner + step) % BUCKETS_SLOTS];
}

static struct shared_bucket *find(struct shared_buckets *b, uint64_t owner)
{
    for (uint32_t i = 0; i < BUCKETS_WINDOW; i++)
        if (atomic_load(&place(b, owner, i)->owner) == owner)
            return place(b, owner, i);
    return NULL;
}

// Two processes that claim two places for one owner at the same moment give it a token too many
// each, once: the next search finds the first place only.
static struct shared_bucket *claim(struct shared_buckets *b, uint64_t owner, int64_t now_ns)
{
    struct shared_bucket *best = place(b, owner, 0);
    for (uint32_t i = 0; i < BUCKETS_WINDOW; i++) {
        struct shared_bucket *s = place(b, owner, i);
        if (atomic_load(&s->owner) == owner)
            return s;
        if (atomic_load(&s->full_at_ns) < atomic_load(&best->full_at_ns))
            best = s;
        if (atomic_load(&best->full_at_ns) <= now_ns)
            break;
    }
    atomic_store(&best->full_at_ns, 0); // nobody inherits what another owes
    atomic_store(&best->owner, owner);
    return best;
}

static struct bucket_rate rate_of(const struct rate *rate)
{
    return (struct bucket_rate){.count = rate->count, .period_ms = rate->period_ms};
}
