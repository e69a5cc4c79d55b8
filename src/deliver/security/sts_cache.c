// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_cache.c: the entries of a worker and their bound.
#include "deliver/security/sts_cache.h"

#include "conf/conf.h"
#include "http/client.h"
#include "rt/clock.h"

// outbound.md 16.2: after a failure, doubled with each that follows, each time up to a fifth more
// or less, so that workers and domains do not come back together.
#define RETRY_MS (5 * MINUTE_MS)
#define RETRY_MS_MAX HOUR_MS

static struct sts_entry *entry_new(struct sts_cache *cache, struct str domain);
static void entry_count(struct sts_entry *entry);
static void entry_free(struct sts_entry *entry);
static void make_room(struct sts_cache *cache);

struct err sts_cache_options_read(
        struct arena *a, const struct conf *conf, struct sts_cache_options *out)
{
    struct str folder = arena_join(a, conf_str(conf, S("global.state-dir")), S("/mta-sts"));
    if (str_is_null(folder))
        return fail(ERR_LIMIT, "no memory for the name of a folder");
    *out = (struct sts_cache_options){.folder = folder,
            .bytes_max = conf_u64(conf, S("cache.dns.mta-sts.size")),
            .refresh_ms = conf_duration_ms(conf, S("queue.mta-sts.refresh"))};
    return OK;
}

struct err sts_cache_new(const struct sts_cache_options *options, struct sts_cache **out)
{
    struct sts_cache *cache = mem_new(struct sts_cache);
    if (cache == NULL)
        return fail(ERR_LIMIT, "no memory for policies of MTA-STS");
    cache->options = *options;
    if (options->refresh_ms == 0)
        cache->options.refresh_ms = DAY_MS;
    map_init(&cache->entries, random_u64(), random_u64());
    list_init(&cache->order);
    *out = cache;
    return OK;
}

void sts_cache_free(struct sts_cache *cache)
{
    if (cache == NULL)
        return;
    each_safe_in_list (entry, &cache->order, struct sts_entry, in_order)
        entry_free(entry);
    map_done(&cache->entries);
    http_trust_free(cache->system);
    mem_free(cache);
}

struct err sts_entry_hold(struct sts_cache *cache, struct str domain, struct sts_entry **out)
{
    struct sts_entry *entry = map_get(&cache->entries, domain);
    if (entry == NULL)
        entry = entry_new(cache, domain);
    if (entry == NULL)
        return fail(ERR_LIMIT, "no memory for a policy of MTA-STS");
    entry->holders++;
    link_remove(&entry->in_order);
    list_append(&cache->order, &entry->in_order);
    *out = entry;
    return OK;
}

static struct sts_entry *entry_new(struct sts_cache *cache, struct str domain)
{
    struct sts_entry *entry = mem_bytes(sizeof(*entry) + domain.len);
    if (entry == NULL)
        return NULL;
    memcpy(entry + 1, domain.ptr, domain.len);
    entry->domain = str_of((const char *)(entry + 1), domain.len);
    entry->cache = cache;
    arena_init(&entry->arena, STS_KNOWN_BYTES_MAX);
    waitq_init(&entry->done);
    if (!map_put(&cache->entries, entry->domain, entry)) {
        mem_free(entry);
        return NULL;
    }
    list_append(&cache->order, &entry->in_order);
    entry_count(entry);
    return entry;
}

static void entry_count(struct sts_entry *entry)
{
    entry->cache->bytes -= entry->bytes;
    entry->bytes = sizeof(*entry) + entry->domain.len + entry->arena.used_bytes;
    entry->cache->bytes += entry->bytes;
}

void sts_entry_let_go(struct sts_entry *entry)
{
    if (entry == NULL)
        return;
    assert(entry->holders > 0);
    entry->holders--;
    make_room(entry->cache);
}

static void make_room(struct sts_cache *cache)
{
    each_safe_in_list (entry, &cache->order, struct sts_entry, in_order) {
        if (cache->bytes <= cache->options.bytes_max)
            break;
        if (entry->holders == 0)
            entry_free(entry);
    }
}

static void entry_free(struct sts_entry *entry)
{
    assert(entry->holders == 0);
    entry->cache->bytes -= entry->bytes;
    map_remove(&entry->cache->entries, entry->domain);
    link_remove(&entry->in_order);
    arena_done(&entry->arena);
    mem_free(entry);
}

// What is known must not be lost to a text that is no policy, so it is read beside it first.
struct err sts_entry_learn(
        struct sts_entry *entry, struct arena *scratch, const struct sts_known *known)
{
    struct sts_known trial;
    TRY(sts_known_make(scratch, known, &trial));
    entry->known = NULL;
    arena_reset(&entry->arena);
    struct sts_known *kept = arena_make(&entry->arena, struct sts_known);
    struct err e = kept == NULL ? fail(ERR_LIMIT, "no memory for a policy of MTA-STS")
                                : sts_known_make(&entry->arena, known, kept);
    if (!failed(e))
        entry->known = kept;
    entry->fault = STS_FAULT_NONE;
    entry->retry_at_ms = entry->wait_ms = 0;
    entry_count(entry);
    return e;
}

struct err sts_known_make(struct arena *a, const struct sts_known *from, struct sts_known *out)
{
    struct sts_known known = {.domain = arena_str(a, from->domain),
            .id = arena_str(a, from->id),
            .text = arena_str(a, from->text),
            .fetched_ms = from->fetched_ms};
    if (str_is_null(known.domain) || str_is_null(known.id) || str_is_null(known.text))
        return fail(ERR_LIMIT, "no memory for a policy of MTA-STS");
    TRY(sts_policy_parse(a, known.text, &known.policy));
    known.expires_ms = known.fetched_ms + (int64_t)known.policy.age_max_s * SECOND_MS;
    *out = known;
    return OK;
}

void sts_entry_failed(struct sts_entry *entry, enum sts_fault fault, struct str why)
{
    why = str_upto(why, sizeof(entry->why));
    memcpy(entry->why, why.ptr, why.len);
    entry->why_bytes = why.len;
    entry->fault = fault;
    entry->wait_ms = entry->wait_ms == 0 ? RETRY_MS : entry->wait_ms * 2;
    if (entry->wait_ms > RETRY_MS_MAX)
        entry->wait_ms = RETRY_MS_MAX;
    int64_t fifth = entry->wait_ms / 5;
    entry->retry_at_ms =
            now_ms() + entry->wait_ms - fifth + (int64_t)(random_u64() % (uint64_t)(2 * fifth + 1));
}
