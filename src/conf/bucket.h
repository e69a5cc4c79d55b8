// SPDX-License-Identifier: Apache-2.0
// conf/bucket.h: the token bucket of configuration.md 10.4, the only rate limiter of the server,
// as arithmetic on one number: T, the moment at which the bucket will be full again. Who keeps T
// (shared memory, a store) calls these in one atomic step; T may be forgotten once it has passed.
// A bucket that was never used has T = 0.
//
//     if (!bucket_take(&t, now_ns, &rate, 1))
//         ...refused; a token comes in bucket_wait_ns(t, now_ns, &rate, 1)...
//
// Moments are nanoseconds since 1970 so that 1,000,000 tokens a second are exact enough; a clock
// that goes back makes nobody wait longer than a full refill.
#pragma once

#include "base/base.h"

#define BUCKET_MS_NS 1000000

struct bucket_rate {
    uint64_t count;    // tokens that come back in a period, 1 or more
    int64_t period_ms; // 1 or more
    uint64_t burst;    // capacity; 0: count
};

// Takes so many tokens; a refused event takes nothing.
bool bucket_take(
        int64_t *full_at_ns, int64_t now_ns, const struct bucket_rate *rate, uint64_t tokens);
// Puts back what was taken a moment ago: as if it had never been taken.
void bucket_give(int64_t *full_at_ns, const struct bucket_rate *rate, uint64_t tokens);
// Tokens that could be taken now.
uint64_t bucket_level(int64_t full_at_ns, int64_t now_ns, const struct bucket_rate *rate);
// How long until bucket_take would say yes: 0 now, INT64_MAX never (more than the capacity).
int64_t bucket_wait_ns(
        int64_t full_at_ns, int64_t now_ns, const struct bucket_rate *rate, uint64_t tokens);
