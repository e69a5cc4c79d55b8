// SPDX-License-Identifier: Apache-2.0
// proof/iprev.h: does the name of an address lead back to the address? RFC 8601 3, also known as
// forward-confirmed reverse DNS; authentication.md 3. What the DNS says, nothing and nonsense too,
// is a result; an error is our own trouble (cancelled, no memory of the caller's).
//
//     struct iprev_answer iprev;
//     TRY(iprev_check(resolver, &session->arena, &settings, &peer, &iprev));
//     if (iprev_refuses(&iprev, strategy, &refusal))
//         ...reply refusal.code refusal.status refusal.text...
//
// The result is the session's. Only a temporary one that was refused is to be forgotten, so that
// the next MAIL asks again (iprev_is_kept).
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/conf.h"
#include "proof/strategy.h"

struct resolver;

#define IPREV_NAMES_MAX 10 // most that auth.iprev.max-names may be

enum iprev_result { IPREV_NONE, IPREV_PASS, IPREV_FAIL, IPREV_TEMPERROR, IPREV_PERMERROR };
struct str iprev_result_name(enum iprev_result result); // "pass", RFC 8601 2.7.3; of NONE ""

struct iprev_settings {
    const struct expr_setting *verify; // auth.iprev.verify, for iprev_strategy
    int64_t wait_ms;                   // auth.iprev.timeout
    size_t names_max;                  // auth.iprev.max-names
};
// Nothing can be wrong in it that conf/ does not tell.
void iprev_settings_make(const struct conf *conf, struct iprev_settings *out);
// What evaluating `verify` came to; PROOF_RELAXED when it failed (authentication.md 1.2).
enum proof_strategy iprev_strategy(const struct expr_result *verify);

struct iprev_answer {
    enum iprev_result result;
    struct ip ip;          // a mapped one is unmapped
    struct str name;       // that was verified; null unless PASS. What Received shows
    const struct str *ptr; // names of the address, also where they lead elsewhere
    size_t ptr_count;
    struct str comment; // "no PTR record"; null: none
};
// `iprev.ptr` of scripts and filters: the verified name, else the first; null: none.
struct str iprev_ptr(const struct iprev_answer *answer);

struct err iprev_check(struct resolver *r, struct arena *a, const struct iprev_settings *settings,
        const struct ip *ip, struct iprev_answer *out) suspends MUST_USE;

bool iprev_refuses(
        const struct iprev_answer *answer, enum proof_strategy strategy, struct proof_refusal *out);
// May the next MAIL of this session go by it?
bool iprev_is_kept(const struct iprev_answer *answer, enum proof_strategy strategy);
