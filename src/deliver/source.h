// SPDX-License-Identifier: Apache-2.0
// deliver/source.h: from which of our addresses a connection is made, and what it calls itself
// (outbound.md 7.3, 7.4). A worker remembers which addresses could not be used a moment ago, and
// whether it has run out of descriptors or ports.
//
//     struct source source;
//     struct client_answer why;
//     if (!source_choose(&sources, &in, a, now_ms(), &source, &why))
//         ... why: all of that family are bad ...
//     struct connect_options options = {.from = source.ip, .freebind = strategy->freebind};
//     e = net_connect(&address, &options, &stream);
//     if (source_note(&sources, &source, &address.ip, e, now_ms()))
//         ... not the host's fault: choose again, or put the unit off until sources.paused_until_ms
//     struct str ehlo = source_ehlo_name(a, &source, &stream_local(stream)->ip);
#pragma once

#include "deliver/settings.h"

#define SOURCES_BAD_MAX 32
#define SOURCE_BAD_MS (60 * SECOND_MS)
#define SOURCE_PAUSE_MS (5 * SECOND_MS)

struct sources { // of a worker; zero at first
    struct {
        struct ip ip;
        int64_t until_ms;
    } bad[SOURCES_BAD_MAX];
    size_t bad_count;
    int64_t paused_until_ms; // no new connection before: descriptors or ports have run out
    int64_t no_ip6_until_ms; // this machine has no way into IPv6
    bool told_no_ip4, told_no_ip6;
};

struct source_inputs {
    const struct connection_strategy *strategy;
    struct str host;       // server.hostname
    enum ip_family family; // of the target; IP_NONE: a Unix socket
    struct str sender, rcpt_domain;
    uint64_t turn; // for select = round-robin: counts the attempts, so that the next takes the next
};

struct source {
    struct ip ip;         // IP_NONE: the system chooses
    struct str ehlo_name; // null: none that may be said, our address is
    bool is_only;         // there is no other one of the family
    bool warn_no_family;  // "no IPv6 source configured"; true once in a worker
};

// False: all addresses of the family are bad; a temporary answer says so. The texts are static, or
// the strategy's, or in the arena.
bool source_choose(struct sources *s, const struct source_inputs *in, struct arena *a,
        int64_t now_ms, struct source *out, struct client_answer *out_why) MUST_USE;

// What follows for others from the end of net_connect. True: it is our own trouble, and says
// nothing about the host.
bool source_note(struct sources *s, const struct source *source, const struct ip *target,
        struct err connected, int64_t now_ms);

// May a target of this family be tried now? (outbound.md 5: no IPv6 here, found out a minute ago.)
bool source_has_family(const struct sources *s, const struct ip *target, int64_t now_ms);

// What we call ourselves on a connection from `local`: never null unless the arena is full.
struct str source_ehlo_name(struct arena *a, const struct source *source, const struct ip *local);
