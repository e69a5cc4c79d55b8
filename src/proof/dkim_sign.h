// SPDX-License-Identifier: Apache-2.0
// proof/dkim_sign.h: our own signatures. A signer is a definition (signature.ID of the settings)
// with its private key; it never changes, and serves any number of messages. Several signers sign
// the same bytes, none covers another's field.
//
//     struct body_hash_kind kind = dkim_sign_body_kind(signer);
//     TRY(body_hashes_want(bodies, &kind, &index));
//     ...the body passes...
//     TRY(dkim_sign_make(arena, signer, &head, body_hashes_digest(bodies, index), now_s, &field));
#pragma once

#include "base/base.h"

#include "proof/canon.h"
#include "proof/dkim.h"
#include "proof/head.h"
#include "proof/private_key.h"

struct dkim_signer {
    struct str domain, selector; // d=, s=
    const struct private_key *key;
    enum key_place place; // where it is used
    enum canon head_canon, body_canon;
    const struct str *names; // signed wherever they are; a name given twice: one entry more
    size_t name_count;
    bool names_absent;            // names that are absent are listed, too: nobody can add them
    const struct str *oversigned; // one entry more than there are fields
    size_t oversigned_count;
    uint64_t expire_s;           // 0: never
    struct str identity;         // i=; null: none
    bool wants_reports;          // r=y
    struct str third_party;      // atps=, RFC 6541; null: none
    struct str third_party_hash; // atpsh=, "sha256", "sha1"; null: none
};
// authentication.md 6.2: the fields signed, and those nobody may add, unless settings say else.
extern const struct str dkim_names_recommended[];
extern const size_t dkim_names_recommended_count;
extern const struct str dkim_oversigned_recommended[];
extern const size_t dkim_oversigned_recommended_count;
struct dkim_signer dkim_signer_default(void); // recommended names, From oversigned, relaxed/relaxed

struct body_hash_kind dkim_sign_body_kind(const struct dkim_signer *signer);
// The whole field with its CRLF. ERR_REFUSED: there is no From field, or no address in it.
struct err dkim_sign_make(struct arena *a, const struct dkim_signer *signer,
        struct proof_head *head, struct str body_hash, int64_t now_s,
        struct str *out_field) suspends MUST_USE;

// --- For ARC -------------------------------------------------------------------------------------

// What h= lists for this message.
struct dkim_names {
    VEC(struct str) all;
};
struct err dkim_sign_names(struct arena *a, const struct dkim_signer *signer,
        const struct proof_head *head, struct dkim_names *out) MUST_USE;
