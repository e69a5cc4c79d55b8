// SPDX-License-Identifier: Apache-2.0
// directory/login_cache.h: what was right or wrong a moment ago (directory.md 6.4), so that a
// client that logs in again and again costs one computation. A worker's own. The secret is not
// kept: the key is an HMAC of directory, login and secret under bytes that the worker made for
// itself.
#pragma once

#include "directory/settings.h"

struct login_cache;
struct err login_cache_new(const struct directory_settings *s, struct login_cache **out) MUST_USE;
void login_cache_free(struct login_cache *c); // NULL is fine

#define LOGIN_KEY_BYTES 32
struct login_key {
    uint8_t bytes[LOGIN_KEY_BYTES];
};
struct login_key login_cache_key(
        const struct login_cache *c, struct str directory, struct str name, struct str secret);

enum cached { CACHED_NOTHING, CACHED_RIGHT, CACHED_WRONG };
// Right holds only for the account as it was then: id and revision.
enum cached login_cache_get(
        struct login_cache *c, const struct login_key *key, const struct account *account);
void login_cache_put(struct login_cache *c, const struct login_key *key,
        const struct account *account, enum cached what);
// Has this code of the second factor been used? Each is good once; remembered for three steps.
bool login_cache_code_is_new(struct login_cache *c, const struct account *account, struct str code);
