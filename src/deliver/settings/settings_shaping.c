// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_shaping.c: queue.shaping, what providers take (outbound.md 28.1). What
// limits is made into limiters here, counted for each of our addresses or each pool of them.
#include "deliver/settings/settings_read.h"

#include "deliver/shape/shaping.h"

static struct err read_shaping(
        struct reading *r, const struct object *o, struct shaping *out) MUST_USE;
static void read_matches(struct reading *r, const struct object *o, struct shaping *out);
static struct err read_limits(
        struct reading *r, const struct object *o, struct shaping *out) MUST_USE;
static struct rate bytes_rate(struct reading *r, const struct object *o, struct str member);
static struct err read_waits(struct reading *r, const struct object *o, enum shaping_key key,
        const int64_t **out, size_t *out_count) MUST_USE;
static struct err read_automation(
        struct reading *r, const struct object *o, struct shaping *out) MUST_USE;
static void check_names(struct reading *r, const struct object *o, const struct shaping *entry);

struct err settings_read_shapings(struct reading *r)
{
    struct str map = S("queue.shaping");
    struct conf_ids ids = conf_ids_as_written(r->arena, r->conf, map);
    struct shaping *all = arena_array(r->arena, ids.count + 1, struct shaping);
    if (all == NULL || ids.count < conf_ids(r->conf, map).count)
        return fail(ERR_LIMIT, "no memory for what providers take");
    for (size_t i = 0; i < ids.count; i++) {
        struct object o = {.map = map, .id = ids.at[i], .is_written = true};
        TRY(read_shaping(r, &o, &all[i]));
    }
    r->out->shapings = all;
    r->out->shaping_count = ids.count;
    return OK;
}

static struct err read_shaping(struct reading *r, const struct object *o, struct shaping *out)
{
    out->id = o->id;
    for (enum shaping_key key = 0; key < SHAPING_KEYS; key++)
        if (object_is_set(r, o, shaping_key_name(key)))
            out->set |= 1U << key;
    read_matches(r, o, out);
    TRY(read_limits(r, o, out));
    out->messages_per_connection =
            object_u32(r, o, shaping_key_name(SHAPING_MESSAGES_PER_CONNECTION));
    out->recipients_per_message =
            object_u32(r, o, shaping_key_name(SHAPING_RECIPIENTS_PER_MESSAGE));
    out->tls = object_str(r, o, S("tls"));
    out->connection = object_str(r, o, S("connection"));
    out->backoff_ms = object_ms(r, o, shaping_key_name(SHAPING_BACKOFF_MS));
    out->backoff_percent = object_u32(r, o, shaping_key_name(SHAPING_BACKOFF_PERCENT));
    out->ready_max = object_u32(r, o, shaping_key_name(SHAPING_MAX_READY));
    TRY(read_waits(r, o, SHAPING_RETRY, &out->retry_ms, &out->retry_count));
    TRY(read_waits(r, o, SHAPING_BACKOFF_RETRY, &out->backoff_retry_ms, &out->backoff_retry_count));
    TRY(read_automation(r, o, out));
    check_names(r, o, out);
    return OK;
}

static void read_matches(struct reading *r, const struct object *o, struct shaping *out)
{
    bool is_default = str_eq(o->id, S("default"));
    struct {
        struct str member;
        struct strs *to;
    } lists[] = {{S("domains"), &out->domains}, {S("mx-suffix"), &out->suffixes},
            {S("mx-site"), &out->sites}};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct err e = conf_strs(r->arena, r->conf, object_key(r, o, lists[i].member), lists[i].to);
        count += failed(e) ? 0 : lists[i].to->count;
        if (is_default && lists[i].to->count > 0)
            object_error(r, o, lists[i].member, -1, S("conflict"),
                    "`default` is about all that no other entry is about");
    }
    if (!is_default && count == 0 && object_lacks(r, o, S("domains")) &&
            object_lacks(r, o, S("mx-suffix")) && object_lacks(r, o, S("mx-site")))
        object_error(r, o, S("domains"), -1, S("missing"),
                "this is about nobody: it needs domains, mx-suffix or mx-site");
}

