// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_response.c: queue.response, what replies are made of (outbound.md
// 19.3), in the order of the files.
#include "deliver/reply/classify.h"
#include "deliver/settings/settings_read.h"

#include "deliver/shape/suspend.h"

#define DURATION_MS HOUR_MS // of an order that does not say
#define ORDERS                                                                                     \
    (1U << RESPONSE_SUSPEND | 1U << RESPONSE_THROTTLE | 1U << RESPONSE_BACKOFF |                   \
            1U << RESPONSE_DISABLE_TLS)

static void read_response(struct reading *r, const struct object *o, struct response_rule *out);
static uint32_t read_scope(struct reading *r, const struct object *o);
static void check_members(
        struct reading *r, const struct object *o, const struct response_rule *rule);

struct err settings_read_responses(struct reading *r)
{
    struct str map = S("queue.response");
    struct conf_ids ids = conf_ids_as_written(r->arena, r->conf, map);
    struct response_rule *all = arena_array(r->arena, ids.count + 1, struct response_rule);
    if (all == NULL || ids.count < conf_ids(r->conf, map).count)
        return fail(ERR_LIMIT, "no memory for the rules about replies");
    for (size_t i = 0; i < ids.count; i++) {
        struct object o = {.map = map, .id = ids.at[i], .is_written = true};
        read_response(r, &o, &all[i]);
    }
    r->out->responses = r->responses = all;
    r->out->response_count = ids.count;
    return OK;
}

static void read_response(struct reading *r, const struct object *o, struct response_rule *out)
{
    static const enum response_action actions[] = {RESPONSE_LOG, RESPONSE_DEFER, RESPONSE_BOUNCE,
            RESPONSE_NEXT_HOST, RESPONSE_DROP_CONNECTION, RESPONSE_SUSPEND, RESPONSE_THROTTLE,
            RESPONSE_BACKOFF, RESPONSE_ROUTE, RESPONSE_DISABLE_TLS}; // as in the row
    *out = (struct response_rule){
            .id = o->id,
            .match = conf_expr(r->conf, object_key(r, o, S("match"))),
            .action = actions[object_word(r, o, S("action"))],
            .retry_after_ms = object_ms(r, o, S("retry-after")),
            .trigger = conf_rate(r->conf, object_key(r, o, S("trigger"))),
            .scope = read_scope(r, o),
            .duration_ms = object_ms(r, o, S("duration")),
            .rate = conf_rate(r->conf, object_key(r, o, S("rate"))),
            .concurrency = object_u32(r, o, S("concurrency")),
            .route = object_str(r, o, S("route")),
    };
    if (out->duration_ms == 0 && out->action != RESPONSE_BACKOFF)
        out->duration_ms = DURATION_MS;
    if (object_is_set(r, o, S("class")))
        out->bounce_class = bounce_class_word((enum bounce_class)object_word(r, o, S("class")));
    check_members(r, o, out);
}

// As in the row.
static uint32_t read_scope(struct reading *r, const struct object *o)
{
    static const enum suspend_scope words[] = {SUSPEND_RCPT_DOMAIN, SUSPEND_SENDER,
            SUSPEND_SENDER_DOMAIN, SUSPEND_QUEUE, SUSPEND_ROUTE, SUSPEND_MX_SITE, SUSPEND_MX,
            SUSPEND_SOURCE_IP};
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("scope")));
    uint32_t scope = 0;
    for (size_t i = 0; i < list.count; i++)
        scope |= 1U << words[list.at[i].value.integer];
    return scope;
}

static void check_members(
        struct reading *r, const struct object *o, const struct response_rule *rule)
{
    static const struct {
        struct str member;
        uint32_t actions;
        const char *text;
    } members[] = {
            {S_INIT("retry-after"),
                    1U << RESPONSE_DEFER | 1U << RESPONSE_ROUTE | 1U << RESPONSE_DISABLE_TLS,
                    "only action = \"defer\", \"route\" or \"disable-tls\" has a time to try "
                    "again"},
            {S_INIT("scope"), ORDERS,
                    "only action = \"suspend\", \"throttle\", \"backoff\" or \"disable-tls\" is "
                    "about "
                    "something"},
            {S_INIT("duration"), ORDERS,
                    "only action = \"suspend\", \"throttle\", \"backoff\" or \"disable-tls\" "
                    "lasts"},
            {S_INIT("rate"), 1U << RESPONSE_THROTTLE, "only action = \"throttle\" has a rate"},
            {S_INIT("concurrency"), 1U << RESPONSE_THROTTLE,
                    "only action = \"throttle\" has a concurrency"},
            {S_INIT("route"), 1U << RESPONSE_ROUTE, "only action = \"route\" has a route"},
    };
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (object_is_set(r, o, members[i].member) && (members[i].actions >> rule->action & 1) == 0)
            object_error(r, o, members[i].member, -1, S("conflict"), "%s", members[i].text);
    if (rule->action == RESPONSE_THROTTLE && object_lacks(r, o, S("rate")) &&
            object_lacks(r, o, S("concurrency")))
        object_error(r, o, S("action"), -1, S("missing"),
                "action = \"throttle\" needs a rate such as \"5/1h\", or a concurrency");
    if (rule->action == RESPONSE_BACKOFF && (rule->scope & ~(1U << SUSPEND_MX_SITE)) != 0)
        object_error(r, o, S("scope"), -1, S("conflict"), "a back-off is one of an mx-site");
    if (rule->action == RESPONSE_ROUTE && route_named(r->out, rule->route) == NULL)
        object_error(r, o, S("route"), -1, S("unknown-route"), "there is no queue.route.%.*s",
                ARG(rule->route));
}
