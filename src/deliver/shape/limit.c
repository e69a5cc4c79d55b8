// SPDX-License-Identifier: Apache-2.0
// deliver/shape/limit.c: see deliver/shape/limit.h.
//
// A counter is known by a number made of the limiter's id and the values of its keys; its bucket is
// another one when the rate has changed, what is held stays held. A token that is wanted beyond the
// capacity of a bucket would never come, so nobody takes more than a full one.
#include "deliver/shape/limit.h"

#include "rt/rt.h"

#define TURNS 4096                   // buckets that somebody waits for
#define TURNS_MAX_MS (1 * HOUR_MS)   // who is further behind comes at any moment until then
#define PERMITS_BYTES_MAX (16 * KIB) // of a connection: hundreds
#define TOLD 256
#define TELL_EVERY_MS SECOND_MS

// Found by a hash, and whoever comes later to the same place has it: then some come too early.
struct turn {
    uint64_t bucket;
    int64_t last_ms; // of the last one who waits; wall
};

// Marks of what is held.
enum {
    OF_MESSAGE = 1, // goes back when the connection is idle
    IS_NEW = 2,     // of the take that goes on
    IS_WANTED = 4,  // by this message
};

struct told {
    uint64_t limiter;
    int64_t at_ms;
};

struct outbound_limits {
    const struct deliver_settings *settings;
    struct limits_shared *shared;
    size_t column;
    uint32_t stages; // 1 << enum outbound_stage: there are limiters of it
    bool has_each;   // some that look at the recipient, of any stage
    bool has_permits;
    struct waitq *tell_freed; // NULL: nobody
    bool has_freed;
    struct turn turns[TURNS];
    struct told told[TOLD];
};

static bool is_asked(const struct outbound_limiter *l, const struct outbound_check *check);
static void end_take(struct outbound_permits *p, bool was_refused);
static bool applies(const struct outbound_limiter *l, struct outbound_check *check) suspends;
static uint64_t counter_of(const struct limits_shared *s, const struct outbound_limiter *l,
        const struct outbound_values *v);
static bool take(struct outbound_limits *o, const struct outbound_limiter *l,
        struct outbound_check *check, size_t before);
static bool take_permit(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check);
static bool take_tokens(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check, size_t before);
static bool is_paid(const struct outbound_check *check, size_t before,
        const struct outbound_limiter *l, uint64_t bucket);
static uint64_t amount_of(const struct outbound_limiter *l, const struct outbound_amounts *amounts);
static struct bucket_rate rate_of(const struct outbound_limiter *l);
static void give_tokens(struct outbound_limits *o, struct outbound_check *check, size_t keep);
static void drop_permits(struct outbound_permits *p, uint32_t marks, uint32_t are);

struct err outbound_limits_new(const struct deliver_settings *settings,
        struct limits_shared *shared, size_t column, struct outbound_limits **out)
{
    struct outbound_limits *o = mem_new(struct outbound_limits);
    if (o == NULL)
        return fail(ERR_LIMIT, "no memory for limiters");
    *o = (struct outbound_limits){.settings = settings, .shared = shared, .column = column};
    for (size_t i = 0; i < settings->limiter_count; i++) {
        o->stages |= 1U << settings->limiters[i].stage;
        o->has_each |= settings->limiters[i].looks_at_rcpt;
        o->has_permits |= settings->limiters[i].concurrency > 0;
    }
    *out = o;
    return OK;
}

void outbound_limits_free(struct outbound_limits *o)
{
    mem_free(o);
}

void outbound_tell_freed(struct outbound_limits *o, struct waitq *whom)
{
    o->tell_freed = whom;
}

bool outbound_has(const struct outbound_limits *o, enum outbound_stage stage)
{
    return (o->stages >> stage & 1) != 0;
}

bool outbound_asks_each(const struct outbound_limits *o, const struct outbound_check *check)
{
    return o->has_each && (outbound_has(o, check->stage) || check->permits != NULL);
}

