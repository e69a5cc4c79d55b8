// SPDX-License-Identifier: Apache-2.0
// directory/scram.h: what is computed where a secret is proved and not sent: SCRAM (RFC 5802 3,
// RFC 7677) and CRAM-MD5 (RFC 2195). Formulas only: who says what when is smtp/sasl.h's, how keys
// are stored password.h's. False from any of them: this machine's OpenSSL refuses the hash.
#pragma once

#include "base/base.h"

// In a time that does not tell where they differ.
bool same_bytes(struct str a, struct str b);

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };
#define SCRAM_DIGEST_BYTES_MAX 32
#define SCRAM_SALT_BYTES 16     // of what we make
#define SCRAM_ITERATIONS 100000 // the same
size_t scram_digest_bytes(enum scram_hash hash);

struct scram_derived { // what a server keeps
    uint8_t stored_key[SCRAM_DIGEST_BYTES_MAX], server_key[SCRAM_DIGEST_BYTES_MAX];
};
// Slow on purpose: for helper threads, and the tools of the command line.
bool scram_derive(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
        struct scram_derived *out);

// Does the client's proof, of as many octets as the hash, belong to the stored key?
bool scram_proves(enum scram_hash hash, struct str stored_key, struct str auth_message,
        struct str proof, bool *out_right);
// HMAC: our own signature by the server key; salts for those who have none.
bool scram_sign(
        enum scram_hash hash, struct str key, struct str text, uint8_t out[SCRAM_DIGEST_BYTES_MAX]);

// The other side of it, for a client. Slow on purpose as well.
struct scram_proof {
    uint8_t proof[SCRAM_DIGEST_BYTES_MAX];
    uint8_t server_signature
            [SCRAM_DIGEST_BYTES_MAX]; // what a server must answer that knows the key
};
bool scram_prove(enum scram_hash hash, struct str password, struct str salt, uint32_t iterations,
        struct str auth_message, struct scram_proof *out);

#define CRAM_DIGEST_BYTES 16
bool cram_digest(struct str secret, struct str challenge, uint8_t out[CRAM_DIGEST_BYTES]);
// Is the client's digest that of the challenge by the secret?
bool cram_proves(struct str secret, struct str challenge, struct str digest, bool *out_right);
