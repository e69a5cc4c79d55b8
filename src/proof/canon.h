// SPDX-License-Identifier: Apache-2.0
// proof/canon.h: canonicalization, RFC 6376 3.4. A body is read once, in pieces as it arrives, and
// feeds the hashes of all signatures (DKIM, ARC, our own to be made): each distinct combination of
// canonicalization, hash and length is computed once, whoever wants it. Cutting the body into other
// pieces changes nothing.
//
//     struct body_hashes *bodies AUTO(body_hashes_free_auto) = body_hashes_new();
//     TRY(body_hashes_want(bodies, &(struct body_hash_kind){.canon = CANON_RELAXED,
//             .bytes_max = CANON_WHOLE}, &index));
//     while (...)
//         body_hashes_add(bodies, piece);
//     TRY(body_hashes_end(bodies));
//     body_hashes_digest(bodies, index);
#pragma once

#include "base/base.h"

enum canon { CANON_SIMPLE, CANON_RELAXED };
struct str canon_name(enum canon canon); // "relaxed"

// --- Bodies --------------------------------------------------------------------------------------

enum proof_hash { PROOF_SHA256, PROOF_SHA1 }; // SHA-1 only where old mail is looked at
#define PROOF_DIGEST_BYTES_MAX 32

#define BODY_HASHES_MAX 16 // of one message; only signers who vary l= need more than four
#define CANON_WHOLE UINT64_MAX

struct body_hash_kind {
    enum canon canon;
    enum proof_hash hash;
    uint64_t bytes_max; // l=, of the canonical body; CANON_WHOLE: no limit
};

struct body_hashes;
struct body_hashes *body_hashes_new(void); // NULL: no memory
void body_hashes_free(struct body_hashes *b);
void body_hashes_free_auto(struct body_hashes **b);

// Before the first piece. ERR_LIMIT: there are BODY_HASHES_MAX already, or no memory.
struct err body_hashes_want(
        struct body_hashes *b, const struct body_hash_kind *kind, size_t *out_index) MUST_USE;
void body_hashes_add(struct body_hashes *b, struct str piece);
// The body is over. An error is one of the library that hashes.
struct err body_hashes_end(struct body_hashes *b) MUST_USE;
// After the end. The slice lives as long as b.
struct str body_hashes_digest(const struct body_hashes *b, size_t index);
uint64_t body_hashes_bytes(const struct body_hashes *b, size_t index); // of the canonical body
// The body was shorter than bytes_max said.
bool body_hashes_short(const struct body_hashes *b, size_t index);

// --- Header fields -------------------------------------------------------------------------------

// Adds a field (from its name to its line end, which may be missing) in canonical form with CRLF.
// What has no colon is no field, and must not be given.
void canon_field_add(struct buf *out, enum canon canon, struct str field);
// The same without the bytes of `hole`, a slice of the field (the value of b=), and without the
// last CRLF: RFC 6376 3.7.
void canon_signature_add(struct buf *out, enum canon canon, struct str field, struct str hole);
