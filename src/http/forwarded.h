// SPDX-License-Identifier: Apache-2.0
// http/forwarded.h: who asks, behind reverse proxies (listeners.md 13.3). Forwarded (RFC 7239), or
// in its absence X-Forwarded-For, is believed only when the peer itself is trusted, and only as far
// as an unbroken row of trusted proxies reaches from the right: what stands to the left of them,
// their clients may have written themselves.
//
//     struct forwarded who = http_forwarded(x->head, &peer, rules, x->arena);
//     ...who.client, who.tls; who.missing is worth an event...
#pragma once

#include "http/read.h"
#include "listen/nets.h"

#define FORWARDED_ELEMENTS_MAX 64 // a longer row is cut at its left end, which is trusted least

enum forwarded_from {
    FORWARDED_FROM_NOBODY,
    FORWARDED_FROM_ANYBODY, // skips loopback, private networks and `trusted`
    FORWARDED_FROM_LISTED,  // skips `trusted`
};

struct forwarded_rules {
    enum forwarded_from from;
    const struct nets *trusted; // NULL: none
};

struct forwarded {
    struct ip client;
    bool tls;     // a trusted proxy says that its client came by https
    bool missing; // the peer is trusted and says nothing
};

struct forwarded http_forwarded(const struct http_head *head, const struct ip *peer,
        const struct forwarded_rules *rules, struct arena *a);
