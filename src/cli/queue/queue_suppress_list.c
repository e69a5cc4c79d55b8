// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_suppress_list.c: `posthaste queue suppress list` and `show`. A list may be long,
// so it is shown page by page; --plain gives all of it, in the form that import reads.
#include "cli/account/account_print.h"
#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/queue/queue_suppress.h"

#include "base/encode.h"

#define PAGE_BYTES_MAX (32 * MIB)
#define PAGE_ENTRIES 1000
#define TEXT_BYTES_MAX (64 * KIB)
#define CELL_BYTES_MAX 100

static const struct cli_option list_options[] = {
        {.name = S_INIT("domain"),
                .letter = 'd',
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "only addresses of this domain"},
        {.name = S_INIT("reason"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("manual|complaint|bounce"),
                .help = "only those of this reason"},
        {.name = S_INIT("after"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDRESS"),
                .help = "go on behind this one, the last of an earlier list"},
        CLI_OPTION_LIMIT("so many at most (1000)"),
        {.name = S_INIT("plain"), .help = "all of them, one a line, as import reads them"},
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};
static const struct cli_option show_options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};

struct listing {
    struct suppress_work *w;
    struct arena *arena; // of a page
    struct suppress_query query;
    const enum suppress_reason *reason; // NULL: any
    size_t left;
    struct json_out json;
    struct table table;
};

static int list(struct suppress_work *w);
static struct err begin(struct listing *l) MUST_USE;
static struct err list_all(struct listing *l) MUST_USE;
static struct err list_page(struct listing *l, const struct suppress_page *page) MUST_USE;
static struct err say(struct listing *l, const struct suppress_entry *entry) MUST_USE;
static struct err say_row(struct listing *l, const struct suppress_entry *entry) MUST_USE;
static int show(struct suppress_work *w);
static void entry_json(struct suppress_work *w, struct json_out *o, const struct suppress_entry *e);
static void entry_text(struct suppress_work *w, struct buf *out, const struct suppress_entry *e);
static void time_json(struct json_out *o, struct str key, int64_t at_ms);
static struct str moment_of(struct arena *a, int64_t at_ms, int64_t now_ms);

static int run_list(struct cli *c)
{
    if (c->json && cli_has(c, S("plain")))
        return cli_usage_error(c, fail(ERR_SYNTAX, "--json and --plain exclude each other"));
    return suppress_work_run(c, SUPPRESS_LOOK, list);
}

// Nothing is told of addresses whose bounces are only counted: they get their mail.
static int list(struct suppress_work *w)
{
    struct cli *c = w->c;
    enum suppress_reason reason;
    struct listing l = {.w = w, .left = (size_t)cli_number(c, S("limit"), PAGE_ENTRIES)};
    if (suppress_reason_named(cli_text(c, S("reason"), S("")), &reason))
        l.reason = &reason;
    if (cli_has(c, S("plain")) && !cli_has(c, S("limit")))
        l.left = SIZE_MAX;
    struct err e = begin(&l);
    if (!failed(e) && w->list != NULL)
        e = list_all(&l);
    if (failed(e))
        return cli_fail(c, CLI_FAILED, e);
    if (c->json)
        json_array_end(&l.json);
    else if (l.table.cells.count > l.table.columns)
        table_print(c, &l.table);
    else if (!cli_has(c, S("plain")))
        cli_print(c, S("Nobody is on the suppression list.\n"));
    return c->json ? cli_json_end(c, CLI_OK) : CLI_OK;
}

static struct err begin(struct listing *l)
{
    static const struct str heading[] = {S_INIT("Address"), S_INIT("Reason"), S_INIT("Class"),
            S_INIT("Since"), S_INIT("Ends"), S_INIT("Text")};
    struct cli *c = l->w->c;
    struct str after = cli_text(c, S("after"), STR_NULL);
    l->query = (struct suppress_query){.limit = PAGE_ENTRIES};
    if (!str_is_null(cli_text(c, S("domain"), STR_NULL)))
        l->query.domain = arena_str_lower(&c->arena, cli_text(c, S("domain"), S("")));
    if (!str_is_null(after))
        TRY(suppress_address(&c->arena, after, &l->query.after));
    l->table = (struct table){.arena = &c->arena, .columns = COUNT_OF(heading)};
    if (c->json) {
        l->json = cli_json_begin(c);
        json_array_begin(&l->json);
    }
    for (size_t i = 0; i < COUNT_OF(heading); i++)
        TRY(table_add(&l->table, heading[i]));
    return OK;
}

static struct err list_all(struct listing *l)
{
    struct suppress_page page = {0};
    struct arena *kept = &l->w->c->arena;
    while (!page.end && l->left > 0) {
        struct arena a AUTO(arena_done);
        arena_init(&a, PAGE_BYTES_MAX);
        struct err e = suppress_list_page(l->w->list, &a, &l->query, &page);
        if (!failed(e))
            e = list_page(l, &page);
        if (!failed(e) && page.entries.count > 0)
            l->query.after = arena_str(kept, page.entries.at[page.entries.count - 1].address);
        if (failed(e)) // what it says is in the arena of the page
            return fail_fmt(kept, e.kind, "%.*s", ARG(err_text(e)));
    }
    return OK;
}

static struct err list_page(struct listing *l, const struct suppress_page *page)
{
    each_in_vec (entry, &page->entries) {
        if (l->left == 0 || !suppress_holds(entry, l->w->wall_now_ms) ||
                (l->reason != NULL && entry->reason != *l->reason))
            continue;
        l->left--;
        TRY(say(l, entry));
    }
    return OK;
}

static struct err say(struct listing *l, const struct suppress_entry *entry)
{
    struct cli *c = l->w->c;
    if (c->json) {
        entry_json(l->w, &l->json, entry);
        return OK;
    }
    if (!cli_has(c, S("plain")))
        return say_row(l, entry);
    fprintf(c->out, entry->text.len > 0 ? "%.*s\t%.*s\n" : "%.*s%.*s\n", ARG(entry->address),
            ARG(entry->text));
    return OK;
}

static struct err say_row(struct listing *l, const struct suppress_entry *e)
{
    struct arena *a = &l->w->c->arena;
    const struct str cells[] = {e->address, suppress_reason_word(e->reason), e->bounce_class,
            moment_of(a, e->since_ms, l->w->wall_now_ms),
            moment_of(a, e->until_ms == 0 ? INT64_MAX : e->until_ms, l->w->wall_now_ms), e->text};
    for (size_t i = 0; i < COUNT_OF(cells); i++)
        TRY(table_add(&l->table, cells[i]));
    return OK;
}

// --- show ----------------------------------------------------------------------------------------

static int run_show(struct cli *c)
{
    return suppress_work_run(c, SUPPRESS_LOOK, show);
}

static int show(struct suppress_work *w)
{
    struct cli *c = w->c;
    struct str address;
    struct suppress_entry entry;
    struct err e = suppress_address(&c->arena, c->operands[0], &address);
    if (failed(e))
        return cli_fail_text(c, CLI_FAILED, "%.*s: %.*s", ARG(c->operands[0]), ARG(err_text(e)));
    e = w->list == NULL ? fail(ERR_NOT_FOUND, "this address is not on the suppression list")
                        : suppress_find(w->list, &c->arena, address, &entry);
    if (failed(e))
        return cli_fail_text(c, e.kind == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED, "%.*s: %.*s",
                ARG(address), ARG(err_text(e)));
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        entry_json(w, &o, &entry);
        return cli_json_end(c, CLI_OK);
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    entry_text(w, &text, &entry);
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

static void entry_json(struct suppress_work *w, struct json_out *o, const struct suppress_entry *e)
{
    json_object_begin(o);
    json_put_str(o, S("address"), e->address);
    json_put_bool(o, S("suppressed"), suppress_holds(e, w->wall_now_ms));
    json_put_str(o, S("reason"), suppress_reason_word(e->reason));
    json_put_str(o, S("bounceClass"), str_is_empty(e->bounce_class) ? STR_NULL : e->bounce_class);
    json_put_u64(o, S("bounces"), e->bounces);
    time_json(o, S("since"), e->since_ms);
    time_json(o, S("until"), e->until_ms);
    json_put_str(o, S("text"), str_is_null(e->text) ? S("") : e->text);
    json_put_str(o, S("by"), str_is_null(e->by) ? S("") : e->by);
    json_object_end(o);
}

static void entry_text(struct suppress_work *w, struct buf *out, const struct suppress_entry *e)
{
    bool holds = suppress_holds(e, w->wall_now_ms);
    buf_fmt(out, "%.*s is %s: %.*s", ARG(e->address), holds ? "suppressed" : "not suppressed",
            ARG(suppress_reason_word(e->reason)));
    if (e->bounce_class.len > 0)
        buf_fmt(out, " (%.*s)", ARG(e->bounce_class));
    if (e->bounces > 0)
        buf_fmt(out, ", %u counted", e->bounces);
    buf_add(out, S("\n"));
    if (e->since_ms != 0) {
        buf_add(out, S("since  "));
        moment_add(out, e->since_ms, w->wall_now_ms);
        buf_add(out, S("\n"));
    }
    buf_add(out, S("ends   "));
    moment_add(out, e->until_ms == 0 ? INT64_MAX : e->until_ms, w->wall_now_ms);
    buf_fmt(out, "\nby     %.*s\n", ARG(e->by));
    if (e->text.len > 0) {
        buf_add(out, S("text   "));
        escape_text(out, e->text, SIZE_MAX, ESCAPE_PLAIN);
        buf_add(out, S("\n"));
    }
}

static void time_json(struct json_out *o, struct str key, int64_t at_ms)
{
    if (at_ms == 0)
        json_put_str(o, key, STR_NULL);
    else
        json_put_time(o, key, at_ms);
}

static struct str moment_of(struct arena *a, int64_t at_ms, int64_t now_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, CELL_BYTES_MAX);
    moment_add(&text, at_ms, now_ms);
    return arena_str(a, buf_str(&text));
}

const struct command command_queue_suppress_list = {
        .run = run_list,
        .about = "The addresses that get no mail, by their domains.",
        .examples = "  posthaste queue suppress list --domain example.net --reason bounce\n"
                    "  posthaste queue suppress list --plain > suppressed.txt",
        CLI_OPTIONS(list_options),
};

const struct command command_queue_suppress_show = {
        .run = run_show,
        CLI_ONE_OPERAND("ADDRESS"),
        .about = "What the suppression list knows of an address, also when its bounces are only\n"
                 "counted. The exit status is 5 when that is nothing.",
        .examples = "  posthaste queue suppress show ann@example.net",
        CLI_OPTIONS(show_options),
};
