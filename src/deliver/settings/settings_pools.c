// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_pools.c: queue.pool.<id> and queue.warmup.<id> (outbound.md 28.3), and
// which of our addresses this machine has not got.
#include "base/date.h"
#include "deliver/settings/settings_read.h"
#include "rt/net.h"

static struct err read_plan(struct reading *r, const struct object *o, struct warmup_plan *out);
static struct err read_pool(struct reading *r, const struct object *o, struct source_pool *out);
static void read_source(
        struct reading *r, const struct object *o, int element, struct source_address *out);
static void read_warmup(struct reading *r, const struct object *o, int element,
        const struct conf_element *table, struct source_address *out);
static const struct warmup_plan *plan_named(const struct reading *r, struct str id);
static void check_twins(
        struct reading *r, const struct object *o, const struct source_pool *pool, size_t place);
static void link_fallbacks(struct reading *r, const struct objects *all, struct source_pool *pools);
static bool goes_round(const struct source_pool *pool, size_t pool_count);
static void check_elsewhere(struct reading *r, const struct object *o,
        const struct source_pool *before, size_t count, const struct source_pool *pool);

static const struct str sources_member = S_INIT("sources");

struct err settings_read_pools(struct reading *r)
{
    struct objects plans, all;
    TRY(read_objects(r, S("queue.warmup"), NULL, 0, &plans));
    TRY(read_objects(r, S("queue.pool"), NULL, 0, &all));
    struct warmup_plan *plan = arena_array(r->arena, plans.count + 1, struct warmup_plan);
    struct source_pool *pool = arena_array(r->arena, all.count + 1, struct source_pool);
    if (plan == NULL || pool == NULL)
        return fail(ERR_LIMIT, "no memory for the pools of source addresses");
    for (size_t i = 0; i < plans.count; i++)
        TRY(read_plan(r, &plans.at[i], &plan[i]));
    r->plans = plan;
    r->plan_count = plans.count;
    for (size_t i = 0; i < all.count; i++) {
        TRY(read_pool(r, &all.at[i], &pool[i]));
        check_elsewhere(r, &all.at[i], pool, i, &pool[i]);
    }
    link_fallbacks(r, &all, pool);
    r->out->pools = pool;
    r->out->pool_count = all.count;
    return OK;
}

static struct err read_plan(struct reading *r, const struct object *o, struct warmup_plan *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("days")));
    uint32_t *days = arena_array(r->arena, list.count + 1, uint32_t);
    if (days == NULL)
        return fail(ERR_LIMIT, "no memory for the plans of warm-ups");
    for (size_t i = 0; i < list.count; i++)
        days[i] = (uint32_t)list.at[i].value.integer;
    *out = (struct warmup_plan){.id = o->id, .days = days, .day_count = list.count};
    if (object_is_set(r, o, S("days")) && object_lacks(r, o, S("days")))
        object_error(r, o, S("days"), -1, S("missing"),
                "no day: how many messages may go to one provider on the first, the second, ...");
    return OK;
}

static struct err read_pool(struct reading *r, const struct object *o, struct source_pool *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, sources_member));
    struct source_address *at = arena_array(r->arena, list.count + 1, struct source_address);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the pools of source addresses");
    *out = (struct source_pool){.id = o->id, .sources = at, .source_count = list.count};
    for (size_t i = 0; i < list.count; i++) {
        const struct conf_element *ip = conf_member(&list.at[i], S("ip"));
        assert(ip != NULL); // elements without it have their finding, and are left out
        at[i].ip = ip_unmap(ip->value.net.ip);
        read_source(r, o, (int)i, &at[i]);
        read_warmup(r, o, (int)i, &list.at[i], &at[i]);
        check_twins(r, o, out, i);
    }
    if (object_is_set(r, o, sources_member) && object_lacks(r, o, sources_member))
        object_error(r, o, sources_member, -1, S("missing"), "no address: { ip = \"192.0.2.1\" }");
    return OK;
}

static void read_source(
        struct reading *r, const struct object *o, int element, struct source_address *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, sources_member));
    const struct conf_element *table = &list.at[element];
    const struct conf_element *ehlo = conf_member(table, S("ehlo"));
    const struct conf_element *weight = conf_member(table, S("weight"));
    out->ehlo_name = ehlo != NULL ? ehlo->text : settings_source_name(r, &out->ip);
    out->weight = weight != NULL ? (uint32_t)weight->value.integer : 1;
    if (ip_is_unspecified(&out->ip))
        object_error(r, o, sources_member, element, S("bad-address"),
                "%.*s is not usable as a source", ARG(ip_text(r->arena, &out->ip)));
}

static void read_warmup(struct reading *r, const struct object *o, int element,
        const struct conf_element *table, struct source_address *out)
{
    const struct conf_element *plan = conf_member(table, S("warmup-plan"));
    const struct conf_element *start = conf_member(table, S("warmup-start"));
    struct str ip = ip_text(r->arena, &out->ip);
    if ((plan == NULL) != (start == NULL))
        object_error(r, o, sources_member, element, S("missing"),
                "%.*s has %s: a warm-up needs both", ARG(ip),
                plan == NULL ? "a warmup-start and no warmup-plan"
                             : "a warmup-plan and no warmup-start");
    if (plan == NULL || start == NULL)
        return;
    out->warmup = plan_named(r, plan->text);
    struct str moment = arena_join(r->arena, start->text, S("T00:00:00Z"));
    if (!date_parse_rfc3339(moment, &out->warmup_from_ms))
        object_error(r, o, sources_member, element, S("bad-date"),
                "invalid warmup-start \"%.*s\" (expected a day such as \"2026-03-01\")",
                ARG(start->text));
}

