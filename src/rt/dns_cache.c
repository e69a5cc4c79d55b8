// SPDX-License-Identifier: Apache-2.0
// rt/dns_cache.c: answers kept for their TTL, by kind and within a number of bytes. What leaves
// when room is needed is decided as by S3-FIFO (Yang et al., SOSP 2023): new answers stand in a
// short queue, and only those asked for again there move to the long one; so a scan (a spam run
// with a million sender domains) passes through without washing out what is in daily use.
#include "rt/dns_resolver.h"

#include "base/hash.h"
#include "rt/clock.h"

#define YOUNG_PART 10   // one tenth of the bytes is for the short queue
#define USES_MAX 3      // more are not counted
#define EXTRA_BYTES 128 // of an entry beyond itself: its places in the map

struct entry {
    struct link link; // in young or old
    struct str key;   // behind the entry
    struct dns_kept_answer *kept;
    size_t bytes;
    int64_t until_ms;       // it is believed
    int64_t stale_until_ms; // it is kept for who gets no other answer; at least until_ms
    uint8_t uses;
    bool is_old;
};

static struct entry *entry_make(const struct dns_cache *c, enum dns_kept kind, struct str key,
        struct dns_kept_answer *kept);
static bool may_be_stale(enum dns_kept kind, const struct dns_answer *answer);
static void entry_enter(struct dns_store *s, struct entry *e, bool old);
static void entry_leave(struct dns_store *s, struct entry *e);
static void entry_drop(struct dns_store *s, struct entry *e);
static void make_room(struct dns_store *s, const struct dns_cache *c);
static void evict_young(struct dns_store *s, const struct dns_cache *c);
static void evict_old(struct dns_store *s);
static uint32_t *ghost_of(
        struct dns_store *s, const struct dns_cache *c, struct str key, uint32_t *out_mark);
static struct entry *last_of(struct list *l);
static size_t copy_text(char **at, struct str from, struct str *out);
static size_t pack(char *at, const struct dns_answer *from, struct dns_answer *out);

// --- Answers in one piece ------------------------------------------------------------------------

struct dns_kept_answer *dns_kept_make(const struct dns_answer *from)
{
    struct dns_answer sized;
    size_t bytes = sizeof(struct dns_kept_answer) + pack(NULL, from, &sized);
    struct dns_kept_answer *kept = mem_bytes(bytes);
    if (kept == NULL)
        return NULL;
    kept->holders = 1;
    kept->bytes = bytes;
    kept->made_at_ms = now_ms();
    (void)pack((char *)(kept + 1), from, &kept->answer);
    return kept;
}

struct dns_kept_answer *dns_kept_hold(struct dns_kept_answer *kept)
{
    kept->holders++;
    return kept;
}

void dns_kept_drop(struct dns_kept_answer *kept)
{
    if (kept == NULL)
        return;
    assert(kept->holders > 0);
    if (--kept->holders == 0)
        mem_free(kept);
}

struct err dns_kept_copy(
        struct arena *a, const struct dns_kept_answer *kept, struct dns_answer *out)
{
    struct dns_answer sized;
    char *room = arena_bytes(a, pack(NULL, &kept->answer, &sized) + 1);
    if (room == NULL)
        return fail(ERR_LIMIT, "no memory for an answer of the DNS");
    (void)pack(room, &kept->answer, out);
    int64_t age_s = (now_ms() - kept->made_at_ms) / SECOND_MS;
    out->stale = out->ttl_s > 0 && age_s >= out->ttl_s;
    if (out->stale)
        out->ttl_s = DNS_STALE_TTL_S;
    else if (out->ttl_s > 0)
        out->ttl_s -= (uint32_t)age_s;
    for (size_t i = 0; i < out->count; i++) {
        struct dns_record *r = (struct dns_record *)(void *)room + i;
        if (r->ttl_s > out->ttl_s)
            r->ttl_s = out->ttl_s;
    }
    return OK;
}

