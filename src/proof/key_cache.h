// SPDX-License-Identifier: Apache-2.0
// proof/key_cache.h: public keys as they are used, by the text of their record. A few senders sign
// most of the mail, and making a key and its first use cost as much again as a verification. The
// DNS's own cache decides how long a record holds; this one only knows what a text means, so there
// is nothing that could be stale. One per worker, which key_ring.cache points to.
#pragma once

#include "base/base.h"

#include "proof/dkim.h"

#define KEY_CACHE_KEYS_MAX 1000       // 7 MiB
#define KEY_CACHE_TEXT_BYTES_MAX 4096 // of a record that is kept

struct key_cache;
struct key_cache *key_cache_new(uint64_t seed0, uint64_t seed1, size_t keys_max); // NULL: no memory
void key_cache_free(struct key_cache *cache);

struct known_key {
    enum dkim_reason reason; // as dkim_key_parse has it
    struct dkim_key key;     // its slices are only there when the record is read for the first time
    struct evp_pkey_st *pkey; // NULL: no key that could verify anything
    // The same made ready, for public_key_check.ready; NULL: it is not. The cache's, until somebody
    // else uses it: that is, until the next call that suspends.
    struct evp_pkey_ctx_st *ready;
};
// A cache that is NULL knows nothing. An error is a lack of memory.
struct err known_key_find(struct key_cache *cache, struct arena *a, struct str record,
        struct known_key *out) MUST_USE;
void known_key_done(struct known_key *known);
