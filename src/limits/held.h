// SPDX-License-Identifier: Apache-2.0
// limits/held.h: what somebody holds of counters in shared memory, and tokens of buckets: the two
// things that limiters of both directions take (throttle.h; deliver/shape/limit.h). A counter is a
// number of 64 bits, made by limits_hash and its like of a limiter and the values of its keys.
#pragma once

#include "conf/bucket.h"
#include "limits/shared.h"

struct limits_hold {
    uint64_t counter;
    uint32_t slot;  // CLIENTS_NOWHERE: only remembered
    uint32_t marks; // the holder's own
};

struct limits_held { // zeroed, with its arena
    struct arena *arena;
    VEC(struct limits_hold) all;
};

struct limits_hold *limits_held_find(const struct limits_held *held, uint64_t counter);
// One of `most` places (0: only remembers the counter). False: they are all taken, or there is no
// memory, and nothing is held then.
bool limits_hold(struct limits_shared *s, size_t column, struct limits_held *held, uint64_t counter,
        uint64_t most) MUST_USE;
// Gives back all behind the first so many.
void limits_held_drop(
        struct limits_shared *s, size_t column, struct limits_held *held, size_t keep);
// Or those whose marks, of these, are so; the others stay in their order. How many.
size_t limits_held_drop_marked(struct limits_shared *s, size_t column, struct limits_held *held,
        uint32_t marks, uint32_t are);

// The bucket of a counter under this rate: with another rate it is another one.
uint64_t limits_bucket(const struct limits_shared *s, uint64_t counter, const struct rate *rate);
// False: refused, and there will be that many in *out_wait_ms (may be NULL).
bool limits_tokens_take(struct limits_shared *s, uint64_t bucket, const struct bucket_rate *rate,
        uint64_t tokens, int64_t wall_now_ms, int64_t *out_wait_ms);
void limits_tokens_give(
        struct limits_shared *s, uint64_t bucket, const struct bucket_rate *rate, uint64_t tokens);