// Lays records, chain and all texts behind each other from `at` on, and tells how many bytes that
// takes; with NULL it only measures. Name and type belong to the question and stay out.
static size_t pack(char *at, const struct dns_answer *from, struct dns_answer *out)
{
    size_t bytes = from->count * sizeof(struct dns_record) + from->chain_count * sizeof(struct str);
    struct dns_record *records = (struct dns_record *)(void *)at;
    struct str *chain = at == NULL ? NULL : (struct str *)(void *)(records + from->count);
    char *text = at == NULL ? NULL : at + bytes;
    *out = *from;
    out->name = STR_NULL;
    out->cached = false;
    out->records = records;
    out->chain = chain;
    for (size_t i = 0; i < from->count; i++) {
        struct str rdata;
        bytes += copy_text(&text, from->records[i].rdata, &rdata);
        if (at != NULL)
            records[i] = (struct dns_record){.rdata = rdata, .ttl_s = from->records[i].ttl_s};
    }
    for (size_t i = 0; i < from->chain_count; i++) {
        struct str name;
        bytes += copy_text(&text, from->chain[i], &name);
        if (at != NULL)
            chain[i] = name;
    }
    return bytes + copy_text(&text, from->why, &out->why);
}

static size_t copy_text(char **at, struct str from, struct str *out)
{
    if (*at == NULL) {
        *out = STR_NULL;
        return from.len;
    }
    for (size_t i = 0; i < from.len; i++)
        (*at)[i] = from.ptr[i];
    *out = str_of(*at, from.len);
    *at += from.len;
    return from.len;
}

// --- The cache -----------------------------------------------------------------------------------

enum dns_kept dns_kept_kind(const struct dns_question *question)
{
    if (question->blocklist)
        return DNS_KEPT_BLOCKLIST;
    switch (question->type) {
    case DNS_TXT:
        return DNS_KEPT_TXT;
    case DNS_MX:
        return DNS_KEPT_MX;
    case DNS_A:
        return DNS_KEPT_IPV4;
    case DNS_AAAA:
        return DNS_KEPT_IPV6;
    case DNS_PTR:
        return DNS_KEPT_PTR;
    case DNS_TLSA:
        return DNS_KEPT_TLSA;
    default: // any number may be asked for
        return DNS_KEPT_OTHER;
    }
}

struct err dns_cache_init(struct dns_cache *c, const struct dns_settings *settings)
{
    *c = (struct dns_cache){
            .seed = {random_u64(), random_u64()}, .stale_max_s = settings->stale_max_s};
    for (size_t i = 0; i < DNS_KEPT_COUNT; i++) {
        if (settings->kept_bytes[i] == 0)
            continue;
        struct dns_store *s = mem_new(struct dns_store);
        if (s == NULL) {
            dns_cache_done(c);
            return fail(ERR_LIMIT, "no memory for the cache of the DNS");
        }
        map_init(&s->entries, c->seed[0], c->seed[1]);
        list_init(&s->young);
        list_init(&s->old);
        s->limit_bytes = settings->kept_bytes[i];
        c->stores[i] = s;
    }
    return OK;
}

void dns_cache_done(struct dns_cache *c)
{
    (void)dns_cache_flush(c, STR_NULL);
    for (size_t i = 0; i < DNS_KEPT_COUNT; i++) {
        if (c->stores[i] != NULL)
            map_done(&c->stores[i]->entries);
        mem_free(c->stores[i]);
        c->stores[i] = NULL;
    }
}

struct dns_kept_answer *dns_cache_get(struct dns_cache *c, enum dns_kept kind, struct str key)
{
    struct dns_store *s = c->stores[kind];
    struct entry *e = s == NULL ? NULL : map_get(&s->entries, key);
    if (e == NULL)
        return NULL;
    if (e->until_ms <= now_ms()) {
        if (e->stale_until_ms <= now_ms())
            entry_drop(s, e);
        return NULL;
    }
    if (e->uses < USES_MAX)
        e->uses++;
    return e->kept;
}

struct dns_kept_answer *dns_cache_get_stale(struct dns_cache *c, enum dns_kept kind, struct str key)
{
    struct dns_store *s = c->stores[kind];
    struct entry *e = s == NULL ? NULL : map_get(&s->entries, key);
    if (e == NULL || e->stale_until_ms <= now_ms())
        return NULL;
    int64_t until_ms = now_ms() + (int64_t)DNS_STALE_TTL_S * SECOND_MS;
    e->until_ms = until_ms < e->stale_until_ms ? until_ms : e->stale_until_ms;
    return e->kept;
}

void dns_cache_put(
        struct dns_cache *c, enum dns_kept kind, struct str key, struct dns_kept_answer *kept)
{
    struct dns_store *s = c->stores[kind];
    if (s == NULL)
        return;
    struct entry *before = map_get(&s->entries, key);
    if (before != NULL)
        entry_drop(s, before);
    struct entry *e = entry_make(c, kind, key, kept);
    if (e == NULL)
        return;
    if (e->bytes > s->limit_bytes || !map_put(&s->entries, e->key, e)) {
        dns_kept_drop(e->kept);
        mem_free(e);
        return;
    }
    uint32_t mark, *ghost = ghost_of(s, c, key, &mark);
    bool came_back = *ghost == mark;
    *ghost = came_back ? 0 : *ghost;
    entry_enter(s, e, came_back);
    make_room(s, c);
}

