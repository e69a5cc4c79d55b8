// SPDX-License-Identifier: Apache-2.0
// deliver/doubt.c: see deliver/doubt.h.
#include "deliver/doubt.h"

#include "base/hash.h"

#define TELL_MS MINUTE_MS

static bool is_recent(int64_t at_ms, int64_t now_ms);

// A domain that is asked about again counts once, with its last answer.
void doubt_note_domain(struct doubts *d, struct str domain, enum doubt_domain what, int64_t now_ms)
{
    uint64_t hash = hash_sip24(0, 0, domain);
    size_t place = d->domain_next;
    for (size_t i = 0; i < d->domain_count; i++)
        if (d->domains[i].hash == hash)
            place = i;
    if (place == d->domain_next) {
        d->domain_next = (place + 1) % DOUBT_DOMAINS_MAX;
        if (d->domain_count < DOUBT_DOMAINS_MAX)
            d->domain_count++;
    }
    d->domains[place].hash = hash;
    d->domains[place].at_ms = now_ms;
    d->domains[place].is_absent = what == DOUBT_ABSENT;
}

void doubt_note_connect(struct doubts *d, struct err connected, int64_t now_ms)
{
    size_t place = d->connect_next;
    d->connect_next = (place + 1) % DOUBT_CONNECTS_MAX;
    if (d->connect_count < DOUBT_CONNECTS_MAX)
        d->connect_count++;
    d->connects[place].at_ms = now_ms;
    d->connects[place].is_unreached = connected.kind == ERR_UNSUPPORTED;
}

bool doubt_dns(const struct doubts *d, int64_t now_ms)
{
    size_t all = 0, absent = 0;
    for (size_t i = 0; i < d->domain_count; i++)
        if (is_recent(d->domains[i].at_ms, now_ms)) {
            all++;
            absent += d->domains[i].is_absent;
        }
    return all >= DOUBT_DOMAINS_MIN && absent * 100 >= all * DOUBT_ABSENT_PERCENT;
}

bool doubt_network(const struct doubts *d, int64_t now_ms)
{
    size_t all = 0, unreached = 0;
    for (size_t i = 0; i < d->connect_count; i++)
        if (is_recent(d->connects[i].at_ms, now_ms)) {
            all++;
            unreached += d->connects[i].is_unreached;
        }
    return all >= DOUBT_CONNECTS_MIN && unreached * 100 > all * DOUBT_UNREACHED_PERCENT;
}

bool doubt_may_tell(struct doubts *d, int64_t now_ms)
{
    if (d->told_at_ms != 0 && now_ms - d->told_at_ms < TELL_MS)
        return false;
    d->told_at_ms = now_ms;
    return true;
}

static bool is_recent(int64_t at_ms, int64_t now_ms)
{
    return now_ms - at_ms < DOUBT_WINDOW_MS;
}
