// SPDX-License-Identifier: Apache-2.0
// listen/buckets.h: token buckets (conf/bucket.h) of many clients in shared memory, without locks:
// connection rates, and the counters of automatic bans. A bucket is known by a number of 64 bits
// that the caller makes of purpose and client under a secret. A bucket that is full again is
// forgotten; when none of a client's places is free, the one that is full soonest makes room.
#pragma once

#include "base/base.h"
#include "conf/types.h"

#define BUCKETS_SLOTS 65536
#define BUCKETS_WINDOW 8 // two lines of the cache

struct shared_buckets {
    struct shared_bucket {
        _Atomic uint64_t owner;
        _Atomic int64_t full_at_ns;
    } at[BUCKETS_SLOTS];
};

// False: no token is left.
bool shared_buckets_take(
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms);
void shared_buckets_reset(struct shared_buckets *b, uint64_t owner); // full from now on
uint64_t shared_buckets_level(                                       // tokens that are left
        struct shared_buckets *b, uint64_t owner, const struct rate *rate, int64_t wall_now_ms);
