// SPDX-License-Identifier: Apache-2.0
// limits/throttle.c: see limits/throttle.h.
//
// A counter is known by a number made of the limiter's id and the values of its keys. Its bucket is
// another one when the rate has changed; its slots are not, because what is held stays held. The
// class is decided by what a limiter looks at, so a counter is asked in one class only.
//
// What a transaction has been counted for already is written in `held`: a slot is taken once for
// each counter, and a limiter by rcpt_domain takes one token for each domain.
#include "limits/throttle.h"

struct taken { // by the limiters before the one that refuses
    uint64_t buckets[THROTTLES_MAX];
    uint64_t has_token;  // bit n: the limiter n has given a token
    size_t holds_before; // in check->held
};

static bool applies(const struct throttle *t, struct throttle_check *check) suspends;
static uint64_t counter_of(
        const struct limits *l, const struct throttle *t, const struct throttle_values *v);
static bool take(const struct limits *l, size_t place, uint64_t counter,
        struct throttle_check *check, struct taken *taken);
static bool counts_once(const struct throttle *t);
static bool take_token(const struct limits *l, size_t place, uint64_t counter,
        struct throttle_check *check, struct taken *taken);
static struct bucket_rate rate_of(const struct throttle *t);
static void give_back(const struct limits *l, struct throttle_check *check, struct taken *taken);

_Static_assert(THROTTLES_MAX <= 64, "has_token has a bit for each");

bool throttles_has(const struct limits *l, enum throttle_class class)
{
    return l->settings->throttles.by_class[class];
}

const struct throttle *throttles_take(const struct limits *l, struct throttle_check *check)
{
    const struct throttle_settings *s = &l->settings->throttles;
    struct taken taken = {.holds_before = check->held->all.count};
    if (check->is_allowed && check->class == THROTTLES_REMOTE)
        return NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct throttle *t = &s->all[i];
        if (t->class != check->class || !applies(t, check))
            continue;
        if (take(l, i, counter_of(l, t, check->values), check, &taken))
            continue;
        give_back(l, check, &taken);
        return t;
    }
    return NULL;
}

void throttle_release(const struct limits *l, struct limits_held *held)
{
    limits_held_drop(l->shared, l->column, held, 0);
}

// inbound.md 10.4: what cannot be decided applies.
static bool applies(const struct throttle *t, struct throttle_check *check)
{
    if (t->match == NULL)
        return true;
    struct expr_result r = expr_eval(t->match, check->env, check->scratch);
    if (r.outcome != EXPR_FAILED)
        return r.boolean;
    struct limits_fault *fault = vec_add(check->scratch, &check->faults);
    if (fault != NULL)
        *fault = (struct limits_fault){.key = t->match_key, .fault = r.fault};
    return true;
}

static uint64_t counter_of(
        const struct limits *l, const struct throttle *t, const struct throttle_values *v)
{
    const struct limits_shared *s = l->shared;
    struct ip net = limits_net_of(&v->remote_ip);
    const struct ip *ips[THROTTLE_KEY_COUNT] = {
            [THROTTLE_REMOTE_IP] = &v->remote_ip,
            [THROTTLE_REMOTE_NET] = &net,
            [THROTTLE_LOCAL_IP] = &v->local_ip,
    };
    const struct str texts[THROTTLE_KEY_COUNT] = {
            [THROTTLE_LISTENER] = v->listener,
            [THROTTLE_HELO_DOMAIN] = v->helo_domain,
            [THROTTLE_AUTHENTICATED_AS] = v->authenticated_as,
            [THROTTLE_SENDER] = v->sender,
            [THROTTLE_SENDER_DOMAIN] = v->sender_domain,
            [THROTTLE_RCPT] = v->rcpt,
            [THROTTLE_RCPT_DOMAIN] = v->rcpt_domain,
    };
    uint64_t h = limits_hash_text(s, limits_hash(s, LIMITS_THROTTLE, t->keys), t->id);
    for (size_t k = 0; k < THROTTLE_KEY_COUNT; k++)
        if ((t->keys >> k & 1) != 0)
            h = ips[k] != NULL ? limits_hash_ip(s, h, ips[k]) : limits_hash_text(s, h, texts[k]);
    return h;
}

// False: it refuses. What it has taken already goes with give_back, as all that was taken before.
static bool take(const struct limits *l, size_t place, uint64_t counter,
        struct throttle_check *check, struct taken *taken)
{
    const struct throttle *t = &l->settings->throttles.all[place];
    bool remembers = t->concurrency > 0 || counts_once(t);
    bool is_held = remembers && limits_held_find(check->held, counter) != NULL;
    if (remembers && !is_held &&
            !limits_hold(l->shared, l->column, check->held, counter, t->concurrency))
        return false; // or out of memory: the session may come again, as after a limit
    if (is_held && counts_once(t))
        return true;
    return take_token(l, place, counter, check, taken);
}

// inbound.md 10.4: of the recipients of one domain in one transaction only the first one counts,
// unless recipients are told apart.
static bool counts_once(const struct throttle *t)
{
    uint32_t both = 1U << THROTTLE_RCPT | 1U << THROTTLE_RCPT_DOMAIN;
    return (t->keys & both) == 1U << THROTTLE_RCPT_DOMAIN;
}

static bool take_token(const struct limits *l, size_t place, uint64_t counter,
        struct throttle_check *check, struct taken *taken)
{
    const struct throttle *t = &l->settings->throttles.all[place];
    if (t->rate.count == 0)
        return true;
    struct bucket_rate rate = rate_of(t);
    uint64_t bucket = limits_bucket(l->shared, counter, &t->rate);
    if (!limits_tokens_take(l->shared, bucket, &rate, 1, check->wall_now_ms, NULL))
        return false;
    taken->buckets[place] = bucket;
    taken->has_token |= 1ULL << place;
    return true;
}

static struct bucket_rate rate_of(const struct throttle *t)
{
    return (struct bucket_rate){.count = t->rate.count, .period_ms = t->rate.period_ms};
}

static void give_back(const struct limits *l, struct throttle_check *check, struct taken *taken)
{
    const struct throttle_settings *s = &l->settings->throttles;
    for (size_t i = 0; i < s->count; i++) {
        struct bucket_rate rate = rate_of(&s->all[i]);
        if ((taken->has_token >> i & 1) != 0)
            limits_tokens_give(l->shared, taken->buckets[i], &rate, 1);
    }
    limits_held_drop(l->shared, l->column, check->held, taken->holds_before);
}
