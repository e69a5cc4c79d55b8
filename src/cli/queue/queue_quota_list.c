// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_quota_list.c: `posthaste queue quota list`: how far quotas are used up, from what
// the records of the queue were charged. The counters of a running server are the same, but for
// what has been charged or given back within the last moments.
#include "cli/commands.h"

#include "base/encode.h"
#include "base/map.h"
#include "cli/moment.h"
#include "cli/queue/queue_print.h"
#include "cli/queue/queue_store.h"
#include "queue/quota/quota.h"

#define TEXT_BYTES_MAX (64 * MIB)
#define ROWS_BYTES_MAX (256 * MIB)
#define SCRATCH_BYTES_MAX MIB
#define VALUES_BYTES_MAX KIB

struct quota_row {
    uint64_t key;
    const struct quota *quota; // NULL: one that is configured otherwise now
    struct str values;         // of its key: "sender=ann@a.example"
    uint64_t messages, bytes;
};

struct quota_list {
    struct queue_work *w;
    struct arena arena, scratch;
    struct map rows; // by the bytes of their keys
};

static const struct cli_option options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};

static struct err list_main(void *work) suspends;
static struct err list_make(struct quota_list *l);
static struct err count_message(struct quota_list *l, const struct message *m);
static bool ref_view(
        const struct message *m, const struct quota_ref *ref, struct queue_env *out_view);
static bool is_of(const struct quota_ref *ref, const struct recipient *r);
static struct quota_row *row_of(
        struct quota_list *l, const struct quota_ref *ref, const struct queue_env *view);
static void name_row(struct quota_list *l, struct quota_row *row, const struct quota_ref *ref,
        const struct queue_env *view);
static struct err show(struct quota_list *l);
static int fullest_first(const void *a, const void *b);
static double percent_of(const struct quota_row *r);
static void show_table(struct quota_list *l, const struct quota_row *rows, size_t count);
static void add_level(struct buf *out, uint64_t used, uint64_t max, bool bytes);
static void show_json(struct quota_list *l, const struct quota_row *rows, size_t count);

static int run(struct cli *c)
{
    return queue_work_run(c, QUEUE_TO_READ, list_main, NULL);
}

static struct err list_main(void *work)
{
    struct quota_list l = {.w = work};
    arena_init(&l.arena, ROWS_BYTES_MAX);
    arena_init(&l.scratch, SCRATCH_BYTES_MAX);
    map_init(&l.rows, 0, 0); // the keys are hashes already
    struct err e = list_make(&l);
    if (!failed(e))
        e = show(&l);
    map_done(&l.rows);
    arena_done(&l.scratch);
    arena_done(&l.arena);
    return e;
}

static struct err list_make(struct quota_list *l)
{
    struct queue_pages p AUTO(queue_pages_end) = {0};
    while (!p.page.end) {
        TRY(queue_pages_next(l->w, &p));
        for (size_t i = 0; i < p.page.count; i++)
            TRY(count_message(l, &p.page.messages[i]));
    }
    return OK;
}

static struct err count_message(struct quota_list *l, const struct message *m)
{
    for (size_t i = 0; i < m->quota_ref_count; i++) {
        struct queue_env view;
        const struct quota_ref *ref = &m->quota_refs[i];
        if (!ref_view(m, ref, &view))
            continue; // given back
        struct quota_row *row = row_of(l, ref, &view);
        if (row == NULL)
            return fail(ERR_LIMIT, "too many counters");
        row->messages++;
        row->bytes += m->quota_bytes;
    }
    return OK;
}

// The message as the quota saw it when it charged this; false when nobody of it is pending.
static bool ref_view(
        const struct message *m, const struct quota_ref *ref, struct queue_env *out_view)
{
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++) {
            if (!is_of(ref, &m->units[i].rcpts[j]))
                continue;
            *out_view = (struct queue_env){.message = m,
                    .unit = &m->units[i],
                    .rcpt = &m->units[i].rcpts[j],
                    .wall_now_ms = m->created_ms};
            return true;
        }
    return false;
}

static bool is_of(const struct quota_ref *ref, const struct recipient *r)
{
    switch (ref->scope) {
    case QUOTA_OF_MESSAGE:
        return true;
    case QUOTA_OF_DOMAIN:
        return !rcpt_is_final(r) && str_eq_nocase(address_domain(r->address), ref->subject);
    case QUOTA_OF_RCPT:
        return !rcpt_is_final(r) && str_eq(r->address, ref->subject);
    }
    return false;
}

static struct quota_row *row_of(
        struct quota_list *l, const struct quota_ref *ref, const struct queue_env *view)
{
    struct str key = str_of((const char *)&ref->key, sizeof(ref->key));
    struct quota_row *row = map_get(&l->rows, key);
    if (row != NULL)
        return row;
    row = arena_make(&l->arena, struct quota_row);
    if (row == NULL)
        return NULL;
    row->key = ref->key;
    name_row(l, row, ref, view);
    key = str_of((const char *)&row->key, sizeof(row->key));
    return map_put(&l->rows, key, row) ? row : NULL;
}

