// SPDX-License-Identifier: Apache-2.0
// deliver/shape/warmed.c: see deliver/shape/warmed.h.
#include "deliver/shape/warmed.h"

#include "base/json_lines.h"
#include "queue/control/statefile.h"
#include "rt/rt.h"

#define DAY_BYTES_MAX (4 * MIB)
#define FILE_BYTES_MAX (4 * MIB)
#define WORK_BYTES_MAX (16 * MIB)

struct task { // of a helper thread
    struct arena arena;
    struct str path;
    int64_t day;
    struct warmed_counts counts;
    struct err result;
};

static struct err read_one(
        const struct json *o, struct warmed_count *out, int64_t *out_day) MUST_USE;
static struct warmed_count *find(
        struct warmed_counts *counts, const struct ip *ip, struct str provider);
static struct err add(
        struct arena *a, struct warmed_counts *counts, const struct warmed_count *more) MUST_USE;
static void write_work(void *arg);
static void read_work(void *arg);

struct str warmed_path(struct arena *a, const struct conf *conf)
{
    return arena_join(a, conf_str(conf, S("global.state-dir")), S("/warmed"));
}

void warmed_init(struct warmed *w, struct str path, struct limits_shared *shared)
{
    *w = (struct warmed){.path = path, .shared = shared};
    arena_init(&w->arena, DAY_BYTES_MAX);
}

void warmed_done(struct warmed *w)
{
    arena_done(&w->arena);
}

// What there is no memory for is not kept, and counts until the next start all the same.
void warmed_note(struct warmed *w, const struct ip *ip, struct str provider, int64_t day)
{
    if (str_is_null(w->path))
        return;
    if (day != w->day) {
        arena_reset(&w->arena);
        w->met = (struct warmed_counts){0};
        w->day = day;
    }
    w->changed = true;
    if (find(&w->met, ip, provider) != NULL)
        return;
    const struct warmed_count one = {.ip = *ip, .provider = arena_str(&w->arena, provider)};
    struct err ignored = str_is_null(one.provider) ? OK : add(&w->arena, &w->met, &one);
    (void)ignored;
}

bool warmed_wants_writing(const struct warmed *w, int64_t now_ms)
{
    return w->changed && !w->is_written && now_ms - w->written_at_ms >= WARMED_EVERY_MS;
}

// --- The file ------------------------------------------------------------------------------------

struct err warmed_write(struct warmed *w)
{
    struct task task = {.path = w->path, .day = w->day};
    struct err e = OK;
    if (!w->changed || w->is_written)
        return OK;
    arena_init(&task.arena, WORK_BYTES_MAX);
    each_in_vec (met, &w->met.all) {
        uint64_t owner = warmup_owner(w->shared, &met->ip, met->provider);
        struct warmed_count *now = vec_add(&task.arena, &task.counts.all);
        if (now == NULL) {
            e = fail(ERR_LIMIT, "no memory for counts");
            break;
        }
        *now = (struct warmed_count){.ip = met->ip,
                .provider = arena_str(&task.arena, met->provider), // a new day may begin meanwhile
                .count = daily_count(w->shared, owner, w->day)};
    }
    w->changed = false;
    w->is_written = true;
    w->written_at_ms = now_ms();
    if (!failed(e))
        e = offload(write_work, &task);
    if (!failed(e))
        e = task.result;
    w->is_written = false;
    w->changed |= failed(e);
    arena_done(&task.arena);
    return failed(e) ? fail(e.kind, "what is being warmed up cannot be kept") : OK;
}

static void write_work(void *arg)
{
    struct task *task = arg;
    task->result = warmed_merge(&task->arena, task->path, task->day, &task->counts);
}