size_t dns_cache_flush(struct dns_cache *c, struct str name)
{
    size_t count = 0;
    for (size_t i = 0; i < DNS_KEPT_COUNT; i++) {
        struct dns_store *s = c->stores[i];
        struct str key, type, of;
        void *value;
        for (size_t at = 0; s != NULL && map_next(&s->entries, &at, &key, &value);) {
            if (!str_is_null(name) && (!str_cut(key, ' ', &type, &of) || !str_eq(of, name)))
                continue;
            entry_drop(s, value);
            count++;
        }
    }
    return count;
}

static struct entry *entry_make(
        const struct dns_cache *c, enum dns_kept kind, struct str key, struct dns_kept_answer *kept)
{
    struct entry *e = mem_bytes(sizeof(struct entry) + key.len);
    if (e == NULL)
        return NULL;
    char *text = (char *)(e + 1);
    (void)copy_text(&text, key, &e->key);
    e->kept = dns_kept_hold(kept);
    e->bytes = sizeof(struct entry) + key.len + kept->bytes + EXTRA_BYTES;
    e->until_ms = e->stale_until_ms = kept->made_at_ms + (int64_t)kept->answer.ttl_s * SECOND_MS;
    if (may_be_stale(kind, &kept->answer))
        e->stale_until_ms += (int64_t)c->stale_max_s * SECOND_MS;
    return e;
}

// Where mail goes. Keys and policies of old may be what their owner has just taken back.
static bool may_be_stale(enum dns_kept kind, const struct dns_answer *answer)
{
    return answer->outcome == DNS_ANSWER &&
           (kind == DNS_KEPT_MX || kind == DNS_KEPT_IPV4 || kind == DNS_KEPT_IPV6);
}

static void entry_enter(struct dns_store *s, struct entry *e, bool old)
{
    e->is_old = old;
    e->uses = 0;
    list_prepend(old ? &s->old : &s->young, &e->link);
    *(old ? &s->old_bytes : &s->young_bytes) += e->bytes;
}

static void entry_leave(struct dns_store *s, struct entry *e)
{
    link_remove(&e->link);
    *(e->is_old ? &s->old_bytes : &s->young_bytes) -= e->bytes;
}

static void entry_drop(struct dns_store *s, struct entry *e)
{
    entry_leave(s, e);
    (void)map_remove(&s->entries, e->key);
    dns_kept_drop(e->kept);
    mem_free(e);
}

static void make_room(struct dns_store *s, const struct dns_cache *c)
{
    while (s->young_bytes + s->old_bytes > s->limit_bytes) {
        bool young_is_long = s->young_bytes > s->limit_bytes / YOUNG_PART;
        if ((young_is_long || list_is_empty(&s->old)) && !list_is_empty(&s->young))
            evict_young(s, c);
        else
            evict_old(s);
    }
}

static void evict_young(struct dns_store *s, const struct dns_cache *c)
{
    struct entry *e = last_of(&s->young);
    if (e->uses > 0 && e->until_ms > now_ms()) {
        entry_leave(s, e);
        entry_enter(s, e, true);
        return;
    }
    uint32_t mark, *ghost = ghost_of(s, c, e->key, &mark);
    *ghost = mark;
    entry_drop(s, e);
    s->evicted++;
}

// Each use gives another round, so this ends after USES_MAX rounds at the latest.
static void evict_old(struct dns_store *s)
{
    struct entry *e = last_of(&s->old);
    if (e->uses > 0 && e->until_ms > now_ms()) {
        uint8_t uses = e->uses - 1;
        entry_leave(s, e);
        entry_enter(s, e, true);
        e->uses = uses;
        return;
    }
    entry_drop(s, e);
    s->evicted++;
}

static uint32_t *ghost_of(
        struct dns_store *s, const struct dns_cache *c, struct str key, uint32_t *out_mark)
{
    uint64_t hash = hash_sip24(c->seed[0], c->seed[1], key);
    *out_mark = (uint32_t)(hash >> 32) | 1; // never the 0 of an empty place
    return &s->ghosts[hash % DNS_GHOST_COUNT];
}

static struct entry *last_of(struct list *l)
{
    assert(!list_is_empty(l));
    return CONTAINER_OF(l->head.prev, struct entry, link);
}
