// SPDX-License-Identifier: Apache-2.0
// deliver/shape/source.h: from which of our addresses a connection is made, and what it calls
// itself (outbound.md 7.3, 7.4, 28.3). Addresses stand in a connection strategy, or in a pool with
// weights, warm-ups and another pool behind it. A worker remembers which addresses could not be
// used a moment ago, and whether it has run out of descriptors or ports.
//
//     struct source source;
//     struct source_refusal why;
//     struct source_inputs in = {..., .turn = source_turn(&sources, strategy, &attempt_turn)};
//     if (!source_choose(&sources, &in, a, now_ms(), &source, &why))
//         ... none of that family can be used now, whatever pool: why.answer, why.until_ms ...
//     struct connect_options options = {.from = source.ip, .freebind = strategy->freebind};
//     e = net_connect(&address, &options, &stream);
//     if (source_note(&sources, &source, &address.ip, e, now_ms()))
//         ... not the host's fault: choose again, or put the unit off for source_pause_ms ...
//     struct str ehlo = source_ehlo_name(a, &source, &stream_local(stream)->ip);
//     ... nothing was sent from there: source_unused(in.shared, &source) ...
#pragma once

#include "deliver/settings/settings.h"
#include "deliver/shape/suspend.h"
#include "deliver/shape/warmup.h"

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
    int64_t told_pause_until_ms;
    int64_t no_ip6_until_ms; // this machine has no way into IPv6
    bool told_no_ip4, told_no_ip6;
    uint64_t *turns; // attempts of each strategy; NULL: no memory, chance takes their place
    size_t turn_count;
};

void sources_init(struct sources *s, struct arena *a, const struct deliver_settings *settings);

// An attempt's turn with select = round-robin: the next one for each attempt, and the same for all
// addresses that it tries under one strategy.
struct source_turn { // of an attempt; zero at first
    const struct connection_strategy *of;
    uint64_t turn;
};
uint64_t source_turn(struct sources *s, const struct deliver_settings *settings,
        const struct connection_strategy *strategy, struct source_turn *attempt);

struct source_inputs {
    const struct connection_strategy *strategy;
    struct str host;       // server.hostname
    enum ip_family family; // of the target; IP_NONE: a Unix socket
    struct str sender, rcpt_domain;
    struct str tenant, campaign; // tags of the message; empty: it has none
    struct str provider;         // the MX site, for warm-ups
    uint64_t turn;               // for select = round-robin
    struct ip before;            // not this one if another is fit; IP_NONE: any
    int64_t wall_now_ms;
    struct limits_shared *shared;        // counters of warm-ups; NULL: nothing is counted
    const struct suspensions *suspended; // NULL: none
    const struct suspend_values *known;  // of the attempt, but the address
};

struct source {
    struct ip ip;         // IP_NONE: the system chooses
    struct str ehlo_name; // null: none that may be said, our address is
    struct str pool;      // id; null: of no pool
    bool warn_no_family;  // "no IPv6 source configured"; true once in a worker
    struct warmup_place warmup;
};

struct source_refusal {
    struct client_answer answer; // temporary
    int64_t until_ms;            // wall: no sooner (warm-up, suspended); 0: it counts as an attempt
};

// False: of that family no address can be used. The texts are static, or of the settings, or in the
// arena.
bool source_choose(struct sources *s, const struct source_inputs *in, struct arena *a,
        int64_t now_ms, struct source *out, struct source_refusal *out_why) MUST_USE;
// No message was sent from there after all: the warm-up has its place back.
void source_unused(struct limits_shared *shared, struct source *source);

// What follows for others from the end of net_connect. True: it is our own trouble, and says
// nothing about the host.
bool source_note(struct sources *s, const struct source *source, const struct ip *target,
        struct err connected, int64_t now_ms);

bool source_is_bad(const struct sources *s, const struct ip *ip, int64_t now_ms);
// How long nobody may connect, for want of descriptors or ports; 0: one may.
int64_t source_pause_ms(const struct sources *s, int64_t now_ms);
// May a target of this family be tried now? (outbound.md 5: no IPv6 here, found out a minute ago.)
bool source_has_family(const struct sources *s, const struct ip *target, int64_t now_ms);

// What we call ourselves on a connection from `local`: never null unless the arena is full.
struct str source_ehlo_name(struct arena *a, const struct source *source, const struct ip *local);
