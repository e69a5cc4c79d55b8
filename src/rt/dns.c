// SPDX-License-Identifier: Apache-2.0
// rt/dns.c: a question's way to its answer.
#include "rt/dns_resolver.h"

#include "rt/clock.h"

#define KEY_BYTES_MAX (DNS_NAME_TEXT_MAX + 8)

static struct err make_key(struct arena *a, const struct dns_question *q, struct str *out);
static struct err ask_around(struct resolver *r, struct arena *a, const struct dns_question *q,
        struct str key, struct dns_answer *out) suspends;
static struct err out_of_patience(struct resolver *r, struct arena *a, const struct dns_question *q,
        struct str key, struct dns_answer *out);
static int64_t patience_ms(const struct resolver *r);

struct dns_settings dns_settings_default(void)
{
    return (struct dns_settings){
            .try_ms = 5 * SECOND_MS,
            .retry_count = 2,
            .ttl_max_s = DAY_MS / SECOND_MS,
            .ttl_negative_max_s = 5 * MINUTE_MS / SECOND_MS,
            .inflight_max = 1000,
            .kept_bytes =
                    {
                            [DNS_KEPT_TXT] = (size_t)5 * MIB,
                            [DNS_KEPT_MX] = (size_t)5 * MIB,
                            [DNS_KEPT_IPV4] = (size_t)5 * MIB,
                            [DNS_KEPT_IPV6] = (size_t)5 * MIB,
                            [DNS_KEPT_PTR] = MIB,
                            [DNS_KEPT_TLSA] = MIB,
                            [DNS_KEPT_BLOCKLIST] = (size_t)5 * MIB,
                            [DNS_KEPT_OTHER] = MIB,
                    },
    };
}

struct err resolver_make(const struct resolver_backend *backend, void *state,
        const struct dns_settings *settings, struct resolver **out)
{
    struct resolver *r = mem_new(struct resolver);
    if (r == NULL)
        return fail(ERR_LIMIT, "no memory for a resolver");
    struct err e = dns_cache_init(&r->cache, settings);
    if (failed(e)) {
        mem_free(r);
        return e;
    }
    r->backend = backend;
    r->state = state;
    r->settings = *settings;
    map_init(&r->asks, random_u64(), random_u64());
    *out = r;
    return OK;
}

struct err resolver_renew(struct resolver *r, struct arena *a, const struct dns_settings *settings)
{
    if (r->backend->renew != NULL)
        TRY(r->backend->renew(r, a, settings));
    r->settings = *settings;
    (void)dns_cache_flush(&r->cache, STR_NULL);
    return OK;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    r->backend->free(r);
    assert(r->ask_count == 0);
    map_done(&r->asks);
    dns_cache_done(&r->cache);
    mem_free(r);
}

struct err dns_ask(struct resolver *r, struct arena *a, const struct dns_question *question,
        struct dns_answer *out)
{
    struct dns_question q = *question;
    struct str key;
    struct dns_answer answer;
    TRY(dns_name_read(a, question->name, &q.name));
    TRY(make_key(a, &q, &key));
    r->figures.asked++;
    struct dns_kept_answer *kept = dns_cache_get(&r->cache, dns_kept_kind(&q), key);
    if (kept != NULL) {
        r->figures.from_cache++;
        TRY(dns_kept_copy(a, kept, &answer));
        answer.cached = true;
    } else {
        TRY(ask_around(r, a, &q, key, &answer));
    }
    answer.name = q.name;
    answer.type = q.type;
    if (r->trace != NULL)
        dns_trace_note(r->trace, &answer);
    *out = answer;
    return OK;
}

static struct err make_key(struct arena *a, const struct dns_question *q, struct str *out)
{
    struct str key = arena_fmt(a, "%u %.*s", q->type, ARG(q->name));
    if (str_is_null(key))
        return fail(ERR_LIMIT, "no memory for a question");
    assert(key.len <= KEY_BYTES_MAX);
    *out = key;
    return OK;
}

static struct err ask_around(struct resolver *r, struct arena *a, const struct dns_question *q,
        struct str key, struct dns_answer *out)
{
    struct dns_ask *ask;
    TRY(dns_ask_join(r, q, key, &ask));
    struct err e = dns_ask_wait(ask, patience_ms(r));
    if (!failed(e) && ask->result != NULL)
        e = dns_kept_copy(a, ask->result, out);
    else if (!failed(e))
        e = fail(ERR_LIMIT, "no memory for an answer of the DNS");
    dns_ask_leave(ask);
    // Our patience is an outcome; the caller's deadline is the caller's.
    if (e.kind == ERR_TIMEOUT && deadline_left_ms() > 0)
        return out_of_patience(r, a, q, key, out);
    return e;
}

static struct err out_of_patience(struct resolver *r, struct arena *a, const struct dns_question *q,
        struct str key, struct dns_answer *out)
{
    struct dns_kept_answer *stale = dns_cache_get_stale(&r->cache, dns_kept_kind(q), key);
    if (stale != NULL)
        return dns_kept_copy(a, stale, out);
    *out = (struct dns_answer){
            .outcome = DNS_TIMEOUT, .why = S("no answer within the time of a question")};
    return OK;
}

static int64_t patience_ms(const struct resolver *r)
{
    return r->settings.try_ms * ((int64_t)r->settings.retry_count + 1);
}

struct dns_figures resolver_figures(const struct resolver *r)
{
    struct dns_figures f = r->figures;
    f.inflight = r->ask_count;
    for (size_t i = 0; i < DNS_KEPT_COUNT; i++) {
        const struct dns_store *s = r->cache.stores[i];
        if (s == NULL)
            continue;
        f.kept_count += map_count(&s->entries);
        f.kept_bytes += s->young_bytes + s->old_bytes;
        f.evicted += s->evicted;
    }
    return f;
}

size_t resolver_flush(struct resolver *r, struct str name)
{
    struct arena a AUTO(arena_done);
    struct str normal = STR_NULL;
    arena_init(&a, 16 * KIB);
    if (!str_is_null(name) && failed(dns_name_read(&a, name, &normal)))
        return 0;
    return dns_cache_flush(&r->cache, normal);
}

struct str dns_owner(const struct dns_answer *answer)
{
    return answer->chain_count > 0 ? answer->chain[answer->chain_count - 1] : answer->name;
}

struct err dns_trouble(struct arena *a, const struct dns_answer *answer)
{
    struct buf type AUTO(buf_done);
    struct str outcome = dns_outcome_name(answer->outcome);
    buf_init(&type, 16);
    dns_type_add(&type, answer->type);
    if (answer->outcome == DNS_ANSWER)
        return OK;
    if (dns_is_void(answer->outcome))
        return fail_fmt(a, ERR_NOT_FOUND, "asking for %.*s of %.*s: %.*s", ARG(buf_str(&type)),
                ARG(answer->name), ARG(outcome));
    return fail_fmt(a, ERR_DNS, "asking for %.*s of %.*s: %.*s: %.*s", ARG(buf_str(&type)),
            ARG(answer->name), ARG(outcome), ARG(answer->why));
}
