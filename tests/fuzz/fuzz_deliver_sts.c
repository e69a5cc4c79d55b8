// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_deliver_sts.c: policies of MTA-STS. What is read is in bounds and in one
// spelling; exchanges match themselves, and a copy reads the same.
#define POSTHASTE_BASE_ROOM
#include "deliver/security/sts_cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_exchange(const struct sts_known *known, struct str pattern, struct arena *a)
{
    bool is_wild = str_starts(pattern, S("*."));
    struct str host = is_wild ? arena_join(a, S("X"), str_from(pattern, 1)) : pattern;
    assert(!str_is_empty(pattern) && str_is_ascii(pattern) && !str_ends(pattern, S(".")));
    assert(!str_contains(str_from(pattern, is_wild ? 2 : 0), S("*")));
    assert(sts_matches(known, host));
    assert(sts_matches(known, arena_join(a, host, S("."))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    struct sts_known known, again;
    struct sts_known from = {.domain = S("example.net"),
            .id = S("1"),
            .text = str_of((const char *)data, size),
            .fetched_ms = 1000};
    arena_init(&a, 4 * MIB);
    if (size > STS_TEXT_BYTES_MAX || failed(sts_known_make(&a, &from, &known)))
        return 0;
    assert(known.policy.age_max_s <= STS_AGE_MAX_S && known.expires_ms >= known.fetched_ms);
    assert(known.policy.exchange_count > 0 || known.policy.mode == STS_NONE);
    assert(known.policy.exchange_count <= STS_EXCHANGES_MAX);
    for (size_t i = 0; i < known.policy.exchange_count; i++)
        check_exchange(&known, known.policy.exchanges[i], &a);
    assert(!sts_matches(&known, S("")) && !sts_matches(&known, S("*")));
    assert(!failed(sts_known_make(&a, &known, &again)));
    assert(again.policy.mode == known.policy.mode && again.expires_ms == known.expires_ms);
    assert(again.policy.exchange_count == known.policy.exchange_count);
    return 0;
}