bool outbound_has_permits(const struct outbound_limits *o)
{
    return o->has_permits;
}

const struct outbound_limiter *outbound_take(
        struct outbound_limits *o, struct outbound_check *check)
{
    size_t before = check->taken.count;
    const struct outbound_limiter *refused = NULL;
    check->why = (struct outbound_refusal){.until_ms = check->wall_now_ms};
    for (size_t i = 0; i < o->settings->limiter_count && refused == NULL; i++) {
        const struct outbound_limiter *l = &o->settings->limiters[i];
        if (is_asked(l, check) && applies(l, check) && !take(o, l, check, before))
            refused = l;
    }
    for (size_t i = 0; i < check->more_count && refused == NULL; i++)
        if (is_asked(check->more[i], check) && !take(o, check->more[i], check, before))
            refused = check->more[i];
    check->why.by = refused;
    if (refused != NULL)
        give_tokens(o, check, before);
    end_take(check->permits, refused != NULL);
    return refused;
}

static bool is_asked(const struct outbound_limiter *l, const struct outbound_check *check)
{
    bool wants_permit = check->permits != NULL && l->concurrency > 0;
    return l->looks_at_rcpt == check->of_each_rcpt && (l->stage == check->stage || wants_permit);
}

// What a take has held is kept, or not.
static void end_take(struct outbound_permits *p, bool was_refused)
{
    if (p == NULL)
        return;
    if (was_refused)
        drop_permits(p, IS_NEW, IS_NEW);
    each_in_vec (hold, &p->held.all)
        hold->marks &= ~(uint32_t)IS_NEW;
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
        if (check->more[i]->stage == check->stage)
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

// The permit first: it is what a refusal for want of tokens gives back without a trace.
static bool take(struct outbound_limits *o, const struct outbound_limiter *l,
        struct outbound_check *check, size_t before)
{
    uint64_t counter = counter_of(o->shared, l, check->values);
    if (check->permits != NULL && !take_permit(o, l, counter, check))
        return false;
    return l->stage != check->stage || take_tokens(o, l, counter, check, before);
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
    struct limits_held *held = &check->permits->held;
    if (l->concurrency == 0)
        return true;
    struct limits_hold *hold = limits_held_find(held, counter);
    if (hold != NULL) {
        hold->marks |= IS_WANTED;
        return true;
    }
    if (limits_hold(o->shared, o->column, held, counter, l->concurrency)) {
        held->all.at[held->all.count - 1].marks =
                IS_NEW | IS_WANTED | (l->is_of_message ? OF_MESSAGE : 0U);
        return true;
    }
    check->why.by_concurrency = true;
    check->why.counter = counter;
    check->why.most = l->concurrency;
    return false;
}

static bool take_tokens(struct outbound_limits *o, const struct outbound_limiter *l,
        uint64_t counter, struct outbound_check *check, size_t before)
{
    uint64_t tokens = amount_of(l, &check->amounts);
    int64_t wait_ms = SECOND_MS;
    if (l->rate.count == 0 || tokens == 0)
        return true;
    struct bucket_rate rate = rate_of(l);
    uint64_t bucket = limits_bucket(o->shared, counter, &l->rate), most = rate.burst;
    if (is_paid(check, before, l, bucket))
        return true;
    struct outbound_taken *taken = vec_add(check->scratch, &check->taken);
    tokens = tokens < most ? tokens : most;
    if (taken != NULL &&
            limits_tokens_take(o->shared, bucket, &rate, tokens, check->wall_now_ms, &wait_ms)) {
        *taken = (struct outbound_taken){.limiter = l, .bucket = bucket, .tokens = tokens};
        return true;
    }
    check->taken.count -= taken != NULL;
    check->why.until_ms = check->wall_now_ms + wait_ms;
    check->why.bucket = bucket;
    check->why.makes_ms = (int64_t)tokens * rate.period_ms / (int64_t)rate.count;
    return false;
}

// A message is one, however many of its recipients have the bucket in common.
static bool is_paid(const struct outbound_check *check, size_t before,
        const struct outbound_limiter *l, uint64_t bucket)
{
    for (size_t i = 0; i < before && l->unit != OUTBOUND_RECIPIENTS; i++)
        if (check->taken.at[i].limiter == l && check->taken.at[i].bucket == bucket)
            return true;
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

int64_t outbound_turn(
        struct outbound_limits *o, const struct outbound_refusal *why, int64_t wall_now_ms)
{
    struct turn *t = &o->turns[why->bucket % TURNS];
    int64_t latest_ms = wall_now_ms + TURNS_MAX_MS;
    if (t->bucket != why->bucket || t->last_ms + why->makes_ms < why->until_ms)
        *t = (struct turn){.bucket = why->bucket, .last_ms = why->until_ms};
    else if (t->last_ms + why->makes_ms <= latest_ms)
        t->last_ms += why->makes_ms;
    else if (why->until_ms < latest_ms)
        return why->until_ms + (int64_t)(random_u64() % (uint64_t)(latest_ms - why->until_ms));
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
    give_tokens(o, check, 0);
}

static void give_tokens(struct outbound_limits *o, struct outbound_check *check, size_t keep)
{
    for (size_t i = keep; i < check->taken.count; i++) {
        const struct outbound_taken *taken = &check->taken.at[i];
        struct bucket_rate rate = rate_of(taken->limiter);
        limits_tokens_give(o->shared, taken->bucket, &rate, taken->tokens);
    }
    check->taken.count = keep;
}

void outbound_not_sent(struct outbound_limits *o, struct outbound_check *check)
{
    size_t kept = 0;
    for (size_t i = 0; i < check->taken.count; i++)
        if (check->taken.at[i].limiter->unit != OUTBOUND_CONNECTIONS)
            check->taken.at[kept++] = check->taken.at[i];
    check->taken.count = kept;
    give_tokens(o, check, 0);
}

// --- Permits -------------------------------------------------------------------------------------

struct outbound_permits *outbound_permits_new(struct outbound_limits *o)
{
    struct outbound_permits *p = mem_new(struct outbound_permits);
    if (p == NULL)
        return NULL;
    p->of = o;
    arena_init(&p->arena, PERMITS_BYTES_MAX);
    p->held.arena = &p->arena;
    return p;
}

void outbound_permits_settle(struct outbound_permits *p)
{
    if (p == NULL)
        return;
    drop_permits(p, IS_WANTED, 0);
    each_in_vec (hold, &p->held.all)
        hold->marks &= ~(uint32_t)IS_WANTED;
}

void outbound_permits_rest(struct outbound_permits *p)
{
    if (p == NULL)
        return;
    drop_permits(p, OF_MESSAGE, OF_MESSAGE);
    each_in_vec (hold, &p->held.all)
        hold->marks &= ~(uint32_t)IS_WANTED;
}

bool outbound_permits_have(const struct outbound_permits *p, uint64_t counter)
{
    return p != NULL && limits_held_find(&p->held, counter) != NULL;
}

void outbound_permits_free(struct outbound_permits *p)
{
    if (p == NULL)
        return;
    drop_permits(p, 0, 0);
    arena_done(&p->arena);
    mem_free(p);
}

static void drop_permits(struct outbound_permits *p, uint32_t marks, uint32_t are)
{
    struct outbound_limits *o = p->of;
    if (limits_held_drop_marked(o->shared, o->column, &p->held, marks, are) == 0)
        return;
    o->has_freed = true;
    if (o->tell_freed != NULL)
        waitq_wake_all(o->tell_freed);
}

uint64_t outbound_free_places(struct outbound_limits *o, uint64_t counter, uint32_t most)
{
    uint64_t held = shared_clients_count(&o->shared->slots, counter);
    return held < most ? most - held : 0;
}

bool outbound_has_freed(struct outbound_limits *o)
{
    bool has_freed = o->has_freed;
    o->has_freed = false;
    return has_freed;
}
