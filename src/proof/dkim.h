// SPDX-License-Identifier: Apache-2.0
// proof/dkim.h: are the signatures of this message good? RFC 6376, 8301, 8463. Verification has two
// halves: when the header is there, dkim_verify_begin reads the signatures, says which hashes of
// the body it wants and begins to look up keys; when the body is over, dkim_verify_end waits for
// the keys and decides. Body and keys are shared with ARC (proof/arc.h).
//
//     struct key_ring keys AUTO(key_ring_end);
//     key_ring_begin(&keys, resolver, arena);
//     TRY(proof_head_read(arena, head_bytes, &head));
//     TRY(dkim_verify_begin(arena, &rules, &head, bodies, &keys, &verifier));
//     ...body_hashes_add(bodies, piece)...
//     TRY(body_hashes_end(bodies));
//     TRY(dkim_verify_end(verifier, &answer));
//
// What a sender writes is a result, never an error; an error is our own trouble. What one message
// may cost is bounded: signatures, distinct body hashes, records per key, sizes of keys, and time.
// The length of a header is bounded by whoever received it.
#pragma once

#include "base/base.h"

#include "proof/canon.h"
#include "proof/head.h"
#include "proof/key_ring.h"
#include "proof/strategy.h"

#define DKIM_FIELDS_READ_MAX 100        // signature fields of one message; others are counted
#define DKIM_FIELD_BYTES_MAX (32 * KIB) // a longer signature field is malformed
#define DKIM_NAMES_MAX 1000             // in h=
#define DKIM_LENGTH_DIGITS_MAX 76       // of l=, RFC 6376 3.5
#define DKIM_RECORDS_MAX 3              // of one key that are tried
#define DKIM_RSA_BITS_MAX 8192

enum dkim_result {
    DKIM_NONE, // there is no signature; only as an overall result
    DKIM_PASS,
    DKIM_FAIL,
    DKIM_NEUTRAL,
    DKIM_POLICY,
    DKIM_TEMPERROR,
    DKIM_PERMERROR,
};
struct str dkim_result_name(enum dkim_result result);
// Of a message with two signatures: pass, temperror, fail, permerror, policy, neutral.
enum dkim_result dkim_result_better(enum dkim_result one, enum dkim_result other);

enum dkim_reason {
#define REASON(name, word, result, comment) DKIM_##name,
#include "proof/dkim_reasons.def"
};
struct str dkim_reason_word(enum dkim_reason reason);    // "body-hash"
struct str dkim_reason_comment(enum dkim_reason reason); // "body hash did not verify"
enum dkim_result dkim_reason_result(enum dkim_reason reason);

// --- Signature fields ----------------------------------------------------------------------------

enum dkim_algorithm { DKIM_ALGORITHM_UNKNOWN, DKIM_RSA_SHA256, DKIM_RSA_SHA1, DKIM_ED25519_SHA256 };

struct dkim_signature {
    enum dkim_reason reason; // DKIM_FINE unless the field alone decides; then what follows may lack
    struct str detail;       // what is wrong, for a person; null: the reason says it all
    enum dkim_algorithm algorithm;
    enum canon head_canon, body_canon;
    struct str algorithm_text;  // a=
    struct str domain;          // d=, lower case, A-labels; null: there is none
    struct str selector;        // s=
    struct str identity;        // i=, decoded; null: not given
    struct str identity_domain; // of it, lower case, A-labels
    struct str bytes;           // b=
    struct str hole;            // where it stands in the field
    struct str body_hash;       // bh=
    const struct str *names;    // h=
    size_t name_count;
    bool limited; // there is an l=
    uint64_t body_bytes_max;
    bool signed_at_given, expires_at_given;
    uint64_t signed_at_s, expires_at_s; // t=, x=
    uint64_t instance;                  // i= of ARC; 0: there is none, or it makes no sense
    bool wants_reports;                 // r=y
    struct str third_party;             // atps=, RFC 6541; null: none
    struct str third_party_hash;        // atpsh=; null: not given
};

// DKIM-Signature, or ARC-Message-Signature, which has no v= and another i=.
enum dkim_form { DKIM_FIELD, DKIM_OF_ARC };
// The body of a field, behind the colon; slices are its own or in the arena.
struct err dkim_signature_parse(
        struct arena *a, enum dkim_form form, struct str body, struct dkim_signature *out) MUST_USE;

#define ARC_INSTANCE_MAX 50 // RFC 8617 4.2.1
bool arc_instance_read(struct str text, uint64_t *out);

// --- Key records ---------------------------------------------------------------------------------

enum dkim_key_type { DKIM_KEY_RSA, DKIM_KEY_ED25519 };

struct dkim_key {
    enum dkim_key_type type;
    struct str public_key;        // p=, decoded
    struct str modulus, exponent; // of RSA, big-endian, without leading zeros
    uint32_t bits;                // of RSA: the modulus; else 256
    bool sha256, sha1;            // h=
    bool email;                   // s=
    bool testing, exact_domain;   // t=y, t=s
};
// DKIM_FINE, or why no signature can be verified with this record: KEY_SYNTAX, KEY_UNKNOWN,
// KEY_REVOKED. An error is a lack of memory.
struct err dkim_key_parse(struct arena *a, struct str text, struct dkim_key *out,
        enum dkim_reason *out_reason) MUST_USE;

// --- Verification --------------------------------------------------------------------------------

struct dkim_rules {
    int64_t now_s;          // since 1970
    uint64_t skew_s;        // auth.dkim.clock-skew
    size_t signatures_max;  // auth.dkim.limits.signatures
    int64_t wait_ms;        // auth.dkim.timeout, for the keys
    uint32_t rsa_bits_min;  // 1024, RFC 8301 3.2
    bool allow_sha1;        // only for looking at old mail
    bool allow_body_length; // auth.dkim.strict = false
    bool atps;              // auth.dkim.atps
};
struct dkim_rules dkim_rules_default(int64_t now_s);

struct dkim_verdict { // on one signature
    const struct dkim_signature *signature;
    enum dkim_result result;
    enum dkim_reason reason;
    struct str detail;     // null: nothing to add
    uint32_t key_bits;     // 0: no key was found
    bool testing;          // the key says t=y
    enum dkim_result atps; // may it sign for the author (RFC 6541)? DKIM_NONE: nobody asked
    uint64_t body_bytes;   // of the canonical body, where l= covers less of it; else 0
};
struct dkim_answer {
    enum dkim_result result;       // the best of pass temperror fail permerror policy neutral
    const struct dkim_verdict *at; // topmost first
    size_t count;
};

struct dkim_verifier;
// Everything given must live until dkim_verify_end.
struct err dkim_verify_begin(struct arena *a, const struct dkim_rules *rules,
        struct proof_head *head, struct body_hashes *bodies, struct key_ring *keys,
        struct dkim_verifier **out) MUST_USE;
struct err dkim_verify_end(struct dkim_verifier *v, struct dkim_answer *out) suspends MUST_USE;

// --- What becomes of it --------------------------------------------------------------------------

// One result for each signature that was looked at, "none" without any. False: the arena is full.
struct authres;
bool authres_add_dkim(
        struct arena *a, struct authres *list, const struct dkim_answer *answer) MUST_USE;
// authentication.md 5.7. The author's domain as proof_head_author_domain has it; may be null.
bool dkim_refuses(const struct dkim_answer *answer, enum proof_strategy strategy, struct str author,
        struct proof_refusal *out);
