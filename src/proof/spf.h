// SPDX-License-Identifier: Apache-2.0
// proof/spf.h: SPF, RFC 7208: may this address send for that domain? spf_check is check_host() of
// its section 4, for one identity: it asks for the record, reads all of it, then goes through its
// terms until one matches. What a domain publishes, nonsense and endless chains too, is a result,
// never an error; an error is our own trouble (cancelled, no memory of the caller's).
//
//     struct spf_answer spf;
//     TRY(spf_check(resolver, &session->arena, &settings,
//             &(struct spf_question){.ip = peer, .helo = S("mx.example"), .sender = path}, &spf));
//
// What one evaluation may cost is bounded whatever the record says: look-ups and void look-ups
// (RFC 7208 4.6.4), ten addresses for one mx or ptr, time, and SPF_MEMORY_BYTES_MAX of answers.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#include "proof/strategy.h"

struct resolver;

#define SPF_RECORD_BYTES_MAX 4096      // joined, authentication.md 4.5
#define SPF_DEPTH_MAX 10               // records in one another; the look-ups end it at the latest
#define SPF_EXCHANGES_MAX 10           // of one mx, RFC 7208 4.6.4: more is a permerror
#define SPF_POINTERS_MAX 10            // of one ptr or %{p}: the rest is not looked at
#define SPF_EXPLANATION_BYTES_MAX 4096 // expanded; longer ones are dropped
#define SPF_MEMORY_BYTES_MAX (2 * MIB) // of one evaluation

enum spf_result {
    SPF_NONE,
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR,
    SPF_PERMERROR,
};
struct str spf_result_name(enum spf_result result); // "softfail", RFC 8601 2.7.2

// --- The check -----------------------------------------------------------------------------------

struct spf_settings {
    uint32_t lookups_max; // auth.spf.limits.lookups
    uint32_t voids_max;   // auth.spf.limits.void-lookups; UINT32_MAX: off
    int64_t wait_ms;      // auth.spf.timeout
    bool explain;         // auth.spf.explanation
};
struct spf_settings spf_settings_default(void);

enum spf_identity {
    SPF_OF_MAIL, // with a null sender this is postmaster@ the HELO name
    SPF_OF_HELO,
};

struct spf_question {
    enum spf_identity identity;
    struct ip ip;                   // a mapped one is unmapped
    struct str helo;                // as it was said
    struct str sender;              // reverse-path without brackets; empty: the null sender
    struct str receiver;            // our name, for %{r}; null: unknown
    bool exempt;                    // auth.spf.exempt: nothing is asked, the result is none
    struct str default_explanation; // for a fail of a domain that gives none; null: none
};

// RFC 6652: whom a domain wants to be told of failures. Null address: nobody.
struct spf_reporting {
    struct str address; // local part of ra=, at the domain of the record
    uint32_t percent;   // rp=
    bool error, fail, softfail, neutral;
};

struct spf_answer {
    enum spf_result result;
    enum spf_identity identity;
    bool null_sender, exempt;
    struct str domain;      // that was asked about
    struct str sender;      // local@domain, "postmaster" where there was no local part
    struct str helo;        // as given
    struct ip ip;           // unmapped
    struct str mechanism;   // as written, "-all"; null: none matched
    struct str explanation; // only with SPF_FAIL; the domain's own words: null: none
    struct str problem;     // of temperror and permerror, and why none; null: nothing to say
    struct spf_reporting reporting;
    uint32_t lookups, voids;
};

struct err spf_check(struct resolver *r, struct arena *a, const struct spf_settings *settings,
        const struct spf_question *question, struct spf_answer *out) suspends MUST_USE;

// authentication.md 4.8. The texts are static or of the answer, the detail is in the arena.
bool spf_refuses(struct arena *a, const struct spf_answer *answer, enum proof_strategy strategy,
        struct proof_refusal *out);

// --- Records -------------------------------------------------------------------------------------

enum spf_qualifier { SPF_PLUS, SPF_MINUS, SPF_TILDE, SPF_QUESTION };
enum spf_mechanism {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
};

struct spf_term {
    enum spf_qualifier qualifier;
    enum spf_mechanism mechanism;
    uint8_t prefix4, prefix6; // of a and mx
    struct ip_net net;        // of ip4 and ip6
    struct str domain;        // domain-spec with its macros; null: not given
    struct str text;          // as written
};
struct spf_record {
    const struct spf_term *terms;
    size_t term_count;
    struct str redirect, exp; // domain-spec; null: not given
    struct str ra, rp, rr;    // RFC 6652; null: not given
};

// Is this text an SPF record at all? "v=spf1" in any case, followed by a blank or nothing.
bool spf_record_begins(struct str text);
// ERR_SYNTAX: "column 12: an unknown mechanism". Slices of the text.
struct err spf_record_parse(struct arena *a, struct str text, struct spf_record *out) MUST_USE;
