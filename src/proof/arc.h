// SPDX-License-Identifier: Apache-2.0
// proof/arc.h: the chain of those who passed a message on, RFC 8617: was each link made by whom it
// names, and is the message still what the last of them saw? And our own link, when we pass it on.
// Verification has two halves like that of DKIM (proof/dkim.h), with which it shares hashes of the
// body and keys.
//
//     TRY(arc_verify_begin(arena, &rules, &head, bodies, &keys, &verifier));
//     ...the body passes...
//     TRY(arc_verify_end(verifier, &chain));
//     if (arc_may_seal(&chain))
//         TRY(arc_seal_make(arena, &head_as_sent, &(struct arc_seal){...}, &fields));
#pragma once

#include "base/base.h"

#include "proof/dkim.h"
#include "proof/dkim_sign.h"

enum arc_result { ARC_NONE, ARC_PASS, ARC_FAIL, ARC_TEMPERROR };
struct str arc_result_name(enum arc_result result); // "pass"

enum arc_check { ARC_UNCHECKED, ARC_GOOD, ARC_BAD };
struct str arc_check_name(enum arc_check check); // "unchecked", "pass", "fail"

// A link of the chain: ARC-Seal, ARC-Message-Signature, ARC-Authentication-Results. Where one of
// them lacks, or is there twice, its field is NULL or the topmost.
struct arc_set {
    const struct mail_field *seal, *message, *results;
    struct str cv;               // as written in the seal; null: nothing
    struct str domain, selector; // of the seal; null: it could not be read
    enum arc_check seal_check, message_check;
};

struct arc_rules {
    struct dkim_rules dkim;
    size_t sets_max;  // auth.arc.max-sets, up to ARC_INSTANCE_MAX
    bool oldest_pass; // auth.arc.oldest-pass: how far back is the message unchanged?
    int64_t wait_ms;  // auth.arc.timeout
};
struct arc_rules arc_rules_default(int64_t now_s);

enum arc_fault { // of shape: what a chain shows of itself, before any key is asked for
    ARC_FAULT_NONE,
    ARC_FAULT_CHAIN,    // a field is missing, or there twice
    ARC_FAULT_TOO_LONG, // more sets than there may be
    ARC_FAULT_HEADER,   // a seal says which fields it covers
    ARC_FAULT_CV,       // cv= is not what it must be
    ARC_FAULT_INSTANCE, // a field of no set
    ARC_FAULT_OTHER,    // a field makes no sense otherwise, or says that the chain is broken
};

struct arc_answer {
    enum arc_result result;
    enum arc_fault fault;
    const struct arc_set *sets; // by instance, from 1; slices are of the header
    size_t count;               // the highest instance found
    uint64_t oldest_pass;       // RFC 8617 5.2; 0: every AMS passes. Only with result pass
    bool has_oldest_pass;       // it was found out; of one set alone it always is
    struct str reason;          // why it is no pass, for a person; null: nothing to say
    bool sealed_as_failed;      // the topmost seal says cv=fail
};

struct arc_verifier;
// Everything given must live until arc_verify_end.
struct err arc_verify_begin(struct arena *a, const struct arc_rules *rules, struct proof_head *head,
        struct body_hashes *bodies, struct key_ring *keys, struct arc_verifier **out) MUST_USE;
struct err arc_verify_end(struct arc_verifier *v, struct arc_answer *out) suspends MUST_USE;

// The address is the client's. False: the arena is full.
struct ip;
bool authres_add_arc(struct arena *a, struct authres *list, const struct arc_answer *chain,
        const struct ip *ip) MUST_USE;
// authentication.md 8.2
bool arc_refuses(
        const struct arc_answer *chain, enum proof_strategy strategy, struct proof_refusal *out);

// --- Sealing -------------------------------------------------------------------------------------

// May the chain be extended by us? authentication.md 8.4. A chain that failed is sealed as such.
bool arc_may_seal(const struct arc_answer *chain);

struct arc_seal {
    const struct arc_answer *chain;
    const struct dkim_signer *signer; // its h= without fields of ARC and Authentication-Results
    struct str results;               // a value of Authentication-Results, our authserv-id first
    struct str body_hash;             // by dkim_sign_body_kind, of the message as it will be sent
    int64_t now_s;
};
// The three fields, each with its CRLF, in the order in which they go on top of the message.
struct arc_fields {
    struct str seal, message, results;
};
// `head` is that of the message as it will be sent, without these.
struct err arc_seal_make(struct arena *a, struct proof_head *head, const struct arc_seal *what,
        struct arc_fields *out) suspends MUST_USE;
