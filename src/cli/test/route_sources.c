// SPDX-License-Identifier: Apache-2.0
// cli/test/route_sources.c: see cli/test/route_sources.h.
#include "cli/test/route_sources.h"

#include "deliver/shape/warmup.h"

static void show_all(struct json_out *o, struct arena *a,
        const struct connection_strategy *strategy, const struct source_pool *pool,
        enum ip_family family, int64_t wall_now_ms);

void route_show_sources(struct json_out *o, struct arena *a,
        const struct connection_strategy *strategy, enum ip_family family, int64_t wall_now_ms)
{
    const struct source_pool own = {
            .sources = strategy->sources, .source_count = strategy->source_count};
    const struct source_pool *pool = strategy->pool != NULL ? strategy->pool : &own;
    json_array_begin(o);
    for (; pool != NULL; pool = pool->fallback)
        show_all(o, a, strategy, pool, family, wall_now_ms);
    json_array_end(o);
}

static void show_all(struct json_out *o, struct arena *a,
        const struct connection_strategy *strategy, const struct source_pool *pool,
        enum ip_family family, int64_t wall_now_ms)
{
    for (size_t i = 0; i < pool->source_count; i++) {
        const struct source_address *one = &pool->sources[i];
        uint32_t today = warmup_allowance(one, wall_now_ms);
        if (one->ip.family != family)
            continue;
        json_object_begin(o);
        json_put_str(o, S("pool"), pool->id);
        json_put_str(o, S("ip"), ip_text(a, &one->ip));
        json_put_str(
                o, S("ehlo"), str_is_null(one->ehlo_name) ? strategy->ehlo_name : one->ehlo_name);
        json_put_u64(o, S("weight"), one->weight == 0 ? 1 : one->weight);
        json_key(o, S("today"));
        if (today == WARMUP_NO_LIMIT)
            json_null(o);
        else
            json_u64(o, today);
        json_object_end(o);
    }
}
