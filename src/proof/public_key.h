// SPDX-License-Identifier: Apache-2.0
// proof/public_key.h: the public-key operations of verification. Measured on the reference machine
// with OpenSSL 3.0, a fresh key each: RSA of 1024 bits 28 us, 2048 bits 55 us, 4096 bits 150 us,
// 8192 bits 370 us, Ed25519 140 us. What takes less than 200 us is done at once, on the worker's
// large stack; longer keys than PUBLIC_KEY_INLINE_BITS_MAX go to a helper thread.
#pragma once

#include "base/base.h"

#include "proof/dkim.h"

#define PUBLIC_KEY_INLINE_BITS_MAX 4096

struct evp_pkey_st; // OpenSSL's
struct evp_pkey_ctx_st;

// NULL: no memory, or numbers that are no key.
struct evp_pkey_st *public_key_make(const struct dkim_key *key);
void public_key_free(struct evp_pkey_st *pkey);

// For a key that is used again and again: ready to verify signatures over SHA-256, at once. NULL:
// it is none of RSA, one for helper threads, or there is no memory.
struct evp_pkey_ctx_st *public_key_ready(const struct dkim_key *key, struct evp_pkey_st *pkey);
void public_key_ready_free(struct evp_pkey_ctx_st *ready); // NULL is fine

struct public_key_check {
    struct evp_pkey_st *pkey;      // NULL: nothing is good
    struct evp_pkey_ctx_st *ready; // of that key; NULL: none
    enum dkim_key_type type;
    uint32_t bits;
    enum proof_hash hash; // by which the digest was made
    struct str digest;    // Ed25519 signs it as a message, RFC 8463 3
    struct str signature;
    bool good;
};
// Sets `good`. An error: no memory, or no helper thread.
struct err public_key_verify(struct public_key_check *check) suspends MUST_USE;
// At once, however long the key is: for keys of our own, at load.
void public_key_verify_here(struct public_key_check *check);
