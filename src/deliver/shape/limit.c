// SPDX-License-Identifier: Apache-2.0
// deliver/shape/limit.c: see deliver/shape/limit.h.
//
// A counter is known by a number made of the limiter's id and the values of its keys; its bucket is
// another one when the rate has changed, what is held stays held. A token that is wanted beyond the
// capacity of a bucket would never come, so nobody takes more than a full one.
#include "deliver/shape/limit.h"

#include "rt/rt.h"

#define TURNS 4096                 // buckets that somebody waits for
#define TURNS_MAX_MS (1 * HOUR_MS) // who is further behind comes at any moment until then
#define TOLD 256
#define TELL_EVERY_MS SECOND_MS

// Found by a hash, and whoever comes later to the same place has it: then some come too early.
struct turn {
    uint64_t bucket;
    int64_t last_ms; // of the last one who waits; wall
};

struct told {
    uint64_t limiter;
    int64_t at_ms;
};

struct outbound_limits {
    const struct deliver_settings *settings;
    struct limits_shared *shared;
    size_t column;
    uint32_t stages;    // 1 << enum outbound_stage: there are limiters of it
    struct waitq freed; // permits of this worker
    struct turn turns[TURNS];
    struct told told[TOLD];
};

static bool applies(const struct outbound_limiter *l, struct outbound_check *check) suspends;
static uint64_t counter_of(const struct limits_shared *s, const struct outbound_limiter *l,
        const struct outbound_values *v);
static bool take(
        struct outbound_limits *o, const struct outbound_limiter *l, struct outbound_check *check);
static bool take_permit(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check);
static bool take_tokens(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check);
static uint64_t amount_of(const struct outbound_limiter *l, const struct outbound_amounts *amounts);
static struct bucket_rate rate_of(const struct outbound_limiter *l);
static void drop_permits(struct outbound_limits *o, struct limits_held *held, size_t keep);

struct err outbound_limits_new(const struct deliver_settings *settings,
        struct limits_shared *shared, size_t column, struct outbound_limits **out)
{
    struct outbound_limits *o = mem_new(struct outbound_limits);
    if (o == NULL)
        return fail(ERR_LIMIT, "no memory for limiters");
    *o = (struct outbound_limits){.settings = settings, .shared = shared, .column = column};
    waitq_init(&o->freed);
    for (size_t i = 0; i < settings->limiter_count; i++)
        o->stages |= 1U << settings->limiters[i].stage;
    *out = o;
    return OK;
}

void outbound_limits_free(struct outbound_limits *o)
{
    mem_free(o);
}

bool outbound_has(const struct outbound_limits *o, enum outbound_stage stage)
{
    return (o->stages >> stage & 1) != 0;
}

const struct outbound_limiter *outbound_take(
        struct outbound_limits *o, struct outbound_check *check)
{
    check->held_before = check->held->all.count;
    check->taken.count = 0;
    check->by_concurrency = false;
    check->until_ms = check->wall_now_ms;
    for (size_t i = 0; i < o->settings->limiter_count; i++) {
        const struct outbound_limiter *l = &o->settings->limiters[i];
        if (l->stage != check->stage || !applies(l, check) || take(o, l, check))
            continue;
        outbound_undo(o, check);
        return l;
    }
    for (size_t i = 0; i < check->more_count; i++) {
        if (take(o, check->more[i], check))
            continue;
        outbound_undo(o, check);
        return check->more[i];
    }
    return NULL;
}

struct err outbound_list(struct outbound_limits *o, struct outbound_check *check,
        const struct outbound_limiter *const **out, size_t *out_count)
{
    const struct deliver_settings *s = o->settings;
    const struct outbound_limiter **all = arena_array(
            check->scratch, s->limiter_count + check->more_count, const struct outbound_limiter *);
    size_t count = 0;
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    for (size_t i = 0; i < s->limiter_count; i++)
        if (s->limiters[i].stage == check->stage && applies(&s->limiters[i], check))
            all[count++] = &s->limiters[i];
    for (size_t i = 0; i < check->more_count; i++)
        all[count++] = check->more[i];
    *out = all;
    *out_count = count;
    return OK;
}

