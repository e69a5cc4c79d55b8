// SPDX-License-Identifier: Apache-2.0
// manage/gate.h: what every HTTP request passes before and behind the routes, in the order of
// management.md 1.2: banned clients, health probes, http.allowed-endpoint, the anonymous rate
// limit; and, when nothing is served at its path, the paths that only scanners ask for.
//
//     struct gate gate = {.settings = &plan->http, .visit = &visit, .shared = shared, ...};
//     struct http_server server = {..., .gate = gate_check, .gate_arg = &gate,
//             .missing = gate_missing};
#pragma once

#include "listen/visit.h"
#include "manage/http_settings.h"

#define EXPRESSION_WAIT_MS (10 * SECOND_MS) // of all lookups of one http.allowed-endpoint

struct gate { // of one connection
    const struct http_settings *settings;
    struct visit *visit;
    struct listen_shared *shared; // NULL: requests are not limited
    const struct nets *exempt;    // server.allowed-ip; NULL: none
    uint8_t ipv6_prefix;          // what counts as one client
    struct event_log *log;        // may be NULL
    uint8_t node;
};

struct err gate_check(struct http_exchange *x) suspends MUST_USE;   // arg: struct gate *
struct err gate_missing(struct http_exchange *x) suspends MUST_USE; // arg: struct gate *
// GET /: where http.redirect-root says; arg: struct gate *
struct err gate_redirect_root(struct http_exchange *x) suspends MUST_USE;
