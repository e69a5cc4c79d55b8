// SPDX-License-Identifier: Apache-2.0
// cli/queue_summary.c: `posthaste queue summary`: the queue by groups, in one pass over it.
#include "cli/commands.h"

#include "base/date.h"
#include "base/map.h"
#include "cli/moment.h"
#include "cli/queue_filter.h"
#include "cli/queue_print.h"
#include "cli/queue_store.h"
#include "queue/env.h"

#define TEXT_BYTES_MAX (64 * MIB)
#define GROUPS_BYTES_MAX (256 * MIB)
#define TOP 50
#define ERROR_BYTES_MAX 200

enum by { BY_DOMAIN, BY_SENDER, BY_ERROR, BY_QUEUE };

struct group_row {
    struct str key;
    uint64_t messages, rcpts, bytes, held;
    int64_t oldest_ms, next_ms;
    uint64_t last_id; // of the message counted last: each is counted once
};

struct summary {
    struct queue_work *w;
    enum by by;
    struct arena arena;
    struct map groups;
    struct group_row all;
};

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("by"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("domain|sender|error|queue"),
                .help = "what makes a group (default: domain)"},
        {.name = S_INIT("top"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = UINT32_MAX,
                .help = "the N largest groups (default: 50)"},
        CLI_OPTION_JSON,
};

static struct err summary_main(void *work) suspends;
static struct err summary_make(struct summary *s);
static struct err count_message(struct summary *s, const struct message *m);
static struct str key_of(const struct summary *s, const struct message *m, const struct unit *u,
        const struct recipient *r);
static struct group_row *row_of(struct summary *s, struct str key);
static void count(struct group_row *g, const struct message *m, const struct unit *u);
static struct err show(struct summary *s);
static int larger_first(const void *a, const void *b);
static void show_table(struct summary *s, const struct group_row *rows, size_t count);
static void add_line(struct buf *out, const struct group_row *g, int64_t now_ms);
static void show_json(struct summary *s, const struct group_row *rows, size_t count);

static int run(struct cli *c)
{
    return queue_work_run(c, QUEUE_TO_READ, summary_main, NULL);
}

static struct err summary_main(void *work)
{
    struct summary s = {.w = work, .all = {.oldest_ms = INT64_MAX, .next_ms = NEVER_MS}};
    struct str by = cli_text(s.w->c, S("by"), S("domain"));
    static const struct str words[] = {
            S_INIT("domain"), S_INIT("sender"), S_INIT("error"), S_INIT("queue")};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(words[i], by))
            s.by = (enum by)i;
    arena_init(&s.arena, GROUPS_BYTES_MAX);
    map_init(&s.groups, 0x706f7374, 0x68617374);
    struct err e = summary_make(&s);
    if (!failed(e))
        e = show(&s);
    map_done(&s.groups);
    arena_done(&s.arena);
    return e;
}

static struct err summary_make(struct summary *s)
{
    struct queue_pages p AUTO(queue_pages_end) = {0};
    while (!p.page.end) {
        TRY(queue_pages_next(s->w, &p));
        for (size_t i = 0; i < p.page.count; i++)
            TRY(count_message(s, &p.page.messages[i]));
    }
    return OK;
}

static struct err count_message(struct summary *s, const struct message *m)
{
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++) {
            const struct unit *u = &m->units[i];
            struct group_row *g = row_of(s, key_of(s, m, u, &u->rcpts[j]));
            if (g == NULL)
                return fail(ERR_LIMIT, "too many groups");
            count(g, m, u);
            count(&s->all, m, u);
        }
    return OK;
}

static struct str key_of(const struct summary *s, const struct message *m, const struct unit *u,
        const struct recipient *r)
{
    switch (s->by) {
    case BY_DOMAIN:
        return address_domain(r->address);
    case BY_SENDER:
        return str_is_empty(m->sender) ? S("<>") : m->sender;
    case BY_ERROR:
        return str_is_empty(r->last.text) ? S("none") : str_upto(r->last.text, ERROR_BYTES_MAX);
    case BY_QUEUE:
        return u->queue;
    }
    return S("");
}

static struct group_row *row_of(struct summary *s, struct str key)
{
    struct group_row *g = map_get(&s->groups, key);
    if (g != NULL)
        return g;
    g = arena_make(&s->arena, struct group_row);
    struct str copy = arena_str(&s->arena, key);
    if (g == NULL || str_is_null(copy) || !map_put(&s->groups, copy, g))
        return NULL;
    *g = (struct group_row){.key = copy, .oldest_ms = INT64_MAX, .next_ms = NEVER_MS};
    return g;
}

