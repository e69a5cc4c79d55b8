// SPDX-License-Identifier: Apache-2.0
// listen/bans.h: who is banned, in memory that all processes of a server share, without locks: a
// ban by one worker counts for the next connection to any other (listeners.md 12.4). An IPv4
// client is banned by its address, an IPv6 client with its network.
//
// Bans live as long as the server; keeping them beyond that is the store's business.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#define BANS_SLOTS 65536
#define BANS_WINDOW 32 // slots in which a network may stand
#define BAN_FOREVER 0

enum ban_reason { BANNED_AUTH, BANNED_ABUSE, BANNED_LOITER, BANNED_SCAN };
struct str ban_reason_name(enum ban_reason reason); // as in the store: "portScanning"

struct ban {
    struct ip_net net;
    enum ban_reason reason;
    size_t listener_slot;         // where it happened
    uint64_t count;               // events until then
    int64_t created_s, expires_s; // since 1970; BAN_FOREVER
};

struct shared_bans {
    uint64_t seed[2];
    _Atomic int64_t first_end_s; // no ban ends before; 0: none does at all
    struct shared_ban {
        _Atomic uint64_t word; // state, prefix, reason, listener, end
        _Atomic uint64_t high, low;
        _Atomic uint64_t details; // beginning, count
    } at[BANS_SLOTS];
};

// A network that is banned already keeps the ban that lasts longer; false then. When a network's
// slots are all taken, the ban that would end soonest gives way.
bool bans_add(struct shared_bans *b, const struct ban *ban, int64_t now_s);
bool bans_find(struct shared_bans *b, const struct ip_net *net, int64_t now_s, struct ban *out);
bool bans_lift(struct shared_bans *b, const struct ip_net *net); // false: there was none
// All of them: start with *at = 0.
bool bans_next(struct shared_bans *b, size_t *at, int64_t now_s, struct ban *out);
// The same over those that have ended, which are removed on the way.
bool bans_sweep(struct shared_bans *b, size_t *at, int64_t now_s, struct ban *out);

// The network that stands for a client: its address, or `ipv6_prefix` bits of it.
struct ip_net client_net(const struct ip *client, uint8_t ipv6_prefix);
