// SPDX-License-Identifier: Apache-2.0
// deliver/told.h: what an attempt says on its way to a host, as events (outbound.md 26), and what
// TLS reports hear of it (outbound.md 18). Whoever does a step calls one of these after it; nothing
// here decides anything.
#pragma once

#include "deliver/remote.h"

// told.c. Each of the first three tells the reports, too.
void tell_hosts(struct remote *r, int64_t elapsed_ms) suspends;
void tell_addresses(struct remote *r, const struct host *host, const struct host_addresses *found,
        int64_t elapsed_ms) suspends;
void tell_plan(struct remote *r, const struct approach *p) suspends;
void tell_dane(struct remote *r, const struct approach *p); // what was found of TLSA records
// Settings demand what this machine cannot do now (outbound.md 14.3, 15.7).
void tell_impossible(struct remote *r, struct str reason, struct str details);
// Keeps the proof with the approach. The error is a lack of memory.
struct err tell_proof(struct remote *r, struct approach *p, const struct tls_proof *proof) MUST_USE;
// Those that a probe does not ask. `r` NULL: it is about the sender; `p` NULL: nobody is about to
// be connected to yet.
struct err tell_limiters(struct job *j, const struct remote *r, const struct approach *p,
        struct outbound_check *check) suspends MUST_USE;
void tell_rest(struct remote *r); // all that could be tried are cooling down
void tell_hello(struct remote *r, const struct approach *p, const struct connection *c);
void tell_transaction(
        struct remote *r, const struct connection *c, const struct client_transaction *t);

// tlsrpt_seen.c
void tlsrpt_see_connection(struct remote *r, struct approach *p, const struct connection *c,
        const struct tls_step *step) suspends;
void tlsrpt_see_refusal(struct remote *r, const struct approach *p) suspends;
// `host` null: the MX records themselves.
void tlsrpt_see_bogus(struct remote *r, struct str host, struct str reason) suspends;
void tlsrpt_see_no_policy(struct remote *r) suspends; // of MTA-STS, which is required
