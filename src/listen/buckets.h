// SPDX-License-Identifier: Apache-2.0
// listen/buckets.h: token buckets (conf/bucket.h) of many clients in shared memory, without locks:
// connection rates, the counters of automatic bans, throttles. An owner's moment (moments.h) is
// when its bucket will be full again, in nanoseconds since 1970. A bucket that is full is
// forgotten; when none of a client's places is free, the one that is full soonest makes room.
#pragma once

#include "base/base.h"
#include "conf/bucket.h"
#include "conf/types.h"
#include "listen/moments.h"

struct shared_buckets {
    struct shared_moments full;
};

// False: no token is left.
bool shared_buckets_take(
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms);
// Gives back a token that was taken a moment ago, and should not have been.
void shared_buckets_give(struct shared_buckets *b, uint64_t owner, const struct rate *rate);
// The same for several tokens at once, and with a capacity of its own. Refused, *out_wait_ms (may
// be NULL) is how long until there are so many.
bool shared_buckets_take_many(struct shared_buckets *b, uint64_t owner,
        const struct bucket_rate *rate, uint64_t tokens, int64_t wall_now_ms, int64_t *out_wait_ms);
void shared_buckets_give_many(
        struct shared_buckets *b, uint64_t owner, const struct bucket_rate *rate, uint64_t tokens);
void shared_buckets_reset(struct shared_buckets *b, uint64_t owner); // full from now on
uint64_t shared_buckets_level(                                       // tokens that are left
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms);
