// SPDX-License-Identifier: Apache-2.0
// limits/settings_throttle.c: queue.limiter.inbound in the order of the files, each with its class
// (inbound.md 10.4); and those that there are when the administrator names none.
#include "limits/settings_read.h"

static void read_throttle(const struct conf *conf, struct str id, struct throttle *out);
static struct str key_of(const struct conf *conf, struct str id, struct str member);
static void check_throttle(const struct conf *conf, struct findings *f, const struct throttle *t);
static enum throttle_class class_of(const struct throttle *t);
static bool looks_at(
        const struct throttle *t, uint32_t keys, const enum expr_variable *variables, size_t count);

static const struct str map = S_INIT("queue.limiter.inbound");

// Without any limiter of the administrator's.
static const struct throttle presets[] = {
        {.id = S_INIT("default-connections"),
                .keys = 1U << THROTTLE_REMOTE_IP,
                .class = THROTTLES_REMOTE,
                .rate = {.count = 5, .period_ms = SECOND_MS}},
        {.id = S_INIT("default-recipients"),
                .keys = 1U << THROTTLE_SENDER_DOMAIN | 1U << THROTTLE_RCPT,
                .class = THROTTLES_RCPT,
                .rate = {.count = 25, .period_ms = HOUR_MS}},
};

struct err throttle_settings_read(
        struct arena *a, const struct conf *conf, struct findings *f, struct throttle_settings *out)
{
    struct conf_ids ids = conf_ids_as_written(a, conf, map);
    struct throttle *all = arena_array(a, ids.count + 1, struct throttle);
    if (all == NULL || ids.count < conf_ids(conf, map).count)
        return fail(ERR_LIMIT, "no memory for the limiters");
    *out = (struct throttle_settings){.all = all};
    for (size_t i = 0; i < ids.count; i++) {
        struct throttle *t = &all[out->count];
        if (!conf_bool(conf, key_of(conf, ids.at[i], S("enable"))))
            continue;
        if (out->count == THROTTLES_MAX) {
            conf_error(conf, f, key_of(conf, ids.at[i], S("enable")), -1, S("too-many-limiters"),
                    "more than %d limiters", THROTTLES_MAX);
            break;
        }
        read_throttle(conf, ids.at[i], t);
        check_throttle(conf, f, t);
        out->count++;
    }
    // One that is switched off says as well that somebody has thought about it.
    if (ids.count == 0)
        *out = (struct throttle_settings){.all = presets, .count = COUNT_OF(presets)};
    for (size_t i = 0; i < out->count; i++)
        out->by_class[out->all[i].class] = true;
    return OK;
}

static void read_throttle(const struct conf *conf, struct str id, struct throttle *out)
{
    // In the order of the row's words.
    static const enum throttle_key keys[] = {THROTTLE_REMOTE_IP, THROTTLE_REMOTE_NET,
            THROTTLE_LOCAL_IP, THROTTLE_LISTENER, THROTTLE_HELO_DOMAIN, THROTTLE_AUTHENTICATED_AS,
            THROTTLE_SENDER, THROTTLE_SENDER_DOMAIN, THROTTLE_RCPT, THROTTLE_RCPT_DOMAIN};
    struct conf_list list = conf_list(conf, key_of(conf, id, S("key")));
    *out = (struct throttle){
            .id = id,
            .description = conf_str(conf, key_of(conf, id, S("description"))),
            .match_key = key_of(conf, id, S("match")),
            .rate = conf_rate(conf, key_of(conf, id, S("rate"))),
            .concurrency = conf_u64(conf, key_of(conf, id, S("concurrency"))),
    };
    for (size_t i = 0; i < list.count; i++)
        out->keys |= 1U << keys[list.at[i].value.integer];
    out->match = expr_unless_true(conf_expr(conf, out->match_key));
    out->class = class_of(out);
}

static struct str key_of(const struct conf *conf, struct str id, struct str member)
{
    return conf_item(conf, map, id, member);
}

static void check_throttle(const struct conf *conf, struct findings *f, const struct throttle *t)
{
    struct str rate = key_of(conf, t->id, S("rate"));
    struct str concurrency = key_of(conf, t->id, S("concurrency"));
    if (t->rate.count == 0 && t->concurrency == 0 && !findings_tell(f, rate) &&
            !findings_tell(f, concurrency))
        conf_error(conf, f, rate, -1, S("missing"),
                "a limiter needs a rate such as \"5/1h\", or a concurrency");
}

static enum throttle_class class_of(const struct throttle *t)
{
    static const enum expr_variable rcpt[] = {
            EXPR_VAR_RCPT, EXPR_VAR_RCPT_DOMAIN, EXPR_VAR_RECIPIENTS};
    static const enum expr_variable sender[] = {EXPR_VAR_SENDER, EXPR_VAR_SENDER_DOMAIN,
            EXPR_VAR_HELO_DOMAIN, EXPR_VAR_AUTHENTICATED_AS, EXPR_VAR_PRIORITY};
    uint32_t rcpt_keys = 1U << THROTTLE_RCPT | 1U << THROTTLE_RCPT_DOMAIN;
    uint32_t sender_keys = 1U << THROTTLE_SENDER | 1U << THROTTLE_SENDER_DOMAIN |
                           1U << THROTTLE_HELO_DOMAIN | 1U << THROTTLE_AUTHENTICATED_AS;
    if (looks_at(t, rcpt_keys, rcpt, COUNT_OF(rcpt)))
        return THROTTLES_RCPT;
    if (looks_at(t, sender_keys, sender, COUNT_OF(sender)))
        return THROTTLES_SENDER;
    return THROTTLES_REMOTE;
}

static bool looks_at(
        const struct throttle *t, uint32_t keys, const enum expr_variable *variables, size_t count)
{
    if ((t->keys & keys) != 0)
        return true;
    for (size_t i = 0; t->match != NULL && i < count; i++)
        if (expr_uses(t->match, variables[i]))
            return true;
    return false;
}
