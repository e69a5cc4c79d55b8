// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_rate.c: whether a report may leave at all (queue.md 12.9, 12.11): never to nobody,
// never about reports or to our own sender of them, and to one return path only so many in a while,
// for who forges it should not make us flood it.
#include "queue/dsn/dsn.h"

#include "base/hash.h"
#include "listen/buckets.h"

#define TELL_EVERY_MS MINUTE_MS

struct dsn_rates {
    uint64_t seed;
    uint64_t suppressed; // since it was told
    int64_t told_at_ms;
    struct shared_buckets buckets; // not shared here; its pages come into being as they are used
};

static bool rate_allows(
        const struct dsn_settings *s, struct dsn_rates *rates, struct str to, int64_t wall_now_ms);

struct dsn_rates *dsn_rates_new(uint64_t seed)
{
    struct dsn_rates *rates = mem_new(struct dsn_rates);
    if (rates != NULL)
        rates->seed = seed;
    return rates;
}

void dsn_rates_free(struct dsn_rates *rates)
{
    mem_free(rates);
}

enum dsn_fate dsn_fate_of(const struct dsn_settings *s, struct dsn_rates *rates,
        const struct message *m, const struct dsn_words *words, int64_t wall_now_ms)
{
    if ((m->flags & MESSAGE_REPORT) != 0)
        return DSN_FATE_NEVER;
    if (str_is_empty(m->sender))
        return DSN_FATE_DOUBLE_BOUNCE;
    if ((m->flags & MESSAGE_DSN) != 0 || str_eq_nocase(m->sender, words->from_address))
        return DSN_FATE_NEVER;
    if (!words->send)
        return DSN_FATE_OFF;
    return rate_allows(s, rates, m->sender, wall_now_ms) ? DSN_FATE_SEND : DSN_FATE_RATE;
}

static bool rate_allows(
        const struct dsn_settings *s, struct dsn_rates *rates, struct str to, int64_t wall_now_ms)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 4 * KIB);
    if (rates == NULL || s->rate.count == 0)
        return true;
    struct str lower = arena_str_lower(&scratch, to);
    uint64_t owner = hash_sip24(rates->seed, 0, str_is_null(lower) ? to : lower) | 1;
    if (shared_buckets_take(&rates->buckets, owner, &s->rate, wall_now_ms))
        return true;
    rates->suppressed++;
    return false;
}

uint64_t dsn_rates_suppressed(struct dsn_rates *rates, int64_t wall_now_ms)
{
    uint64_t count = rates->suppressed;
    int64_t since_ms = wall_now_ms - rates->told_at_ms;
    if (count == 0 || (since_ms >= 0 && since_ms < TELL_EVERY_MS))
        return 0;
    rates->suppressed = 0;
    rates->told_at_ms = wall_now_ms;
    return count;
}
