// SPDX-License-Identifier: Apache-2.0
// limits/shared.h: how much of everything a client may have (inbound.md 10). The room counts and
// remembers; what is refused, with which words, and how long somebody waits is the session's.
//
//     throttle.h  rates and concurrency that the administrator sets (10.4)
//     greylist.h  the first attempt of an unknown sender waits (10.5)
//     early.h     clients that have waited for the greeting (10.9)
//     daily.h     what an owner has had today, such as messages from a new address
//     tarpit.h    how many sessions of a listener may be made to wait (10.2)
//
// What is counted lies in shared memory (struct limits_shared), which the supervisor makes once and
// all workers of all generations use: a limit counts for the node, and outlives reloads. It has no
// locks, and what a process holds is counted in its column as well, so that a death gives it back.
// Everything has a fixed size: what does not fit makes room for itself among what ends soonest.
//
// The process that loads the configuration makes the settings (settings.h), which never change;
// each worker puts together a struct limits, whose parts must outlive it:
//
//     struct limits_settings settings;
//     TRY(limits_settings_make(arena, conf, &findings, &settings));
//     ...
//     struct limits limits = {.settings = &settings, .shared = shared, .column = column};
//
// Moments are given by the caller (wall_ms()), so that one command sees one clock.
#pragma once

#include "listen/buckets.h"
#include "listen/clients.h"
#include "listen/moments.h"
#include "listen/settings.h"
#include "rt/shared.h"

// Every (sender, recipient) that mails once is a bucket for minutes, and a first attempt that is
// remembered for days: so many tables, each of MOMENTS_SLOTS.
#define THROTTLE_TABLES 4
#define GREYLIST_TABLES 4

struct limits_shared {
    uint64_t seed[2];                               // of the hashes that stand for owners
    struct shared_buckets buckets[THROTTLE_TABLES]; // rates of throttles
    struct shared_clients slots;                    // concurrency of throttles
    struct shared_moments waiting[GREYLIST_TABLES]; // first seen then, ms
    struct shared_moments passed[GREYLIST_TABLES];  // may pass until then, ms
    struct shared_moments nets;                     // passes of a network, see greylist.c
    struct shared_moments daily;                    // what was sent today, see daily.h
    struct shared_moments patient;                  // waited for the greeting; known until then, ms
    struct shared_count tarpitted[LISTENERS_MAX];   // sessions that wait, by listener's slot
};

void limits_shared_init(struct limits_shared *s, uint64_t seed);
// A process has died: what it held in its column is nobody's now.
void limits_shared_forget(struct limits_shared *s, size_t column);

// A worker's view of it all.
struct limits {
    const struct limits_settings *settings;
    struct limits_shared *shared;
    size_t column;
};

// What a number stands for, so that one client has another number for each purpose.
enum limits_purpose {
    LIMITS_THROTTLE,
    LIMITS_GREYLIST,
    LIMITS_GREYLIST_NET,
    LIMITS_EARLY,
    LIMITS_OUTBOUND,
    LIMITS_WARMUP,
    LIMITS_RESPONSE,
};

// The number of an owner is made of its parts one by one: texts, addresses, networks.
uint64_t limits_hash(const struct limits_shared *s, enum limits_purpose purpose, uint64_t number);
uint64_t limits_hash_text(const struct limits_shared *s, uint64_t so_far, struct str text);
uint64_t limits_hash_ip(const struct limits_shared *s, uint64_t so_far, const struct ip *ip);

// The neighbourhood of a client: the /24 or /64 around its address (inbound.md 10.4).
struct ip limits_net_of(const struct ip *client);

// What an expression failed with, for the event eval.error; it has the answer that its section
// names all the same.
struct limits_fault {
    struct str key; // null: nothing failed
    struct expr_fault fault;
};
