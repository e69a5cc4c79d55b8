// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_limiter.c: queue.limiter.outbound in the order of the files, each with
// the stage at which it can be asked (outbound.md 20).
#include "deliver/reply/classify.h"
#include "deliver/settings/settings_read.h"

static void read_limiter(struct reading *r, const struct object *o, struct outbound_limiter *out);
static void read_keys(struct reading *r, const struct object *o, struct outbound_limiter *out);
static bool key_named(struct str word, enum outbound_key *out);
static void check_limiter(
        struct reading *r, const struct object *o, const struct outbound_limiter *limiter);
static enum outbound_stage stage_of(const struct outbound_limiter *limiter);

struct err settings_read_limiters(struct reading *r)
{
    struct str map = S("queue.limiter.outbound");
    struct conf_ids ids = conf_ids_as_written(r->arena, r->conf, map);
    struct outbound_limiter *all = arena_array(r->arena, ids.count + 1, struct outbound_limiter);
    if (all == NULL || ids.count < conf_ids(r->conf, map).count)
        return fail(ERR_LIMIT, "no memory for the limiters");
    for (size_t i = 0; i < ids.count; i++) {
        struct object o = {.map = map, .id = ids.at[i], .is_written = true};
        if (!object_bool(r, &o, S("enable")))
            continue;
        if (r->out->limiter_count == OUTBOUND_LIMITERS_MAX) {
            object_error(r, &o, S("enable"), -1, S("too-many-limiters"), "more than %d limiters",
                    OUTBOUND_LIMITERS_MAX);
            break;
        }
        read_limiter(r, &o, &all[r->out->limiter_count]);
        r->out->limiter_count++;
    }
    r->out->limiters = all;
    return OK;
}

static void read_limiter(struct reading *r, const struct object *o, struct outbound_limiter *out)
{
    static const enum outbound_unit units[] = {OUTBOUND_MESSAGES, OUTBOUND_RECIPIENTS,
            OUTBOUND_CONNECTIONS, OUTBOUND_BYTES}; // as in the row
    *out = (struct outbound_limiter){
            .id = o->id,
            .match = expr_unless_true(conf_expr(r->conf, object_key(r, o, S("match")))),
            .rate = conf_rate(r->conf, object_key(r, o, S("rate"))),
            .concurrency = object_u32(r, o, S("concurrency")),
            .unit = units[object_word(r, o, S("unit"))],
            .burst = object_u32(r, o, S("burst")),
    };
    if (out->burst == 0)
        out->burst = out->rate.count;
    read_keys(r, o, out);
    uint32_t of_message = 1U << OUTBOUND_KEY_SENDER | 1U << OUTBOUND_KEY_SENDER_DOMAIN |
                          1U << OUTBOUND_KEY_RCPT | 1U << OUTBOUND_KEY_QUEUE |
                          1U << OUTBOUND_KEY_ACCOUNT;
    out->stage = stage_of(out);
    out->looks_at_rcpt = (out->keys >> OUTBOUND_KEY_RCPT & 1) != 0 ||
                         (out->match != NULL && expr_uses(out->match, EXPR_VAR_RCPT));
    out->is_of_message = (out->keys & of_message) != 0 || out->tags.count > 0;
    check_limiter(r, o, out);
}

static void read_keys(struct reading *r, const struct object *o, struct outbound_limiter *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("key")));
    struct str *tags = arena_array(r->arena, list.count + 1, struct str);
    if (tags == NULL)
        return; // without memory the whole load fails
    out->tags.at = tags;
    for (size_t i = 0; i < list.count; i++) {
        enum outbound_key key;
        if (key_named(list.at[i].text, &key))
            out->keys |= 1U << key;
        else if (str_starts(list.at[i].text, S("tag.")) && list.at[i].text.len > 4)
            tags[out->tags.count++] = str_from(list.at[i].text, 4);
        else
            object_error(r, o, S("key"), (int)i, S("limiter-key"),
                    "Rate limiter key \"%.*s\" is not available in this context; there are mx, "
                    "remote_ip, local_ip, sender, sender_domain, rcpt, rcpt_domain, mx_site, "
                    "route, queue_name, authenticated_as, pool and tag.NAME",
                    ARG(list.at[i].text));
    }
}

