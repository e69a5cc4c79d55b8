// SPDX-License-Identifier: Apache-2.0
// server/plan.h: what one generation of workers needs to know: the configuration, digested. It is
// made by the supervisor, inherited by its workers through fork, and never changes.
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/conf.h"
#include "conf/findings.h"
#include "http/server.h"
#include "rt/net.h"

#include <openssl/ssl.h>

#define WORKERS_MAX 64 // two generations must fit into COLUMNS_MAX

enum plan_protocol { PLAN_SMTP, PLAN_LMTP, PLAN_HTTP };

struct plan_address {
    struct endpoint at;
    struct listen_options options;
};

struct plan_listener {
    struct str id;
    enum plan_protocol protocol;
    const struct plan_address *addresses;
    size_t address_count;
    struct str host;
    const struct str *greeting;
    size_t greeting_count;
    SSL_CTX *tls; // NULL: no TLS
    bool tls_implicit, tls_required;
    int64_t tls_wait_ms;
    uint64_t connections_max;
    size_t count_slot; // which shared count is the listener's: by id, the same in all generations
};

struct plan {
    struct arena arena;
    struct conf *conf;
    const struct plan_listener *listeners;
    size_t listener_count;
    size_t worker_count;
    uint64_t connections_max;
    int64_t grace_ms;
    struct str host;
    struct http_limits http_limits;
    const struct http_field *http_fields; // of every answer
    size_t http_field_count;
    bool http_hsts;
    uint64_t number; // of the generation
};

// NULL when there are errors among the findings. The ticket secret is 32 bytes that all
// generations of this server share.
struct plan *plan_make(const struct conf_options *options, const uint8_t ticket_secret[32],
        struct findings *findings);
void plan_free(struct plan *plan); // NULL is fine

// server/plan_tls.c: the listener's TLS context, when it has TLS. False: there is an error.
bool plan_tls_make(struct plan *plan, struct findings *findings, const uint8_t ticket_secret[32],
        struct plan_listener *listener);
