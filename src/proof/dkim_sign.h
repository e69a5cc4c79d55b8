// SPDX-License-Identifier: Apache-2.0
// proof/dkim_sign.h: our own signatures. A signer is a definition (signature.ID of the settings)
// with its private key; it never changes, and serves any number of messages. Several signers sign
// the same bytes, none covers another's field.
//
//     struct body_hash_kind kind = dkim_sign_body_kind(signer);
//     TRY(body_hashes_want(bodies, &kind, &index));
//     ...the body passes...
//     TRY(dkim_sign(arena, signer, &head, body_hashes_digest(bodies, index), now_s, &field));
#pragma once

#include "base/base.h"

#include "proof/canon.h"
#include "proof/dkim.h"
#include "proof/head.h"

#define DKIM_SIGN_RSA_BITS_MIN 2048 // the RFC 8301 minimum of 1024 is for verifiers only
#define DKIM_SIGN_RSA_BITS_MAX 4096

// --- Private keys --------------------------------------------------------------------------------

struct private_key;
// PEM: PKCS#1 or PKCS#8 of RSA, PKCS#8 of Ed25519; or a seed of Ed25519 in base64. ERR_CONFIG says
// what is wrong with it, never what it holds. Shorter keys of RSA than rsa_bits_min are refused.
struct err private_key_read(
        struct arena *a, struct str text, uint32_t rsa_bits_min, struct private_key **out) MUST_USE;
struct err private_key_generate(
        struct arena *a, enum dkim_key_type type, uint32_t bits, struct private_key **out) MUST_USE;
void private_key_free(struct private_key *key);
void private_key_free_auto(struct private_key **key);
enum dkim_key_type private_key_type(const struct private_key *key);
uint32_t private_key_bits(const struct private_key *key);
// "RSA PRIVATE KEY" (PKCS#1), "PRIVATE KEY" (PKCS#8) of Ed25519.
struct err private_key_pem(const struct private_key *key, struct buf *out) MUST_USE;
// The TXT record that publishes it: "v=DKIM1; k=rsa; h=sha256; p=...".
struct err private_key_record(
        struct arena *a, const struct private_key *key, struct str *out) MUST_USE;

// --- Signers -------------------------------------------------------------------------------------

struct dkim_signer {
    struct str domain, selector; // d=, s=
    const struct private_key *key;
    enum canon head_canon, body_canon;
    const struct str *names; // to be signed wherever they are; a name twice: one entry more
    size_t name_count;
    bool names_absent;            // names that are absent are listed, too: nobody can add them
    const struct str *oversigned; // one entry more than there are fields
    size_t oversigned_count;
    uint64_t expire_s;   // 0: never
    struct str identity; // i=; null: none
    bool wants_reports;  // r=y
};
// authentication.md 6.2: the fields signed, and those nobody may add, unless settings say else.
extern const struct str dkim_names_recommended[];
extern const size_t dkim_names_recommended_count;
extern const struct str dkim_oversigned_recommended[];
extern const size_t dkim_oversigned_recommended_count;
struct dkim_signer dkim_signer_default(void); // recommended names, From oversigned, relaxed/relaxed

struct body_hash_kind dkim_sign_body_kind(const struct dkim_signer *signer);
// The whole field with its CRLF. ERR_REFUSED: there is no From field, or not just one.
struct err dkim_sign(struct arena *a, const struct dkim_signer *signer, struct proof_head *head,
        struct str body_hash, int64_t now_s, struct str *out_field) suspends MUST_USE;
