// SPDX-License-Identifier: Apache-2.0
// listen/visit_state.h: what the files about visits share. Private to the room.
#pragma once

#include "listen/renewal.h"
#include "listen/visit.h"

#define REFUSALS_MAX 256 // polite refusals at a time; more clients than that are just closed
#define TOLD_ADDRESSES 256
#define SCRATCH_BYTES_MAX (16 * KIB)

struct listener_state { // what one process keeps about one listener
    uint8_t label;      // of its metrics
    int64_t option_told_at_ms;
    int64_t limits_told_full_at_ns; // a token bucket: see tell_limit
};

struct told_address { // security.ip-blocked: once a minute for each address
    struct ip ip;
    int64_t told_at_ms;
    uint64_t untold;
};

struct listen_process {
    const struct listen_settings *settings;
    struct listen_shared *shared;
    size_t column;
    struct event_log *log;
    struct metrics_column *metrics;
    struct listener_state *states; // by index
    struct told_address *told;
    struct renewal *renewal; // NULL: nothing to look after
    bool is_first;
    size_t refusing;
};

enum refusal {
    REFUSED_BLOCKED,
    REFUSED_GLOBAL,
    REFUSED_LISTENER,
    REFUSED_ADDRESS,
    REFUSED_RATE,
};

struct listener_state *visit_state(const struct visit *v);
// Tells and counts, and answers as the configuration says.
void visit_refuse(struct visit *v, enum refusal why, uint64_t limit) suspends;
// Counts a connection that ends without an answer for something in its first bytes.
void visit_proxy_error(struct visit *v, struct str reason);
void visit_count_refusal(struct visit *v, enum refusal_label label);
// The header of a trusted proxy, whose wait ends with proxy.timeout. False: to be closed; it was
// told.
bool visit_read_header(struct visit *v) suspends;
void visit_ban(struct visit *v, enum offence what, struct str about, uint64_t total);
bool visit_is_allowed(const struct visit *v);
// Listed or banned? Sets is_allowed.
bool visit_is_blocked(struct visit *v);