static void name_row(struct quota_list *l, struct quota_row *row, const struct quota_ref *ref,
        const struct queue_env *view)
{
    const struct queue_settings *s = &l->w->settings;
    arena_reset(&l->scratch);
    for (size_t i = 0; i < s->quota_count && row->quota == NULL; i++)
        if (s->quotas[i].scope == ref->scope &&
                quota_key(&l->scratch, &s->quotas[i], view) == ref->key)
            row->quota = &s->quotas[i];
    struct buf text AUTO(buf_done);
    buf_init(&text, VALUES_BYTES_MAX);
    for (size_t i = 0; row->quota != NULL && i < row->quota->part_count; i++) {
        const struct quota_part *part = &row->quota->parts[i];
        buf_fmt(&text, "%s%.*s=", i > 0 ? " " : "", ARG(quota_part_name(&l->scratch, part)));
        buf_add(&text, quota_part_value(&l->scratch, part, view));
    }
    row->values = arena_str(&l->arena, buf_str(&text));
}

static struct err show(struct quota_list *l)
{
    size_t count = 0;
    struct quota_row *rows = arena_array(&l->arena, map_count(&l->rows) + 1, struct quota_row);
    if (rows == NULL)
        return fail(ERR_LIMIT, "too many counters");
    struct str key;
    void *value;
    for (size_t i = 0; map_next(&l->rows, &i, &key, &value);)
        rows[count++] = *(const struct quota_row *)value;
    qsort(rows, count, sizeof(*rows), fullest_first);
    if (l->w->c->json)
        show_json(l, rows, count);
    else
        show_table(l, rows, count);
    return OK;
}

static int fullest_first(const void *a, const void *b)
{
    const struct quota_row *x = a, *y = b;
    double left = percent_of(x), right = percent_of(y);
    if (left < right || left > right)
        return left < right ? 1 : -1;
    return str_compare(x->values, y->values);
}

// Of whichever limit is nearer.
static double percent_of(const struct quota_row *r)
{
    if (r->quota == NULL)
        return 0;
    double of_messages = 0, of_bytes = 0;
    if (r->quota->messages_max > 0)
        of_messages = 100.0 * (double)r->messages / (double)r->quota->messages_max;
    if (r->quota->bytes_max > 0)
        of_bytes = 100.0 * (double)r->bytes / (double)r->quota->bytes_max;
    return of_messages > of_bytes ? of_messages : of_bytes;
}

static void show_table(struct quota_list *l, const struct quota_row *rows, size_t count)
{
    struct cli *c = l->w->c;
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    buf_fmt(&text, "%s%7s  %19s  %23s  %-16s  %s%s\n", cli_paint(c->colour, PAINT_BOLD), "Used",
            "Messages", "Size", "Quota", "Of", cli_paint(c->colour, PAINT_END));
    for (size_t i = 0; i < count; i++) {
        const struct quota_row *r = &rows[i];
        buf_fmt(&text, "%6.0f%%  ", percent_of(r));
        add_level(&text, r->messages, r->quota != NULL ? r->quota->messages_max : 0, false);
        add_level(&text, r->bytes, r->quota != NULL ? r->quota->bytes_max : 0, true);
        buf_fmt(&text, "%-16.*s  ", ARG(r->quota != NULL ? r->quota->id : S("(changed)")));
        text_add(&text, r->values, VALUES_BYTES_MAX);
        buf_add_byte(&text, '\n');
    }
    buf_fmt(&text, "%zu counter(s) in use.\n", count);
    cli_print(c, buf_str(&text));
}

static void add_level(struct buf *out, uint64_t used, uint64_t max, bool bytes)
{
    struct buf cell AUTO(buf_done);
    buf_init(&cell, KIB);
    if (bytes)
        size_add(&cell, used);
    else
        buf_fmt(&cell, "%llu", (unsigned long long)used);
    if (max > 0 && bytes) {
        buf_add(&cell, S(" of "));
        size_add(&cell, max);
    } else if (max > 0) {
        buf_fmt(&cell, " of %llu", (unsigned long long)max);
    }
    buf_fmt(out, "%*.*s  ", bytes ? 23 : 19, ARG(buf_str(&cell)));
}

static void show_json(struct quota_list *l, const struct quota_row *rows, size_t count)
{
    struct json_out o = cli_json_begin(l->w->c);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        const struct quota_row *r = &rows[i];
        json_object_begin(&o);
        json_put_str(&o, S("id"), r->quota != NULL ? r->quota->id : STR_NULL);
        json_put_str(&o, S("key"), r->values);
        json_put_u64(&o, S("messages"), r->messages);
        json_put_u64(&o, S("size"), r->bytes);
        if (r->quota != NULL && r->quota->messages_max > 0)
            json_put_u64(&o, S("messages_max"), r->quota->messages_max);
        if (r->quota != NULL && r->quota->bytes_max > 0)
            json_put_u64(&o, S("size_max"), r->quota->bytes_max);
        json_put_u64(&o, S("percent"), (uint64_t)percent_of(r));
        json_object_end(&o);
    }
    json_array_end(&o);
    l->w->status = cli_json_end(l->w->c, CLI_OK);
}

const struct command command_queue_quota_list = {
        .run = run,
        .about = "Lists the counters of queue.quota that something in the queue was charged to,\n"
                 "the fullest first: how many messages and bytes wait, the limits, and for which\n"
                 "values of the quota's key. \"(changed)\": by a quota that is configured "
                 "otherwise\n"
                 "now.",
        CLI_OPTIONS(options),
};
