// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_rate.c: whether a report may leave at all (queue.md 12.9, 12.11): never to nobody,
// never about reports or to our own sender of them, and to one return path only so many in a while,
// for who forges it should not make us flood it.
#include "queue/dsn/dsn.h"

#include "limits/held.h"

#define TELL_EVERY_MS MINUTE_MS

struct dsn_rates {
    struct limits_shared *shared;
    uint64_t suppressed; // since it was told
    int64_t told_at_ms;
};

static bool rate_allows(
        const struct dsn_settings *s, struct dsn_rates *rates, struct str to, int64_t wall_now_ms);

struct dsn_rates *dsn_rates_new(struct limits_shared *shared)
{
    struct dsn_rates *rates = mem_new(struct dsn_rates);
    if (rates != NULL)
        rates->shared = shared;
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
    struct limits_shared *shared = rates->shared;
    const struct bucket_rate rate = {.count = s->rate.count, .period_ms = s->rate.period_ms};
    struct str lower = arena_str_lower(&scratch, to);
    uint64_t counter = limits_hash_text(shared, limits_hash_text(shared, 0, S("report.dsn.rate")),
            str_is_null(lower) ? to : lower);
    uint64_t bucket = limits_bucket(shared, counter, &s->rate);
    if (limits_tokens_take(shared, bucket, &rate, 1, wall_now_ms, NULL))
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