static const struct warmup_plan *plan_named(const struct reading *r, struct str id)
{
    for (size_t i = 0; i < r->plan_count; i++)
        if (str_eq(r->plans[i].id, id))
            return &r->plans[i];
    return NULL; // a reference to nothing has its finding
}

static void check_twins(
        struct reading *r, const struct object *o, const struct source_pool *pool, size_t place)
{
    const struct ip *ip = &pool->sources[place].ip;
    for (size_t i = 0; i < place; i++)
        if (ip_eq(&pool->sources[i].ip, ip))
            object_error(r, o, sources_member, (int)place, S("duplicate"), "duplicate: %.*s",
                    ARG(ip_text(r->arena, ip)));
}

// An address warms up as a whole: what another pool sends from it is seen by the same provider.
static void check_elsewhere(struct reading *r, const struct object *o,
        const struct source_pool *before, size_t count, const struct source_pool *pool)
{
    for (size_t k = 0; k < pool->source_count; k++) {
        const struct source_address *one = &pool->sources[k];
        for (size_t i = 0; i < count; i++)
            for (size_t n = 0; n < before[i].source_count; n++) {
                const struct source_address *other = &before[i].sources[n];
                if (ip_eq(&one->ip, &other->ip) &&
                        (one->warmup != other->warmup ||
                                one->warmup_from_ms != other->warmup_from_ms))
                    object_warning(r, o, sources_member, (int)k, S("warmup"),
                            "%.*s is warmed up in another way in queue.pool.%.*s: what goes from "
                            "here counts there",
                            ARG(ip_text(r->arena, &one->ip)), ARG(before[i].id));
            }
    }
}

// --- Pools behind pools --------------------------------------------------------------------------

// A circle is told at each of its pools, and cut there: nobody walks in it.
static void link_fallbacks(struct reading *r, const struct objects *all, struct source_pool *pools)
{
    for (size_t i = 0; i < all->count; i++) {
        struct str id = object_str(r, &all->at[i], S("fallback"));
        for (size_t k = 0; k < all->count; k++)
            if (str_eq(pools[k].id, id))
                pools[i].fallback = &pools[k];
    }
    for (size_t i = 0; i < all->count; i++) {
        if (!goes_round(&pools[i], all->count))
            continue;
        object_error(r, &all->at[i], S("fallback"), -1, S("cycle"),
                "'%.*s' comes back to this pool", ARG(pools[i].fallback->id));
        r->pools_go_round = true;
    }
    for (size_t i = 0; r->pools_go_round && i < all->count; i++)
        pools[i].fallback = NULL;
}

static bool goes_round(const struct source_pool *pool, size_t pool_count)
{
    const struct source_pool *at = pool->fallback;
    for (size_t i = 0; i < pool_count && at != NULL && at != pool; i++)
        at = at->fallback;
    return at == pool;
}

const struct source_pool *settings_pool_named(const struct reading *r, struct str id)
{
    for (size_t i = 0; i < r->out->pool_count; i++)
        if (str_eq(r->out->pools[i].id, id))
            return &r->out->pools[i];
    return NULL;
}

// --- Addresses that are ours ---------------------------------------------------------------------

struct err settings_check_interface(struct reading *r, const struct object *o, struct str member,
        int element, const struct ip *ip)
{
    if (r->own == NULL)
        TRY(net_own_ips(r->arena, &r->own, &r->own_count));
    for (size_t n = 0; n < r->own_count; n++)
        if (ip_eq(&r->own[n], ip))
            return OK;
    if (!ip_is_unspecified(ip))
        object_warning(r, o, member, element, S("no-interface"),
                "no interface of this machine has %.*s", ARG(ip_text(r->arena, ip)));
    return OK;
}

// Who uses a pool: by their own name for it, or as the pool behind another one.
static bool leads_to(const struct source_pool *from, const struct source_pool *pool)
{
    while (from != NULL && from != pool)
        from = from->fallback;
    return from != NULL;
}

struct err settings_check_pools(struct reading *r)
{
    struct objects all;
    TRY(read_objects(r, S("queue.pool"), NULL, 0, &all));
    for (size_t i = 0; i < r->out->pool_count; i++) {
        const struct source_pool *pool = &r->out->pools[i];
        bool is_used = false, binds = false;
        for (size_t k = 0; k < r->out->connection_count; k++) {
            bool leads = leads_to(r->out->connections[k].pool, pool);
            is_used |= leads;
            binds |= leads && !r->out->connections[k].freebind;
        }
        if (!is_used && !r->pools_go_round)
            object_warning(r, &all.at[i], S("sources"), -1, S("no-effect"),
                    "no connection strategy uses this pool");
        for (size_t n = 0; binds && n < pool->source_count; n++)
            TRY(settings_check_interface(
                    r, &all.at[i], sources_member, (int)n, &pool->sources[n].ip));
    }
    return OK;
}
