// SPDX-License-Identifier: Apache-2.0
// directory/password_forms.h: what the files of the stored forms share.
#pragma once

#include "directory/password.h"
#include "directory/scram.h"

#define CHECKED_BYTES_MAX 128 // the longest result that is compared

// The bounds of directory.md 5.1: a hostile entry must not stop the server.
enum {
    ARGON2_MEMORY_KIB_MAX = 1024 * 1024,
    ARGON2_TIME_MAX = 10,
    ARGON2_LANES_MAX = 64,
    BCRYPT_COST_MAX = 15,
    PBKDF2_ROUNDS_MAX = 10000000,
    SHACRYPT_ROUNDS_MAX = 10000000,
};
#define SCRYPT_BYTES_MAX ((uint64_t)1024 * MIB)

// Each takes the form without a {SCHEME} before it.
struct err argon2_check(struct arena *a, struct str stored, struct str typed, bool *out) MUST_USE;
struct err argon2_make(struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES],
        struct str *out) MUST_USE;
struct err scrypt_check(struct arena *a, struct str stored, struct str typed, bool *out) MUST_USE;
struct err scrypt_make(struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES],
        struct str *out) MUST_USE;
struct err pbkdf2_check(struct arena *a, struct str stored, struct str typed, bool *out) MUST_USE;
struct err pbkdf2_check_braced(struct arena *a, struct str scheme, struct str stored,
        struct str typed, bool *out) MUST_USE;
struct err pbkdf2_make(struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES],
        struct str *out) MUST_USE;
struct err crypt_check(struct arena *a, struct str stored, struct str typed, bool *out) MUST_USE;
struct err bcrypt_make(struct arena *a, struct str typed, const uint8_t salt[PASSWORD_SALT_BYTES],
        struct str *out) MUST_USE;
// Digests in base64, salted or not: false when the scheme is none of them.
bool digest_scheme(struct str scheme, const char **out_digest, bool *out_salted);
struct err digest_check(struct arena *a, const char *digest, bool salted, struct str stored,
        struct str typed, bool *out) MUST_USE;

// The whole form, {SCRAM-SHA-256} and all.
struct err scram_check(struct arena *a, struct str stored, struct str typed, bool *out) MUST_USE;

// PHC strings: $id[$v=N][$k=N,k=N]$salt$hash, base64 without padding.
struct phc {
    struct str id;
    struct str parameters; // null: none
    struct str salt, hash; // decoded
};
bool phc_parse(struct arena *a, struct str stored, struct phc *out);
bool phc_number(const struct phc *p, struct str name, uint64_t max, uint64_t *out);
// '.' instead of '+', and no padding, as crypt-like tools write base64.
bool decode_adapted64(struct arena *a, struct str text, struct str *out);
struct str encode_unpadded64(struct arena *a, struct str bytes);
