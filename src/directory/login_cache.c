// SPDX-License-Identifier: Apache-2.0
// directory/login_cache.c: entries in a map, and in the order in which they came: the oldest goes
// when there is no room. The key is random to everybody else, so its bytes are their own hash.
#include "directory/login_cache.h"

#include "base/list.h"
#include "base/map.h"
#include "rt/clock.h"
#include "rt/task.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define CODE_MS (90 * SECOND_MS) // three steps of the usual period

struct entry {
    struct link in_order;
    struct login_key key;
    uint32_t id;
    uint64_t revision;
    int64_t until_ms;
    enum cached what;
};

struct login_cache {
    struct map entries;
    struct list order; // oldest first
    uint8_t secret[32];
    int64_t right_ms, wrong_ms;
    size_t count_max;
};

struct keying { // deep_call takes one argument
    const struct login_cache *cache;
    struct buf text;
    struct login_key made;
};

static void make_key(void *arg);
static void keep(struct login_cache *c, const struct login_key *key, const struct account *account,
        enum cached what, int64_t lasts_ms);
static void drop(struct login_cache *c, struct entry *e);
static struct str key_str(const struct login_key *key);

struct err login_cache_new(const struct directory_settings *s, struct login_cache **out)
{
    struct login_cache *c = mem_new(struct login_cache);
    if (c == NULL)
        return fail(ERR_LIMIT, "no memory for a cache of logins");
    map_init(&c->entries, random_u64(), random_u64());
    list_init(&c->order);
    random_bytes(c->secret, sizeof(c->secret));
    c->right_ms = s->cache_ms;
    c->wrong_ms = s->cache_wrong_ms;
    c->count_max = s->cache_count_max;
    *out = c;
    return OK;
}

void login_cache_free(struct login_cache *c)
{
    if (c == NULL)
        return;
    each_safe_in_list (e, &c->order, struct entry, in_order)
        drop(c, e);
    map_done(&c->entries);
    mem_free(c);
}

// Lengths stand before the texts, so that no two of them run into each other.
struct login_key login_cache_key(
        const struct login_cache *c, struct str directory, struct str name, struct str secret)
{
    const struct str parts[] = {directory, name, secret};
    struct keying k = {.cache = c};
    buf_init(&k.text, 8 * KIB);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_fmt(&k.text, "%zu:", parts[i].len);
        buf_add(&k.text, parts[i]);
    }
    deep_call(make_key, &k); // OpenSSL wants a large stack
    mem_wipe(k.text.ptr, k.text.len);
    buf_done(&k.text);
    return k.made;
}

static void make_key(void *arg)
{
    struct keying *k = arg;
    unsigned len = 0;
    struct str text = buf_str(&k->text);
    const unsigned char *made = HMAC(EVP_sha256(), k->cache->secret, sizeof(k->cache->secret),
            (const unsigned char *)text.ptr, text.len, k->made.bytes, &len);
    assert(made != NULL && len == LOGIN_KEY_BYTES);
}

enum cached login_cache_get(
        struct login_cache *c, const struct login_key *key, const struct account *account)
{
    struct entry *e = map_get(&c->entries, key_str(key));
    if (e == NULL)
        return CACHED_NOTHING;
    bool same =
            account != NULL ? e->id == account->id && e->revision == account->revision : e->id == 0;
    if (same && now_ms() < e->until_ms)
        return e->what;
    drop(c, e);
    return CACHED_NOTHING;
}

void login_cache_put(struct login_cache *c, const struct login_key *key,
        const struct account *account, enum cached what)
{
    keep(c, key, account, what, what == CACHED_RIGHT ? c->right_ms : c->wrong_ms);
}

static void keep(struct login_cache *c, const struct login_key *key, const struct account *account,
        enum cached what, int64_t lasts_ms)
{
    struct entry *old = map_get(&c->entries, key_str(key));
    if (old != NULL)
        drop(c, old);
    if (lasts_ms <= 0)
        return;
    if (map_count(&c->entries) >= c->count_max)
        drop(c, CONTAINER_OF(list_first(&c->order), struct entry, in_order));
    struct entry *e = mem_new(struct entry);
    if (e == NULL)
        return; // then it is computed again
    *e = (struct entry){.key = *key,
            .id = account != NULL ? account->id : 0,
            .revision = account != NULL ? account->revision : 0,
            .until_ms = now_ms() + lasts_ms,
            .what = what};
    if (map_put(&c->entries, key_str(&e->key), e))
        list_append(&c->order, &e->in_order);
    else
        mem_free(e);
}

bool login_cache_code_is_new(struct login_cache *c, const struct account *account, struct str code)
{
    struct str number = str_of((const char *)&account->id, sizeof(account->id));
    struct login_key key = login_cache_key(c, S("code"), number, code);
    if (login_cache_get(c, &key, account) == CACHED_RIGHT)
        return false;
    keep(c, &key, account, CACHED_RIGHT, CODE_MS);
    return true;
}

static void drop(struct login_cache *c, struct entry *e)
{
    map_remove(&c->entries, key_str(&e->key));
    link_remove(&e->in_order);
    mem_free(e);
}

static struct str key_str(const struct login_key *key)
{
    return str_of((const char *)key->bytes, LOGIN_KEY_BYTES);
}
