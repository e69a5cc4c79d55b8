// SPDX-License-Identifier: Apache-2.0
// deliver/doubt.h: reasons for a worker to doubt what it sees rather than what others publish
// (outbound.md 27.3). A resolver that says of nearly everything that it does not exist, and a
// machine that has no way to nearly anything, have troubles of their own: then nobody's mail is
// given back because of the DNS, and no host is blamed.
//
//     doubt_note_domain(&d->doubts, domain, DOUBT_ABSENT, now_ms());
//     if (doubt_dns(&d->doubts, now_ms()) || doubt_network(&d->doubts, now_ms()))
//         ... a permanent failure of the DNS is a temporary one ...
//
// A worker's own, in memory: the last DOUBT_DOMAINS_MAX domains and DOUBT_CONNECTS_MAX connections.
// Moments are those of now_ms(), given by the caller.
#pragma once

#include "base/base.h"

#define DOUBT_WINDOW_MS (5 * MINUTE_MS)
#define DOUBT_DOMAINS_MIN 50 // different ones, before their number says anything
#define DOUBT_DOMAINS_MAX 512
#define DOUBT_ABSENT_PERCENT 95 // of them, or more
#define DOUBT_CONNECTS_MIN 20
#define DOUBT_CONNECTS_MAX 128
#define DOUBT_UNREACHED_PERCENT 90 // of them, and more

// No clock of a machine is right that shows a moment before this program was written
// (2026-11-01T00:00:00Z): signatures in the DNS and certificates would seem to be of the future.
#define DOUBT_CLOCK_BEFORE_MS INT64_C(1793491200000)

enum doubt_domain { DOUBT_EXISTS, DOUBT_ABSENT }; // ABSENT: NXDOMAIN

struct doubts { // zero at first
    struct {
        uint64_t hash; // of the domain
        int64_t at_ms;
        bool is_absent;
    } domains[DOUBT_DOMAINS_MAX];
    size_t domain_count, domain_next; // a ring
    struct {
        int64_t at_ms;
        bool is_unreached;
    } connects[DOUBT_CONNECTS_MAX];
    size_t connect_count, connect_next;
    int64_t told_at_ms; // of the last event about it; 0: never
};

void doubt_note_domain(struct doubts *d, struct str domain, enum doubt_domain what, int64_t now_ms);
// `connected`: how net_connect ended; ERR_UNSUPPORTED is a machine without a way.
void doubt_note_connect(struct doubts *d, struct err connected, int64_t now_ms);
bool doubt_dns(const struct doubts *d, int64_t now_ms);
bool doubt_network(const struct doubts *d, int64_t now_ms);
// Once a minute.
bool doubt_may_tell(struct doubts *d, int64_t now_ms);