// A counter of an entry is one for all that it is about; of `default` each site has its own.
static struct err read_limits(struct reading *r, const struct object *o, struct shaping *out)
{
    bool per_pool = object_word(r, o, S("per")) == 1;
    uint32_t keys = 1U << (per_pool ? OUTBOUND_KEY_POOL : OUTBOUND_KEY_LOCAL_IP);
    if (str_eq(o->id, S("default")))
        keys |= 1U << OUTBOUND_KEY_MX_SITE;
    for (enum shaping_key key = 0; key < SHAPING_LIMITS; key++) {
        struct str name = shaping_key_name(key);
        struct outbound_limiter *l = &out->limits[key];
        bool counts_permits = key == SHAPING_CONNECTIONS || key == SHAPING_CONNECTIONS_PER_IP ||
                              key == SHAPING_BACKOFF_CONNECTIONS;
        *l = (struct outbound_limiter){.stage = OUTBOUND_OF_REMOTE, .keys = keys};
        l->id = arena_fmt(r->arena, "shaping %.*s %.*s", ARG(o->id), ARG(name));
        if (str_is_null(l->id))
            return fail(ERR_LIMIT, "no memory for what providers take");
        if (counts_permits)
            l->concurrency = object_u32(r, o, name);
        else if (key == SHAPING_BYTES_RATE)
            l->rate = bytes_rate(r, o, name);
        else
            l->rate = conf_rate(r->conf, object_key(r, o, name));
        if (key == SHAPING_CONNECTIONS_PER_IP)
            l->keys |= 1U << OUTBOUND_KEY_REMOTE_IP;
        if (key == SHAPING_CONNECTION_RATE || key == SHAPING_BACKOFF_CONNECTION_RATE)
            l->unit = OUTBOUND_CONNECTIONS;
        if (key == SHAPING_BYTES_RATE)
            l->unit = OUTBOUND_BYTES;
        l->burst = l->rate.count;
    }
    return OK;
}

// bytes-rate = size "/" duration
static struct rate bytes_rate(struct reading *r, const struct object *o, struct str member)
{
    struct rate rate = {0};
    struct str text = object_str(r, o, member), size, span;
    int64_t bytes;
    if (str_is_null(text))
        return rate;
    if (str_cut(text, '/', &size, &span) && value_size(str_trim_blanks(size), &bytes) &&
            bytes > 0 && bytes <= UINT32_MAX &&
            value_duration(str_trim_blanks(span), &rate.period_ms) && rate.period_ms >= SECOND_MS)
        rate.count = (uint32_t)bytes;
    else
        object_error(r, o, member, -1, S("bad-rate"),
                "expected a size and a time such as \"10 MiB/1m\", less than 4 GiB");
    return rate;
}

static struct err read_waits(struct reading *r, const struct object *o, enum shaping_key key,
        const int64_t **out, size_t *out_count)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, shaping_key_name(key)));
    int64_t *waits = arena_array(r->arena, list.count + 1, int64_t);
    if (waits == NULL)
        return fail(ERR_LIMIT, "no memory for what providers take");
    for (size_t i = 0; i < list.count; i++)
        waits[i] = list.at[i].value.integer > 0 ? list.at[i].value.integer : SECOND_MS;
    *out = waits;
    *out_count = list.count;
    return OK;
}

// The rules that an entry names are asked only for it (outbound.md 28.1: "automation").
static struct err read_automation(struct reading *r, const struct object *o, struct shaping *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("automation")));
    const struct response_rule **rules =
            arena_array(r->arena, list.count + 1, const struct response_rule *);
    struct response_rule *all = r->responses;
    if (rules == NULL)
        return fail(ERR_LIMIT, "no memory for what providers take");
    for (size_t i = 0; i < list.count; i++)
        for (size_t k = 0; k < r->out->response_count; k++)
            if (str_eq(all[k].id, list.at[i].text)) {
                all[k].is_of_shaping = true;
                rules[out->automation_count++] = &all[k];
            }
    out->automation = rules;
    return OK;
}

static void check_names(struct reading *r, const struct object *o, const struct shaping *entry)
{
    bool has_waits = entry->retry_count > 0, has_backoff = entry->backoff_retry_count > 0;
    if (!str_is_null(entry->tls) && tls_named(r->out, entry->tls) == NULL)
        object_error(r, o, S("tls"), -1, S("unknown-tls"), "there is no queue.tls.%.*s",
                ARG(entry->tls));
    if (!str_is_null(entry->connection) && connection_named(r->out, entry->connection) == NULL)
        object_error(r, o, S("connection"), -1, S("unknown-connection"),
                "there is no queue.connection.%.*s", ARG(entry->connection));
    if (((entry->set >> SHAPING_RETRY & 1) != 0 && !has_waits) ||
            ((entry->set >> SHAPING_BACKOFF_RETRY & 1) != 0 && !has_backoff))
        object_error(r, o, has_waits ? S("backoff.retry") : S("retry"), -1, S("missing"),
                "a list of waits has at least one");
}
