// SPDX-License-Identifier: Apache-2.0
// conf/bucket.c: the arithmetic. One token is worth `step` nanoseconds of refilling, rounded up so
// that no period ever gives more than its count. The debt is T - now, what is missing to a full
// bucket; a token is there as long as the debt leaves room for its step in capacity × step.
#include "conf/bucket.h"

static int64_t step_ns(const struct bucket_rate *rate);
static uint64_t capacity(const struct bucket_rate *rate);
static int64_t debt_ns(int64_t full_at_ns, int64_t now_ns, const struct bucket_rate *rate);
static int64_t times(int64_t a, uint64_t b);
static int64_t plus(int64_t a, int64_t b);

bool bucket_take(
        int64_t *full_at_ns, int64_t now_ns, const struct bucket_rate *rate, uint64_t tokens)
{
    if (bucket_wait_ns(*full_at_ns, now_ns, rate, tokens) > 0)
        return false;
    int64_t debt = debt_ns(*full_at_ns, now_ns, rate);
    *full_at_ns = plus(plus(now_ns, debt), times(step_ns(rate), tokens));
    return true;
}

// Below now T means "full", whatever its value: there is nothing to bound but zero.
void bucket_give(int64_t *full_at_ns, const struct bucket_rate *rate, uint64_t tokens)
{
    int64_t back = times(step_ns(rate), tokens);
    *full_at_ns = *full_at_ns > back ? *full_at_ns - back : 0;
}

uint64_t bucket_level(int64_t full_at_ns, int64_t now_ns, const struct bucket_rate *rate)
{
    int64_t step = step_ns(rate);
    int64_t debt = debt_ns(full_at_ns, now_ns, rate);
    uint64_t missing = (uint64_t)(debt / step) + (debt % step != 0 ? 1 : 0);
    return missing >= capacity(rate) ? 0 : capacity(rate) - missing;
}

int64_t bucket_wait_ns(
        int64_t full_at_ns, int64_t now_ns, const struct bucket_rate *rate, uint64_t tokens)
{
    if (tokens > capacity(rate))
        return INT64_MAX;
    int64_t room = times(step_ns(rate), capacity(rate) - tokens);
    int64_t debt = debt_ns(full_at_ns, now_ns, rate);
    return debt <= room ? 0 : debt - room;
}

static int64_t step_ns(const struct bucket_rate *rate)
{
    assert(rate->count >= 1 && rate->period_ms >= 1);
    int64_t period = times(BUCKET_MS_NS, (uint64_t)rate->period_ms);
    if (rate->count >= (uint64_t)period)
        return 1;
    return (period - 1) / (int64_t)rate->count + 1;
}

static uint64_t capacity(const struct bucket_rate *rate)
{
    return rate->burst > 0 ? rate->burst : rate->count;
}

// Never more than a full refill: a T from a clock that was ahead must not lock anybody out.
static int64_t debt_ns(int64_t full_at_ns, int64_t now_ns, const struct bucket_rate *rate)
{
    int64_t debt = 0;
    if (full_at_ns <= now_ns)
        return 0;
    if (__builtin_sub_overflow(full_at_ns, now_ns, &debt))
        debt = INT64_MAX;
    int64_t most = times(step_ns(rate), capacity(rate));
    return debt < most ? debt : most;
}

// Saturating: periods of centuries and buckets of billions stay in order, if not exact.
static int64_t times(int64_t a, uint64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}
