// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_summary.c: `posthaste queue summary`: the queue by groups
// (queue/store/summary.h).
#include "cli/commands.h"

#include "base/date.h"
#include "cli/moment.h"
#include "cli/queue/queue_print.h"
#include "cli/queue/queue_store.h"
#include "queue/env.h"
#include "queue/store/summary.h"

#define TEXT_BYTES_MAX (64 * MIB)
#define GROUPS_BYTES_MAX (1024 * (size_t)MIB)
#define TOP 50

struct summary_work {
    struct queue_work *w;
    struct arena arena;
    struct summary_result result;
};

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("by"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("domain|sender|error|queue|status"),
                .help = "what makes a group (default: domain)"},
        {.name = S_INIT("top"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = UINT32_MAX,
                .help = "the N largest groups (default: 50)"},
        {.name = S_INIT("age"),
                .help = "messages by their age in minutes, instead of sizes and times"},
        CLI_OPTION_JSON,
};

static struct err summary_main(void *work) suspends;
static enum summary_by by_of(const struct cli *c);
static void show_table(struct summary_work *s);
static struct str key_of(const struct summary_work *s, const struct summary_group *g);
static void add_heading(struct buf *out, bool colour, bool ages);
static void add_line(struct buf *out, const struct summary_group *g, int64_t now_ms);
static void add_ages(struct buf *out, const struct summary_group *g);
static void show_json(struct summary_work *s);
static void add_counts(struct json_out *o, const struct summary_group *g);
static void add_kinds(struct json_out *o, const struct summary_group *g);

static int run(struct cli *c)
{
    return queue_work_run(c, QUEUE_TO_READ, summary_main, NULL);
}

static struct err summary_main(void *work)
{
    struct summary_work s = {.w = work};
    struct cli *c = s.w->c;
    const struct summary_options how = {.by = by_of(c), .now_ms = s.w->wall_now_ms};
    arena_init(&s.arena, GROUPS_BYTES_MAX);
    struct err e =
            summary_make(s.w->store, &s.arena, &how, cli_number(c, S("top"), TOP), &s.result);
    if (failed(e)) // what it says is in our arena
        e = fail_fmt(&c->arena, e.kind, "%.*s", ARG(err_text(e)));
    else if (c->json)
        show_json(&s);
    else
        show_table(&s);
    arena_done(&s.arena);
    return e;
}

static enum summary_by by_of(const struct cli *c)
{
    static const struct str words[] = {[SUMMARY_BY_DOMAIN] = S_INIT("domain"),
            [SUMMARY_BY_SENDER] = S_INIT("sender"),
            [SUMMARY_BY_ERROR] = S_INIT("error"),
            [SUMMARY_BY_QUEUE] = S_INIT("queue"),
            [SUMMARY_BY_STATUS] = S_INIT("status")};
    struct str by = cli_text(c, S("by"), words[SUMMARY_BY_DOMAIN]);
    size_t i = 0;
    while (i + 1 < COUNT_OF(words) && !str_eq(words[i], by))
        i++;
    return (enum summary_by)i;
}

static struct str key_of(const struct summary_work *s, const struct summary_group *g)
{
    if (!str_is_empty(g->key))
        return g->key;
    return by_of(s->w->c) == SUMMARY_BY_SENDER ? S("<>") : S("none");
}

static void show_table(struct summary_work *s)
{
    struct cli *c = s->w->c;
    struct summary_result *r = &s->result;
    struct buf text AUTO(buf_done);
    bool ages = cli_has(c, S("age"));
    buf_init(&text, TEXT_BYTES_MAX);
    add_heading(&text, c->colour, ages);
    for (size_t i = 0; i <= r->count; i++) {
        struct summary_group *g = i < r->count ? &r->groups[i] : &r->all;
        if (i == r->count && r->all_count > r->count)
            buf_fmt(&text, "%zu more groups; see --top.\n", r->all_count - r->count);
        if (ages)
            add_ages(&text, g);
        else
            add_line(&text, g, s->w->wall_now_ms);
        text_add(&text, i < r->count ? key_of(s, g) : S("all"), SUMMARY_TEXT_MAX);
        buf_add_byte(&text, '\n');
    }
    cli_print(c, buf_str(&text));
}