struct err warmed_merge(
        struct arena *a, struct str path, int64_t day, const struct warmed_counts *counts)
{
    struct str before;
    struct warmed_counts all = {0};
    struct buf text AUTO(buf_done);
    int lock AUTO(statefile_unlock) = -1;
    buf_init(&text, FILE_BYTES_MAX);
    TRY(statefile_lock(a, path, &lock));
    TRY(statefile_read(a, path, FILE_BYTES_MAX, &before));
    struct err damaged = warmed_parse(a, before, day, &all);
    if (failed(damaged)) // it is written anew
        all = (struct warmed_counts){0};
    each_in_vec (one, &counts->all)
        TRY(add(a, &all, one));
    each_in_vec (one, &all.all) {
        struct json_out o = json_begin(&text, JSON_COMPACT);
        json_object_begin(&o);
        json_put_i64(&o, S("day"), day);
        json_put_str(&o, S("ip"), ip_text(a, &one->ip));
        json_put_str(&o, S("provider"), one->provider);
        json_put_u64(&o, S("count"), one->count);
        json_object_end(&o);
        buf_add_byte(&text, '\n');
    }
    return statefile_write(a, path, &text);
}

struct err warmed_read(struct warmed *w, int64_t wall_now_ms)
{
    struct task task = {.path = w->path, .day = daily_of_ms(wall_now_ms)};
    if (str_is_null(w->path) || w->shared == NULL)
        return OK;
    arena_init(&task.arena, WORK_BYTES_MAX);
    struct err e = offload(read_work, &task);
    if (!failed(e))
        e = task.result;
    each_in_vec (one, &task.counts.all)
        if (!failed(e))
            daily_raise(w->shared, warmup_owner(w->shared, &one->ip, one->provider), task.day,
                    one->count);
    arena_done(&task.arena);
    return failed(e) ? fail(e.kind, "what was warmed up before is not known") : OK;
}

static void read_work(void *arg)
{
    struct task *task = arg;
    struct str text;
    task->result = statefile_read(&task->arena, task->path, FILE_BYTES_MAX, &text);
    if (!failed(task->result))
        task->result = warmed_parse(&task->arena, text, task->day, &task->counts);
}

struct err warmed_parse(struct arena *a, struct str text, int64_t day, struct warmed_counts *out)
{
    struct json_lines lines = json_lines_of(text);
    const struct json *o;
    while (json_lines_next(&lines, a, &o)) {
        struct warmed_count one;
        int64_t of_day;
        TRY(json_lines_blame(&lines, a, read_one(o, &one, &of_day)));
        if (of_day == day)
            TRY(add(a, out, &one));
    }
    return lines.error;
}

static struct err read_one(const struct json *o, struct warmed_count *out, int64_t *out_day)
{
    int64_t count;
    out->provider = json_string(json_member(o, S("provider")), STR_NULL);
    if (!json_to_i64(json_member(o, S("day")), out_day) ||
            !json_to_i64(json_member(o, S("count")), &count) || count < 0 || count > UINT32_MAX ||
            !ip_parse(json_string(json_member(o, S("ip")), S("")), &out->ip) ||
            str_is_null(out->provider))
        return fail(ERR_SYNTAX, "this is no count");
    out->count = (uint32_t)count;
    return OK;
}

// --- Counts --------------------------------------------------------------------------------------

static struct err add(
        struct arena *a, struct warmed_counts *counts, const struct warmed_count *more)
{
    struct warmed_count *one = find(counts, &more->ip, more->provider);
    if (one != NULL && one->count < more->count)
        one->count = more->count;
    if (one != NULL)
        return OK;
    one = counts->all.count < WARMED_MAX ? vec_add(a, &counts->all) : NULL;
    if (one == NULL)
        return fail(ERR_LIMIT, "more is warmed up than there is room for");
    *one = *more;
    return OK;
}

static struct warmed_count *find(
        struct warmed_counts *counts, const struct ip *ip, struct str provider)
{
    each_in_vec (one, &counts->all)
        if (ip_eq(&one->ip, ip) && str_eq(one->provider, provider))
            return one;
    return NULL;
}