// outbound.md 20: what cannot be decided applies.
static bool applies(const struct outbound_limiter *l, struct outbound_check *check)
{
    if (l->match == NULL)
        return true;
    struct expr_result r = expr_eval(l->match, check->env, check->scratch);
    if (r.outcome != EXPR_FAILED)
        return r.boolean;
    struct limits_fault *fault = vec_add(check->scratch, &check->faults);
    if (fault != NULL)
        *fault = (struct limits_fault){
                .key = arena_fmt(check->scratch, "queue.limiter.outbound.%.*s.match", ARG(l->id)),
                .fault = r.fault};
    return true;
}

static bool take(
        struct outbound_limits *o, const struct outbound_limiter *l, struct outbound_check *check)
{
    uint64_t counter = counter_of(o->shared, l, check->values);
    return take_permit(o, l, counter, check) && take_tokens(o, l, counter, check);
}

static uint64_t counter_of(const struct limits_shared *s, const struct outbound_limiter *l,
        const struct outbound_values *v)
{
    const struct ip *const ips[] = {
            [OUTBOUND_KEY_REMOTE_IP] = &v->remote_ip,
            [OUTBOUND_KEY_LOCAL_IP] = &v->local_ip,
            [OUTBOUND_KEY_POOL] = NULL,
    };
    const struct str texts[] = {
            [OUTBOUND_KEY_MX] = v->mx,
            [OUTBOUND_KEY_SENDER] = str_is_empty(v->sender) ? S("<>") : v->sender,
            [OUTBOUND_KEY_SENDER_DOMAIN] = v->sender_domain,
            [OUTBOUND_KEY_RCPT] = v->rcpt,
            [OUTBOUND_KEY_RCPT_DOMAIN] = v->rcpt_domain,
            [OUTBOUND_KEY_MX_SITE] = v->mx_site,
            [OUTBOUND_KEY_ROUTE] = v->route,
            [OUTBOUND_KEY_QUEUE] = v->queue,
            [OUTBOUND_KEY_ACCOUNT] = v->account,
            [OUTBOUND_KEY_POOL] = v->pool,
    };
    uint64_t h = limits_hash_text(s, limits_hash(s, LIMITS_OUTBOUND, l->keys), l->id);
    for (size_t k = 0; k < COUNT_OF(texts); k++)
        if ((l->keys >> k & 1) != 0)
            h = ips[k] != NULL ? limits_hash_ip(s, h, ips[k]) : limits_hash_text(s, h, texts[k]);
    for (size_t i = 0; i < l->tags.count; i++) {
        struct str value = v->message == NULL ? S("") : message_tag(v->message, l->tags.at[i]);
        h = limits_hash_text(s, limits_hash_text(s, h, l->tags.at[i]), value);
    }
    return h;
}

static bool take_permit(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check)
{
    if (l->concurrency == 0 || limits_held_find(check->held, counter) != NULL)
        return true;
    check->by_concurrency =
            !limits_hold(o->shared, o->column, check->held, counter, l->concurrency);
    return !check->by_concurrency;
}

static bool take_tokens(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check)
{
    uint64_t tokens = amount_of(l, &check->amounts);
    int64_t wait_ms = SECOND_MS;
    if (l->rate.count == 0 || tokens == 0)
        return true;
    struct bucket_rate rate = rate_of(l);
    struct outbound_taken *taken = vec_add(check->scratch, &check->taken);
    uint64_t bucket = limits_bucket(o->shared, counter, &l->rate), most = rate.burst;
    tokens = tokens < most ? tokens : most;
    if (taken != NULL &&
            limits_tokens_take(o->shared, bucket, &rate, tokens, check->wall_now_ms, &wait_ms)) {
        *taken = (struct outbound_taken){.limiter = l, .bucket = bucket, .tokens = tokens};
        return true;
    }
    check->taken.count -= taken != NULL;
    check->until_ms = check->wall_now_ms + wait_ms;
    check->bucket = bucket;
    check->makes_ms = (int64_t)tokens * rate.period_ms / (int64_t)rate.count;
    return false;
}

