// SPDX-License-Identifier: Apache-2.0
// directory/password.h: secrets as they are stored, and whether what somebody typed is one of them
// (directory.md 5.1). Checking is slow on purpose and needs up to a gigabyte: a task asks by
// password_check, which works on a helper thread; the tools of the command line may ask at once.
//
// What a stored form asks of us is bounded before anything is computed, because it may come from a
// directory that is not ours.
#pragma once

#include "base/base.h"
#include "rt/task.h"

#define PASSWORD_BYTES_MAX 1024 // of what is typed; longer is wrong
#define PASSWORD_STORED_BYTES_MAX 2048

// OK with the answer, or an error of whoever stored it: ERR_UNSUPPORTED for a scheme that is not
// known, ERR_SYNTAX for one that makes no sense, ERR_LIMIT for costs beyond the bounds. The login
// then fails for the moment, and not for good.
struct err password_check(
        struct arena *a, struct str stored, struct str typed, bool *out_right) suspends MUST_USE;
struct err password_check_now(
        struct arena *a, struct str stored, struct str typed, bool *out_right) MUST_USE;

enum password_hash { PASSWORD_ARGON2ID, PASSWORD_BCRYPT, PASSWORD_SCRYPT, PASSWORD_PBKDF2 };
#define PASSWORD_SALT_BYTES 16
// A new stored form; the salt is random bytes.
struct err password_make_now(struct arena *a, enum password_hash how, struct str typed,
        const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out) MUST_USE;
bool password_hash_named(struct str name, enum password_hash *out);

// "argon2id", "sha512-crypt", "clear text": for warnings and lists. Never the secret.
struct str password_form(struct str stored);
bool password_is_clear(struct str stored);
struct str password_clear_text(struct str stored); // of one that is: without {PLAIN}

// The keys of SCRAM (RFC 5802 3), {SCRAM-SHA-256}ITERATIONS,SALT,STOREDKEY,SERVERKEY in base64,
// from which the password does not follow. Also a form for PLAIN.
struct password_scram {
    bool is_sha256; // else SHA-1
    uint32_t iterations;
    struct str salt, stored_key, server_key;
};
bool password_scram_parse(struct arena *a, struct str stored, struct password_scram *out);
struct err password_scram_make_now(struct arena *a, struct str typed,
        const uint8_t salt[PASSWORD_SALT_BYTES], struct str *out) MUST_USE;
