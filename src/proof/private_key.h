// SPDX-License-Identifier: Apache-2.0
// proof/private_key.h: what a signature is made with. Measured as proof/public_key.h tells: RSA of
// 2048 bits takes 900 us, 4096 bits 5.5 ms, Ed25519 50 us. To have a helper thread do it takes 60
// to 100 us of the processor on top. So keys of PRIVATE_KEY_INLINE_BITS_MAX are used at once, on
// the worker's large stack, as TLS does with keys of that size, unless the caller has processors
// for more than itself; longer ones go to a helper thread, and others of the worker go on.
#pragma once

#include "base/base.h"

#include "proof/dkim.h"

#define PRIVATE_KEY_RSA_BITS_MIN 2048 // RFC 8301 3.2 says SHOULD; 1024 can still be asked for
#define PRIVATE_KEY_RSA_BITS_MAX 4096
#define PRIVATE_KEY_INLINE_BITS_MAX 2048
#define PRIVATE_KEY_TEXT_BYTES_MAX (16 * KIB)

struct private_key;
// PEM: PKCS#1 or PKCS#8 of RSA, PKCS#8 of Ed25519; or a seed of Ed25519 in base64. ERR_CONFIG says
// what is wrong with it, never what it holds. Keys of RSA shorter than rsa_bits_min, or longer than
// PRIVATE_KEY_RSA_BITS_MAX, are refused.
struct err private_key_read(
        struct arena *a, struct str text, uint32_t rsa_bits_min, struct private_key **out) MUST_USE;
// RSA takes up to some seconds; not for a task of a worker.
struct err private_key_generate(
        enum dkim_key_type type, uint32_t bits, struct private_key **out) MUST_USE;
void private_key_free(struct private_key *key); // NULL is fine
void private_key_free_auto(struct private_key **key);

enum dkim_key_type private_key_type(const struct private_key *key);
uint32_t private_key_bits(const struct private_key *key);
// "RSA PRIVATE KEY" (PKCS#1), "PRIVATE KEY" (PKCS#8) of Ed25519.
struct err private_key_pem(const struct private_key *key, struct buf *out) MUST_USE;
// The TXT record that publishes it: "v=DKIM1; k=rsa; h=sha256; p=...".
struct err private_key_record(
        struct arena *a, const struct private_key *key, struct str *out) MUST_USE;

// Does what it signs verify with the record that publishes it? At load, once; takes a millisecond.
bool private_key_works(struct arena *a, const struct private_key *key);

enum key_place {
    KEY_HERE,  // at once, if the key is a short one
    KEY_ASIDE, // RSA on a helper thread, however short
};
// Signs a SHA-256 digest; the signature is added in base64.
struct err private_key_sign(const struct private_key *key, enum key_place place, struct str digest,
        struct buf *out) suspends MUST_USE;