static uint64_t amount_of(const struct outbound_limiter *l, const struct outbound_amounts *amounts)
{
    switch (l->unit) {
    case OUTBOUND_MESSAGES:
        return amounts->messages;
    case OUTBOUND_RECIPIENTS:
        return amounts->recipients;
    case OUTBOUND_CONNECTIONS:
        return amounts->connections;
    case OUTBOUND_BYTES:
        return amounts->bytes;
    }
    return 0;
}

static struct bucket_rate rate_of(const struct outbound_limiter *l)
{
    return (struct bucket_rate){.count = l->rate.count,
            .period_ms = l->rate.period_ms,
            .burst = l->burst > 0 ? l->burst : l->rate.count};
}

// --- Those who were refused ----------------------------------------------------------------------

int64_t outbound_turn(struct outbound_limits *o, const struct outbound_check *check)
{
    struct turn *t = &o->turns[check->bucket % TURNS];
    int64_t latest_ms = check->wall_now_ms + TURNS_MAX_MS;
    if (t->bucket != check->bucket || t->last_ms + check->makes_ms < check->until_ms)
        *t = (struct turn){.bucket = check->bucket, .last_ms = check->until_ms};
    else if (t->last_ms + check->makes_ms <= latest_ms)
        t->last_ms += check->makes_ms;
    else if (check->until_ms < latest_ms)
        return check->until_ms + (int64_t)(random_u64() % (uint64_t)(latest_ms - check->until_ms));
    return t->last_ms;
}

bool outbound_may_tell(
        struct outbound_limits *o, const struct outbound_limiter *refused, int64_t now_ms)
{
    uint64_t limiter =
            limits_hash_text(o->shared, limits_hash(o->shared, LIMITS_OUTBOUND, 0), refused->id);
    struct told *t = &o->told[limiter % TOLD];
    if (t->limiter == limiter && now_ms - t->at_ms < TELL_EVERY_MS)
        return false;
    *t = (struct told){.limiter = limiter, .at_ms = now_ms};
    return true;
}

// --- Giving back ---------------------------------------------------------------------------------

void outbound_undo(struct outbound_limits *o, struct outbound_check *check)
{
    each_in_vec (taken, &check->taken) {
        struct bucket_rate rate = rate_of(taken->limiter);
        limits_tokens_give(o->shared, taken->bucket, &rate, taken->tokens);
    }
    check->taken.count = 0;
    drop_permits(o, check->held, check->held_before);
}

void outbound_not_sent(struct outbound_limits *o, struct outbound_check *check)
{
    size_t kept = 0;
    for (size_t i = 0; i < check->taken.count; i++)
        if (check->taken.at[i].limiter->unit != OUTBOUND_CONNECTIONS)
            check->taken.at[kept++] = check->taken.at[i];
    check->taken.count = kept;
    outbound_undo(o, check);
}

void outbound_release(struct outbound_limits *o, struct limits_held *held)
{
    drop_permits(o, held, 0);
}

// All who wait look again: the permit may be of a counter that the first of them does not want.
static void drop_permits(struct outbound_limits *o, struct limits_held *held, size_t keep)
{
    if (held->all.count <= keep)
        return;
    limits_held_drop(o->shared, o->column, held, keep);
    waitq_wake_all(&o->freed);
}

struct err outbound_wait(struct outbound_limits *o, int64_t at_most_ms)
{
    within_ms(at_most_ms);
    struct err e = waitq_wait(&o->freed, "a permit to connect");
    return e.kind == ERR_TIMEOUT ? OK : e; // the caller's own time is looked at in his next wait
}