static bool key_named(struct str word, enum outbound_key *out)
{
    static const struct {
        struct str word;
        enum outbound_key key;
    } words[] = {
            {S_INIT("mx"), OUTBOUND_KEY_MX},
            {S_INIT("remote_ip"), OUTBOUND_KEY_REMOTE_IP},
            {S_INIT("remoteIp"), OUTBOUND_KEY_REMOTE_IP},
            {S_INIT("local_ip"), OUTBOUND_KEY_LOCAL_IP},
            {S_INIT("localIp"), OUTBOUND_KEY_LOCAL_IP},
            {S_INIT("sender"), OUTBOUND_KEY_SENDER},
            {S_INIT("sender_domain"), OUTBOUND_KEY_SENDER_DOMAIN},
            {S_INIT("senderDomain"), OUTBOUND_KEY_SENDER_DOMAIN},
            {S_INIT("rcpt"), OUTBOUND_KEY_RCPT},
            {S_INIT("rcpt_domain"), OUTBOUND_KEY_RCPT_DOMAIN},
            {S_INIT("rcptDomain"), OUTBOUND_KEY_RCPT_DOMAIN},
            {S_INIT("mx_site"), OUTBOUND_KEY_MX_SITE},
            {S_INIT("route"), OUTBOUND_KEY_ROUTE},
            {S_INIT("queue_name"), OUTBOUND_KEY_QUEUE},
            {S_INIT("authenticated_as"), OUTBOUND_KEY_ACCOUNT},
            {S_INIT("pool"), OUTBOUND_KEY_POOL},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(words[i].word, word)) {
            *out = words[i].key;
            return true;
        }
    return false;
}

static void check_limiter(
        struct reading *r, const struct object *o, const struct outbound_limiter *limiter)
{
    bool has_rate = limiter->rate.count > 0;
    if (!has_rate && limiter->concurrency == 0 && object_lacks(r, o, S("rate")) &&
            object_lacks(r, o, S("concurrency")))
        object_error(r, o, S("rate"), -1, S("missing"),
                "a limiter needs a rate such as \"5/1h\", or a concurrency");
    for (int i = 0; !has_rate && i < 2; i++) {
        struct str member = i == 0 ? S("burst") : S("unit");
        if (object_is_set(r, o, member) && object_lacks(r, o, S("rate")))
            object_error(r, o, member, -1, S("no-effect"), "this belongs to a rate");
    }
}

static enum outbound_stage stage_of(const struct outbound_limiter *limiter)
{
    static const enum expr_variable of_remote[] = {
            EXPR_VAR_MX, EXPR_VAR_MX_SITE, EXPR_VAR_REMOTE_IP, EXPR_VAR_LOCAL_IP};
    static const enum expr_variable of_rcpt[] = {
            EXPR_VAR_RCPT, EXPR_VAR_RCPT_DOMAIN, EXPR_VAR_RECIPIENTS, EXPR_VAR_ROUTE};
    uint32_t remote = 1U << OUTBOUND_KEY_MX | 1U << OUTBOUND_KEY_MX_SITE |
                      1U << OUTBOUND_KEY_REMOTE_IP | 1U << OUTBOUND_KEY_LOCAL_IP |
                      1U << OUTBOUND_KEY_POOL;
    uint32_t rcpt = 1U << OUTBOUND_KEY_RCPT | 1U << OUTBOUND_KEY_RCPT_DOMAIN |
                    1U << OUTBOUND_KEY_ROUTE; // which is chosen for the recipients
    bool looks_at_remote = (limiter->keys & remote) != 0;
    bool looks_at_rcpt = (limiter->keys & rcpt) != 0;
    for (size_t i = 0; limiter->match != NULL && i < COUNT_OF(of_remote); i++)
        looks_at_remote |= expr_uses(limiter->match, of_remote[i]);
    for (size_t i = 0; limiter->match != NULL && i < COUNT_OF(of_rcpt); i++)
        looks_at_rcpt |= expr_uses(limiter->match, of_rcpt[i]);
    if (looks_at_remote)
        return OUTBOUND_OF_REMOTE;
    return looks_at_rcpt ? OUTBOUND_OF_RCPT : OUTBOUND_OF_SENDER;
}
