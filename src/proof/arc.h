// SPDX-License-Identifier: Apache-2.0
// proof/arc.h: the chain of those who passed a message on, RFC 8617: was each link made by whom it
// names, and is the message still what the last of them saw? And our own link, when we pass it on.
// Verification has two halves like that of DKIM (proof/dkim.h), with which it shares hashes of the
// body and keys.
#pragma once

#include "base/base.h"

#include "proof/dkim.h"
#include "proof/dkim_sign.h"

#define ARC_SETS_MAX 50 // RFC 8617 4.2.1

enum arc_result { ARC_NONE, ARC_PASS, ARC_FAIL, ARC_TEMPERROR };
struct str arc_result_name(enum arc_result result); // "pass"

enum arc_check { ARC_UNCHECKED, ARC_GOOD, ARC_BAD };

struct arc_set {
    uint64_t instance;
    struct str cv;               // as written in the seal
    struct str domain, selector; // of the seal; null: it could not be read
    struct str results;          // ARC-Authentication-Results, the whole body, unfolded
    enum arc_check seal, message;
};

struct arc_rules {
    struct dkim_rules dkim;
    size_t sets_max;  // auth.arc.max-sets
    bool oldest_pass; // look how far back the message is unchanged
};
struct arc_rules arc_rules_default(int64_t now_s);

struct arc_answer {
    enum arc_result result;
    const struct arc_set *sets; // by instance, from 1
    size_t count;               // the highest instance found
    uint64_t oldest_pass;       // RFC 8617 5.2; 0: every AMS passes. Only with result pass
    struct str reason;          // why it is no pass, for a person; null: nothing to say
    bool sealed_as_failed;      // the topmost seal says cv=fail: the chain may not be extended
};

struct arc_verifier;
struct err arc_verify_begin(struct arena *a, const struct arc_rules *rules, struct proof_head *head,
        struct body_hashes *bodies, struct key_ring *keys, struct arc_verifier **out) MUST_USE;
struct err arc_verify_end(struct arc_verifier *v, struct arc_answer *out) suspends MUST_USE;

// --- Sealing -------------------------------------------------------------------------------------

// May the chain be extended by us? authentication.md 8.4.
bool arc_may_seal(const struct arc_answer *chain);

struct arc_seal {
    const struct arc_answer *chain;
    const struct dkim_signer *signer;
    struct str results; // a value of Authentication-Results, our authserv-id first
    int64_t now_s;
    struct str body_hash; // by arc_seal_body_kind, of the message as it will be sent
};
struct body_hash_kind arc_seal_body_kind(const struct dkim_signer *signer);
// The three fields, each with its CRLF, in the order in which they go on top of the message.
struct arc_fields {
    struct str seal, message, results;
};
struct err arc_seal_make(struct arena *a, struct proof_head *head, const struct arc_seal *what,
        struct arc_fields *out) suspends MUST_USE;
