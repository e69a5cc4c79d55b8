// SPDX-License-Identifier: Apache-2.0
// proof/signature_check.h: the last steps for one signature, of DKIM or of ARC: its key has been
// asked for, what it signs has been hashed. Private to this room.
#pragma once

#include "base/base.h"

#include "proof/dkim.h"

struct signature_check {
    struct key_entry *key;
    enum dkim_algorithm algorithm;
    struct str digest, bytes;   // of what is signed; b=
    struct str domain;          // d=
    struct str identity_domain; // of i=; null: none
    uint32_t rsa_bits_min;
    bool body_differs; // then there is no digest
    // Out:
    enum dkim_reason reason;
    struct str detail; // in the arena or static; null: none
    uint32_t key_bits;
    bool testing;
};
// Waits for the key; the caller has set the deadline.
struct err signature_check(struct arena *a, struct signature_check *check) suspends MUST_USE;

// What a signature over fields covers, RFC 6376 3.7: the fields, and its own without b=. A null
// digest: looking for the names has cost more than one message may (proof_head_is_spent).
struct signed_head {
    struct proof_head *head;
    const struct mail_field *field; // the signature; never one of the fields
    enum canon canon;
    struct str hole; // the value of b=
    const struct str *names;
    size_t name_count;
};
struct err signed_head_digest(const struct signed_head *what, enum proof_hash hash, uint8_t *room,
        struct str *out) MUST_USE;

// What no key changes: SHA-1, l=, expiry. DKIM_FINE: nothing of it.
enum dkim_reason dkim_forbidden(const struct dkim_rules *rules, const struct dkim_signature *s);
enum dkim_algorithm dkim_algorithm_of(struct str name);

// The digest (SHA-256, or SHA-1 for DKIM_RSA_SHA1) of text; out has PROOF_DIGEST_BYTES_MAX of room.
struct err proof_digest(
        enum proof_hash hash, struct str text, uint8_t *out, struct str *out_digest) MUST_USE;
static inline enum proof_hash dkim_algorithm_hash(enum dkim_algorithm algorithm)
{
    return algorithm == DKIM_RSA_SHA1 ? PROOF_SHA1 : PROOF_SHA256;
}
