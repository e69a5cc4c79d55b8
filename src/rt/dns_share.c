// SPDX-License-Identifier: Apache-2.0
// rt/dns_share.c: questions under way, each asked once however many want to know.
#include "rt/dns_resolver.h"

#include "rt/clock.h"

#define TROUBLE_TTL_S 5 // temporary outcomes stop a stampede for so long: outbound.md 22.2

static struct err ask_begin(struct resolver *r, const struct dns_question *question, struct str key,
        struct dns_ask **out);
static struct err sleep_until_finish(struct dns_ask *ask) suspends;
static void ask_free_if_over(struct dns_ask *ask);
static struct dns_kept_answer *result_for(struct dns_ask *ask, const struct dns_answer *answer);
static uint32_t ttl_within_bounds(const struct dns_settings *s, const struct dns_answer *answer);

struct err dns_ask_join(struct resolver *r, const struct dns_question *question, struct str key,
        struct dns_ask **out)
{
    struct dns_ask *ask = map_get(&r->asks, key);
    if (ask == NULL)
        TRY(ask_begin(r, question, key, &ask));
    else
        r->figures.shared++;
    ask->waiters++;
    *out = ask;
    return OK;
}

static struct err ask_begin(struct resolver *r, const struct dns_question *question, struct str key,
        struct dns_ask **out)
{
    if (r->ask_count >= r->settings.inflight_max)
        return fail(ERR_LIMIT, "too many questions to the DNS at once");
    struct dns_ask *ask = mem_bytes(sizeof(struct dns_ask) + key.len + 1);
    if (ask == NULL)
        return fail(ERR_LIMIT, "no memory for a question to the DNS");
    char *text = (char *)(ask + 1); // zeroed: a NUL stands behind the name
    for (size_t i = 0; i < key.len; i++)
        text[i] = key.ptr[i];
    *ask = (struct dns_ask){
            .resolver = r,
            .key = str_of(text, key.len),
            .name = str_of(text + key.len - question->name.len, question->name.len),
            .type = question->type,
            .kind = dns_kept_kind(question),
            .waiters = 1, // so that an answer that comes at once does not free it
    };
    waitq_init(&ask->answered);
    if (!map_put(&r->asks, ask->key, ask)) {
        mem_free(ask);
        return fail(ERR_LIMIT, "no memory for a question to the DNS");
    }
    r->ask_count++;
    r->figures.sent++;
    struct err e = r->backend->start(r, ask);
    ask->waiters--;
    if (failed(e)) {
        ask_free_if_over(ask); // nobody else can have joined it: starting does not suspend
        return e;
    }
    *out = ask;
    return OK;
}

struct err dns_ask_wait(struct dns_ask *ask, int64_t most_ms)
{
    within_ms(most_ms);
    while (!ask->done) {
        if (ask->finish_at_ms == 0) {
            TRY(waitq_wait(&ask->answered, "an answer of the DNS"));
            continue;
        }
        TRY(sleep_until_finish(ask));
        if (!ask->done)
            ask->resolver->backend->finish(ask->resolver, ask);
    }
    return OK;
}

static struct err sleep_until_finish(struct dns_ask *ask)
{
    int64_t left_ms = ask->finish_at_ms - now_ms();
    return left_ms > 0 ? task_sleep_ms(left_ms) : OK;
}

void dns_ask_leave(struct dns_ask *ask)
{
    assert(ask->waiters > 0);
    ask->waiters--;
    ask_free_if_over(ask);
}

static void ask_free_if_over(struct dns_ask *ask)
{
    if (ask->waiters > 0 || ask->held_by_backend)
        return;
    struct resolver *r = ask->resolver;
    if (map_get(&r->asks, ask->key) == ask)
        (void)map_remove(&r->asks, ask->key);
    r->ask_count--;
    dns_kept_drop(ask->result);
    mem_free(ask);
}

void dns_ask_answer(struct dns_ask *ask, const struct dns_answer *answer)
{
    struct resolver *r = ask->resolver;
    assert(!ask->done);
    ask->done = true;
    ask->held_by_backend = false;
    ask->result = result_for(ask, answer);
    // Whoever asks from now on finds it in the cache, or asks anew.
    (void)map_remove(&r->asks, ask->key);
    waitq_wake_all(&ask->answered);
    ask_free_if_over(ask);
}

// An answer that failed validation is an answer: no older one is put in its place.
static struct dns_kept_answer *result_for(struct dns_ask *ask, const struct dns_answer *answer)
{
    struct resolver *r = ask->resolver;
    if (answer->outcome == DNS_SERVFAIL || answer->outcome == DNS_TIMEOUT) {
        struct dns_kept_answer *stale = dns_cache_get_stale(&r->cache, ask->kind, ask->key);
        if (stale != NULL)
            return dns_kept_hold(stale);
    }
    struct dns_answer bounded = *answer;
    bounded.ttl_s = ttl_within_bounds(&r->settings, answer);
    struct dns_kept_answer *made = dns_kept_make(&bounded);
    if (made != NULL && bounded.ttl_s > 0)
        dns_cache_put(&r->cache, ask->kind, ask->key, made);
    return made;
}

void dns_ask_fail(struct dns_ask *ask, enum dns_outcome outcome, struct str why)
{
    dns_ask_answer(ask, &(struct dns_answer){.outcome = outcome,
                                .dnssec = outcome == DNS_BOGUS ? DNSSEC_BOGUS : DNSSEC_INSECURE,
                                .why = why});
}

void dns_ask_forget(struct dns_ask *ask)
{
    assert(ask->waiters == 0);
    ask->held_by_backend = false;
    ask_free_if_over(ask);
}

static uint32_t ttl_within_bounds(const struct dns_settings *s, const struct dns_answer *answer)
{
    uint32_t ttl_s = answer->ttl_s;
    if (dns_is_temporary(answer->outcome))
        return TROUBLE_TTL_S;
    if (ttl_s < s->ttl_min_s)
        ttl_s = s->ttl_min_s;
    if (ttl_s > s->ttl_max_s)
        ttl_s = s->ttl_max_s;
    if (dns_is_void(answer->outcome) && ttl_s > s->ttl_negative_max_s)
        ttl_s = s->ttl_negative_max_s;
    return ttl_s;
}