static void add_heading(struct buf *out, bool colour, bool ages)
{
    buf_fmt(out, "%s", cli_paint(colour, PAINT_BOLD));
    if (ages)
        buf_fmt(out, "%9s %6s %6s %6s %6s %6s %6s %6s %6s %6s %6s  ", "Messages", "5m", "10m",
                "20m", "40m", "80m", "160m", "320m", "640m", "1280m", "older");
    else
        buf_fmt(out, "%9s  %9s  %9s  %7s  %7s  %8s  %9s  %-9s  ", "Messages", "Recipients", "Size",
                "Due", "Held", "Deferred", "Oldest", "Next due");
    buf_fmt(out, "Group%s\n", cli_paint(colour, PAINT_END));
}

static void add_line(struct buf *out, const struct summary_group *g, int64_t now_ms)
{
    struct buf cell AUTO(buf_done);
    buf_init(&cell, KIB);
    buf_fmt(out, "%9llu  %10llu  ", (unsigned long long)g->messages, (unsigned long long)g->rcpts);
    size_add(&cell, g->bytes);
    buf_fmt(out, "%9.*s  %7llu  %7llu  %8llu  ", ARG(buf_str(&cell)), (unsigned long long)g->due,
            (unsigned long long)g->held, (unsigned long long)g->deferred);
    buf_clear(&cell);
    if (g->messages > 0)
        span_add(&cell, now_ms > g->oldest_ms ? now_ms - g->oldest_ms : 0);
    buf_fmt(out, "%9.*s  ", ARG(buf_str(&cell)));
    buf_clear(&cell);
    moment_add(&cell, g->next_ms, now_ms);
    buf_fmt(out, "%-9.*s  ", ARG(buf_str(&cell)));
}

static void add_ages(struct buf *out, const struct summary_group *g)
{
    buf_fmt(out, "%9llu ", (unsigned long long)g->messages);
    for (size_t i = 0; i < SUMMARY_AGES; i++)
        buf_fmt(out, "%6u ", g->ages[i]);
    buf_add_byte(out, ' ');
}

static void show_json(struct summary_work *s)
{
    struct json_out o = cli_json_begin(s->w->c);
    json_array_begin(&o);
    for (size_t i = 0; i < s->result.count; i++) {
        const struct summary_group *g = &s->result.groups[i];
        json_object_begin(&o);
        json_put_str(&o, S("key"), key_of(s, g));
        add_counts(&o, g);
        json_put_time(&o, S("oldest"), g->oldest_ms);
        if (g->next_ms != NEVER_MS)
            json_put_time(&o, S("next_retry"), g->next_ms);
        add_kinds(&o, g);
        if (g->error_at_ms != 0)
            json_put_str(&o, S("last_error"), g->error);
        json_object_end(&o);
    }
    json_array_end(&o);
    s->w->status = cli_json_end(s->w->c, CLI_OK);
}

static void add_counts(struct json_out *o, const struct summary_group *g)
{
    const struct {
        struct str key;
        uint64_t value;
    } members[] = {{S("messages"), g->messages}, {S("recipients"), g->rcpts},
            {S("bytes"), g->bytes}, {S("due"), g->due}, {S("held"), g->held},
            {S("deferred"), g->deferred}, {S("waiting"), g->waiting}};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        json_put_u64(o, members[i].key, members[i].value);
    json_key(o, S("ages"));
    json_array_begin(o);
    for (size_t i = 0; i < SUMMARY_AGES; i++)
        json_u64(o, g->ages[i]);
    json_array_end(o);
}

static void add_kinds(struct json_out *o, const struct summary_group *g)
{
    json_key(o, S("errors"));
    json_object_begin(o);
    for (size_t i = FAILURE_NONE + 1; i < SUMMARY_KINDS; i++)
        if (g->kinds[i] > 0)
            json_put_u64(o, failure_kind_word((enum failure_kind)i), g->kinds[i]);
    json_object_end(o);
}

const struct command command_queue_summary = {
        .run = run,
        .about =
                "Counts the queue by recipients' domains, senders, last errors, virtual queues or\n"
                "statuses, the largest groups first. A message with recipients of two groups\n"
                "counts in both, and once in the last line. Recipients are due (now), held, or\n"
                "deferred: they wait after an attempt that failed.",
        .examples = "  posthaste queue summary --by error --top 10\n"
                    "  posthaste queue summary --age",
        CLI_OPTIONS(options),
};
