// SPDX-License-Identifier: Apache-2.0
// deliver/shape/source_pick.c: see deliver/shape/source_pick.h.
#include "deliver/shape/source_pick.h"

#include "base/hash.h"

#define LOG_BITS 24 // behind the point

static size_t at_place(
        const struct source_address *const *fit, size_t count, uint64_t place, uint64_t divisor);
static uint64_t sum_of(const struct source_address *const *fit, size_t count);
static uint64_t common_divisor(uint64_t a, uint64_t b);
static uint64_t stride_over(uint64_t sum);
static uint64_t minus_log2(uint64_t number);

uint32_t source_weight(const struct source_address *one)
{
    return one->weight == 0 ? 1 : one->weight;
}

// Places are strided over, so that one of weight 5 does not have five turns in a row.
size_t pick_by_turn(const struct source_address *const *fit, size_t count, uint64_t turn)
{
    uint64_t divisor = 0;
    for (size_t i = 0; i < count; i++)
        divisor = common_divisor(source_weight(fit[i]), divisor);
    uint64_t sum = sum_of(fit, count) / divisor;
    uint64_t stride = sum == count ? 1 : stride_over(sum);
    return at_place(fit, count, turn % sum * stride % sum, divisor);
}

size_t pick_by_chance(const struct source_address *const *fit, size_t count, uint64_t random)
{
    return at_place(fit, count, random % sum_of(fit, count), 1);
}

// Rendezvous: each address draws a number between 0 and 1 for this sender; the least of
// -log(number) / weight wins, which is as fair as the weights say.
size_t pick_by_hash(const struct source_address *const *fit, size_t count, uint64_t number)
{
    size_t best = 0;
    uint64_t best_log = 0;
    for (size_t i = 0; i < count; i++) {
        struct str bytes = str_of((const char *)fit[i]->ip.bytes, sizeof(fit[i]->ip.bytes));
        uint64_t log = minus_log2(hash_sip24(number, 0, bytes));
        if (i > 0 && log * source_weight(fit[best]) >= best_log * source_weight(fit[i]))
            continue;
        best = i;
        best_log = log;
    }
    return best;
}

static size_t at_place(
        const struct source_address *const *fit, size_t count, uint64_t place, uint64_t divisor)
{
    size_t i = 0;
    for (; i + 1 < count && place >= source_weight(fit[i]) / divisor; i++)
        place -= source_weight(fit[i]) / divisor;
    return i;
}

static uint64_t sum_of(const struct source_address *const *fit, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += source_weight(fit[i]);
    return sum;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// Near the golden section of the sum, which leaves the most even gaps, and without a divisor in
// common with it, so that every place has its turn.
static uint64_t stride_over(uint64_t sum)
{
    uint64_t stride = sum * 618 / 1000;
    while (stride > 1 && common_divisor(stride, sum) > 1)
        stride--;
    return stride > 1 ? stride : 1;
}

// -log2(number / 2^64), with LOG_BITS behind the point: below 65 << LOG_BITS. Bit by bit: squaring
// a mantissa doubles its logarithm.
static uint64_t minus_log2(uint64_t number)
{
    uint64_t whole = 63 - (uint64_t)__builtin_clzll(number | 1);
    uint64_t mantissa = ((number | 1) << (63 - whole)) >> 32; // from 2^31 to 2^32
    uint64_t log = whole;
    for (int i = 0; i < LOG_BITS; i++) {
        mantissa = mantissa * mantissa >> 31;
        uint64_t bit = mantissa >> 32;
        mantissa >>= bit;
        log = log << 1 | bit;
    }
    return (UINT64_C(64) << LOG_BITS) - log;
}
