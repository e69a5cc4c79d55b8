// SPDX-License-Identifier: Apache-2.0
// proof/key_cache.c: a map of records in the order of their coming; the oldest goes first, for what
// is used much is back at once.
#include "proof/key_cache.h"

#include "base/map.h"
#include "proof/public_key.h"

#include <openssl/evp.h>

struct key_cache {
    struct map kept; // of struct kept
    size_t keys_max;
};

struct kept {
    struct known_key known;
    size_t bytes;
    char text[];
};

static void keep(struct key_cache *cache, struct str record, const struct known_key *known);
static void drop_oldest(struct key_cache *cache);
static void kept_free(struct kept *k);

struct key_cache *key_cache_new(uint64_t seed0, uint64_t seed1, size_t keys_max)
{
    struct key_cache *cache = mem_new(struct key_cache);
    if (cache == NULL)
        return NULL;
    map_init(&cache->kept, seed0, seed1);
    cache->keys_max = keys_max;
    return cache;
}

void key_cache_free(struct key_cache *cache)
{
    if (cache == NULL)
        return;
    while (map_count(&cache->kept) > 0)
        drop_oldest(cache);
    map_done(&cache->kept);
    mem_free(cache);
}

struct err known_key_find(
        struct key_cache *cache, struct arena *a, struct str record, struct known_key *out)
{
    struct known_key known = {0};
    struct kept *kept = cache != NULL ? map_get(&cache->kept, record) : NULL;
    if (kept != NULL) {
        if (kept->known.ready == NULL) // most keys that are seen once are not seen again
            kept->known.ready = public_key_ready(&kept->known.key, kept->known.pkey);
        known = kept->known;
        if (known.pkey != NULL)
            EVP_PKEY_up_ref(known.pkey);
        *out = known;
        return OK;
    }
    TRY(dkim_key_parse(a, record, &known.key, &known.reason));
    if (known.reason == DKIM_FINE)
        known.pkey = public_key_make(&known.key);
    if (cache != NULL && record.len <= KEY_CACHE_TEXT_BYTES_MAX)
        keep(cache, record, &known);
    *out = known;
    return OK;
}

void known_key_done(struct known_key *known)
{
    public_key_free(known->pkey);
    known->pkey = NULL;
    known->ready = NULL;
}

// Without memory for it, it is not kept.
static void keep(struct key_cache *cache, struct str record, const struct known_key *known)
{
    struct kept *k = mem_bytes(sizeof(*k) + record.len);
    if (k == NULL)
        return;
    k->known = *known;
    k->known.key.public_key = k->known.key.modulus = k->known.key.exponent = STR_NULL;
    k->bytes = record.len;
    memcpy(k->text, record.ptr, record.len);
    if (k->known.pkey != NULL)
        EVP_PKEY_up_ref(k->known.pkey);
    if (!map_put(&cache->kept, str_of(k->text, k->bytes), k)) {
        kept_free(k);
        return;
    }
    while (map_count(&cache->kept) > cache->keys_max)
        drop_oldest(cache);
}

static void drop_oldest(struct key_cache *cache)
{
    size_t at = 0;
    struct str key;
    void *value = NULL;
    if (!map_next(&cache->kept, &at, &key, &value))
        return;
    (void)map_remove(&cache->kept, key);
    kept_free(value);
}

static void kept_free(struct kept *k)
{
    public_key_ready_free(k->known.ready);
    public_key_free(k->known.pkey);
    mem_free(k);
}
