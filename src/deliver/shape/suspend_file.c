// SPDX-License-Identifier: Apache-2.0
// deliver/shape/suspend_file.c: the file of orders, read and changed under its lock.
#include "base/json.h"
#include "conf/conf.h"
#include "deliver/shape/suspend_parts.h"
#include "queue/control/statefile.h"

static struct err write_all(struct arena *a, struct str path, const struct suspensions *all,
        int64_t wall_now_ms) MUST_USE;
static void rate_add(struct buf *text, const struct rate *rate);

struct str suspensions_path(struct arena *a, const struct conf *conf)
{
    return arena_join(a, conf_str(conf, S("global.state-dir")), S("/suspended"));
}

struct err suspensions_read(struct arena *a, struct str path, struct suspensions *out)
{
    struct str text;
    TRY(statefile_read(a, path, STATEFILE_BYTES_MAX, &text));
    return statefile_blame(a, path, suspensions_parse(a, text, out));
}

struct err suspensions_add(
        struct arena *a, struct str path, const struct suspension *order, int64_t wall_now_ms)
{
    struct suspensions all;
    struct suspension *place = NULL;
    int lock AUTO(statefile_unlock) = -1;
    TRY(statefile_lock(a, path, &lock));
    TRY(suspensions_read(a, path, &all));
    each_in_vec (s, &all.all)
        if (suspension_is_about(s, order, true))
            place = s;
    if (place != NULL && order->is_automatic && !place->is_automatic &&
            suspension_holds(place, wall_now_ms))
        return OK;
    if (place == NULL && all.all.count < SUSPENSIONS_MAX)
        place = vec_add(a, &all.all);
    if (place == NULL)
        return fail(ERR_LIMIT, "more is suspended than there is room for");
    *place = *order;
    return write_all(a, path, &all, wall_now_ms);
}

struct err suspensions_lift(struct arena *a, struct str path, const struct suspension *like,
        int64_t wall_now_ms, size_t *out_count)
{
    struct suspensions all;
    size_t kept = 0, lifted = 0;
    int lock AUTO(statefile_unlock) = -1;
    TRY(statefile_lock(a, path, &lock));
    TRY(suspensions_read(a, path, &all));
    for (size_t i = 0; i < all.all.count; i++) {
        const struct suspension *s = &all.all.at[i];
        if (suspension_is_about(s, like, false) && (s->is_automatic || !like->is_automatic))
            lifted += suspension_holds(s, wall_now_ms);
        else
            all.all.at[kept++] = *s;
    }
    all.all.count = kept;
    TRY(write_all(a, path, &all, wall_now_ms));
    *out_count = lifted;
    return OK;
}

static struct err write_all(
        struct arena *a, struct str path, const struct suspensions *all, int64_t wall_now_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, STATEFILE_BYTES_MAX);
    each_in_vec (s, &all->all) {
        if (!suspension_holds(s, wall_now_ms))
            continue;
        struct json_out o = json_begin(&text, JSON_COMPACT);
        suspension_show(&o, s);
        buf_add_byte(&text, '\n');
    }
    return statefile_write(a, path, &text);
}

void suspension_show(struct json_out *o, const struct suspension *s)
{
    json_object_begin(o);
    json_put_str(o, S("order"), suspend_kind_name(s->kind));
    for (size_t i = 0; i < SUSPEND_SCOPES; i++) {
        if (!str_is_null(s->scope[i]))
            json_put_str(o, suspend_scope_name((enum suspend_scope)i), s->scope[i]);
    }
    if (s->rate.count > 0) {
        struct buf text AUTO(buf_done);
        buf_init(&text, KIB);
        rate_add(&text, &s->rate);
        json_put_str(o, S("rate"), buf_str(&text));
    }
    if (s->concurrency > 0)
        json_put_u64(o, S("concurrency"), s->concurrency);
    json_put_i64(o, S("since"), s->since_ms);
    if (s->until_ms != NEVER_MS)
        json_put_i64(o, S("until"), s->until_ms);
    json_put_str(o, S("by"), s->by);
    json_put_bool(o, S("automatic"), s->is_automatic);
    json_put_str(o, S("reason"), s->reason);
    json_object_end(o);
}

// In the largest unit that fits.
static void rate_add(struct buf *text, const struct rate *rate)
{
    static const struct {
        int64_t ms;
        const char *word;
    } units[] = {{DAY_MS, "d"}, {HOUR_MS, "h"}, {MINUTE_MS, "m"}, {SECOND_MS, "s"}, {1, "ms"}};
    size_t i = 0;
    while (rate->period_ms % units[i].ms != 0)
        i++;
    buf_fmt(text, "%u/%lld%s", rate->count, (long long)(rate->period_ms / units[i].ms),
            units[i].word);
}
