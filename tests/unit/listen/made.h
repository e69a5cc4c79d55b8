// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/made.h: keys and certificates made for a test and forgotten after it, so that
// none is committed.
#pragma once

#include "base/base.h"

#include <openssl/x509.h>

#define MADE_NOW_MS INT64_C(1795000000000) // what the tests take for now, in 2026

struct made_wish {
    const char *cn;    // NULL: none
    const char *names; // as OpenSSL writes them: "DNS:a.example,IP:192.0.2.1"; NULL: none
    EVP_PKEY *key;     // of the certificate
    X509 *issuer;      // NULL: self-signed
    EVP_PKEY *issuer_key;
    int64_t from_days, to_days; // from MADE_NOW_MS
    const EVP_MD *digest;       // NULL: SHA-256; none for Ed25519
    bool is_authority;
};

EVP_PKEY *made_key(const char *kind); // "P-256", "P-384", "secp256k1", "RSA-2048", "ED25519"
X509 *made_certificate(const struct made_wish *wish);

// PEM texts in the arena.
struct str made_pem(struct arena *a, X509 *x);
struct str made_key_pem(struct arena *a, EVP_PKEY *key);
struct str made_traditional_pem(struct arena *a, EVP_PKEY *key); // RSA/EC PRIVATE KEY
struct str made_encrypted_pem(struct arena *a, EVP_PKEY *key, const char *password);
struct str made_text(struct arena *a, const char *first, ...); // joins slices' C texts; NULL ends