static void count(struct group_row *g, const struct message *m, const struct unit *u)
{
    g->rcpts++;
    g->held += u->hold.reason != HOLD_NONE;
    g->next_ms = u->due_ms < g->next_ms ? u->due_ms : g->next_ms;
    if (g->messages > 0 && g->last_id == m->id)
        return;
    g->last_id = m->id;
    g->messages++;
    g->bytes += message_bytes(m);
    g->oldest_ms = m->created_ms < g->oldest_ms ? m->created_ms : g->oldest_ms;
}

static struct err show(struct summary *s)
{
    size_t all = map_count(&s->groups), count = 0;
    struct group_row *rows = arena_array(&s->arena, all + 1, struct group_row);
    if (rows == NULL)
        return fail(ERR_LIMIT, "too many groups");
    struct str key;
    void *value;
    for (size_t i = 0; map_next(&s->groups, &i, &key, &value);)
        rows[count++] = *(const struct group_row *)value;
    qsort(rows, count, sizeof(*rows), larger_first);
    uint64_t top = cli_number(s->w->c, S("top"), TOP);
    count = top < count ? (size_t)top : count;
    if (s->w->c->json)
        show_json(s, rows, count);
    else
        show_table(s, rows, count);
    return OK;
}

static int larger_first(const void *a, const void *b)
{
    const struct group_row *x = a, *y = b;
    if (x->messages != y->messages)
        return x->messages < y->messages ? 1 : -1;
    return str_compare(x->key, y->key);
}

static void show_table(struct summary *s, const struct group_row *rows, size_t count)
{
    struct cli *c = s->w->c;
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    buf_fmt(&text, "%s%9s  %9s  %9s  %7s  %9s  %-9s  %s%s\n", cli_paint(c->colour, PAINT_BOLD),
            "Messages", "Recipients", "Size", "Held", "Oldest", "Next due", "Group",
            cli_paint(c->colour, PAINT_END));
    for (size_t i = 0; i < count; i++)
        add_line(&text, &rows[i], s->w->wall_now_ms);
    if (map_count(&s->groups) > count)
        buf_fmt(&text, "%zu more groups; see --top.\n", map_count(&s->groups) - count);
    s->all.key = S("all");
    add_line(&text, &s->all, s->w->wall_now_ms);
    cli_print(c, buf_str(&text));
}

static void add_line(struct buf *out, const struct group_row *g, int64_t now_ms)
{
    struct buf cell AUTO(buf_done);
    buf_init(&cell, KIB);
    buf_fmt(out, "%9llu  %9llu  ", (unsigned long long)g->messages, (unsigned long long)g->rcpts);
    size_add(&cell, g->bytes);
    buf_fmt(out, "%10.*s  %7llu  ", ARG(buf_str(&cell)), (unsigned long long)g->held);
    buf_clear(&cell);
    if (g->messages > 0)
        span_add(&cell, now_ms > g->oldest_ms ? now_ms - g->oldest_ms : 0);
    buf_fmt(out, "%9.*s  ", ARG(buf_str(&cell)));
    buf_clear(&cell);
    moment_add(&cell, g->next_ms, now_ms);
    buf_fmt(out, "%-9.*s  ", ARG(buf_str(&cell)));
    text_add(out, g->key, ERROR_BYTES_MAX);
    buf_add_byte(out, '\n');
}

static void show_json(struct summary *s, const struct group_row *rows, size_t count)
{
    struct json_out o = cli_json_begin(s->w->c);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        const struct group_row *g = &rows[i];
        const struct {
            struct str key;
            uint64_t value;
        } members[] = {{S("messages"), g->messages}, {S("recipients"), g->rcpts},
                {S("bytes"), g->bytes}, {S("held"), g->held}};
        json_object_begin(&o);
        json_key(&o, S("key"));
        json_str(&o, g->key);
        for (size_t j = 0; j < COUNT_OF(members); j++) {
            json_key(&o, members[j].key);
            json_u64(&o, members[j].value);
        }
        queue_time_json(&o, S("oldest"), g->oldest_ms);
        if (g->next_ms != NEVER_MS)
            queue_time_json(&o, S("next_retry"), g->next_ms);
        json_object_end(&o);
    }
    json_array_end(&o);
    s->w->status = cli_json_end(s->w->c, CLI_OK);
}

const struct command command_queue_summary = {
        .run = run,
        .about = "Counts the queue by recipients' domains, senders, last errors or virtual\n"
                 "queues, the largest groups first. A message with recipients of two groups\n"
                 "counts in both, and once in the last line.",
        .examples = "  posthaste queue summary --by error --top 10",
        CLI_OPTIONS(options),
};
