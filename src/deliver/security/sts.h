// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts.h: MTA-STS (RFC 8461) from the sender's side: which policy holds for a
// domain, and is a host one of its exchanges? Grammars are in proof/transport.h; here they are
// asked for, fetched over HTTPS, kept, and kept up to date (outbound.md 16).
//
//     struct sts_inputs in = {.resolver = w->resolver, .cache = w->sts, .wish = tls->mta_sts, ...};
//     struct sts_result sts;
//     TRY(sts_find(&in, &attempt->arena, domain, &sts));
//     if (sts.is_refused)
//         return settle_all(unit, &sts.answer); // `require`, and there is none
//     ... for each host: if (sts.known != NULL && !sts_matches(sts.known, host))
//             skip it if sts.enforced; report "validation-failure" either way
//
// A cache belongs to a worker. What lasts lies in a folder that all workers of a node may share:
// one file a domain, named by the domain's digest, written whole under a name of its own, synced,
// and renamed, so that a reader finds either the old policy or the new one. Files are
// written without a lock: of two writers the later has the newer policy, or the same. Who fetches
// holds one, so that the others wait for what it brings.
#pragma once

#include "deliver/answer.h"
#include "deliver/settings/settings.h"
#include "proof/transport.h"
#include "rt/dns.h"

struct http_trust;
struct span;
struct sts_cache;

struct sts_cache_options {
    struct str folder;              // made when needed; null: nothing outlives the worker
    size_t bytes_max;               // of policies in memory, cache.dns.mta-sts.size
    int64_t refresh_ms;             // queue.mta-sts.refresh; 0: a day
    const struct http_trust *trust; // of the policies' hosts; NULL: the system's authorities
    uint16_t port;                  // 0: 443; tests have another
};
// As configured. The folder is `mta-sts` in global.state-dir, its name in the arena.
struct err sts_cache_options_read(
        struct arena *a, const struct conf *conf, struct sts_cache_options *out) MUST_USE;
// The options' folder and trust must outlive the cache.
struct err sts_cache_new(const struct sts_cache_options *options, struct sts_cache **out) MUST_USE;
void sts_cache_free(struct sts_cache *cache); // nobody may be asking; NULL is fine

struct sts_inputs {
    struct resolver *resolver;
    struct sts_cache *cache;
    const struct nets *prohibited; // addresses that no fetch may reach; NULL: none
    int64_t timeout_ms;            // of TXT and HTTPS together, queue.tls.<id>.timeout.mta-sts
    enum tls_wish wish;            // TLS_DISABLE: nothing is asked, and there is no policy
    struct span *span;             // hears of it; may be NULL
};

// A policy with what it came with.
struct sts_known {
    struct str domain;
    struct str id;                  // of the TXT record that it was fetched for
    struct sts_policy policy;       // mode, exchanges
    struct str text;                // as fetched: TLS reports quote its lines
    int64_t fetched_ms, expires_ms; // of the calendar
};

// What went wrong on the way, also when an older policy still serves.
enum sts_fault {
    STS_FAULT_NONE,
    STS_FAULT_DNS,         // the record could not be asked for
    STS_FAULT_RECORD,      // it is there and cannot be read
    STS_FAULT_FETCH,       // no connection, no 200, no text, too slow
    STS_FAULT_CERTIFICATE, // of the policy's host
    STS_FAULT_POLICY,      // fetched, and cannot be read, or too large
};
// The result type of TLS reports (RFC 8460 4.3): "sts-policy-fetch-error"; null for those that are
// not reported (outbound.md 18).
struct str sts_fault_type(enum sts_fault fault);

struct sts_result {
    const struct sts_known *known; // in the arena; NULL: no policy, or one of mode none
    bool enforced; // hosts must match and prove themselves: mode enforce, or TLS_REQUIRE
    enum sts_fault fault;
    struct str why;  // of the fault, for a person
    bool is_refused; // TLS_REQUIRE, and no policy:
    struct client_answer answer;
};

// `domain`: A-labels, of the recipients (or of a relay whose strategy requires a policy). The error
// is our own trouble only: no memory, or the caller's deadline or cancellation.
struct err sts_find(const struct sts_inputs *in, struct arena *a, struct str domain,
        struct sts_result *out) suspends MUST_USE;

// Whatever the case of its letters; a dot at the end does not count.
bool sts_matches(const struct sts_known *known, struct str mx_host);

// Refreshes what was used in the last seven days once it is older than refresh_ms, and throws away
// what has expired; goes on until it is cancelled. For one worker of a node. A task_main whose
// argument is a const struct sts_inputs *, which must outlive it; `wish` does not count.
struct err sts_refresh_main(void *inputs) suspends MUST_USE;
