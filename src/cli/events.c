// SPDX-License-Identifier: Apache-2.0
// cli/events.c: `posthaste events`. What the server can say and what it counts, from the tables of
// the build at hand: what to write into tracer.<id>.disabled-events, and what a log line means.
#include "cli/commands.h"

#include "conf/glob.h"
#include "events/reference.h"

#define PAGE_BYTES_MAX MIB

static const struct cli_option options[] = {
        CLI_OPTION_JSON,
        {.name = S_INIT("level"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("error|warn|info|debug|trace"),
                .help = "only events at least as important as this"},
        {.name = S_INIT("metrics"), .help = "list the metrics instead"},
        {.name = S_INIT("markdown"), .help = "print the whole page of the documentation"},
};

static int run_markdown(struct cli *c);
static int run_metrics(struct cli *c);
static bool is_asked_for(
        struct cli *c, enum event_id id, enum event_level most, const struct glob *globs);
static void print_event(struct cli *c, struct buf *out, enum event_id id);
static int print_list(struct cli *c, const struct buf *text, size_t count);

static int run(struct cli *c)
{
    struct buf text AUTO(buf_done);
    enum event_level most = LEVEL_TRACE;
    size_t count = 0;
    buf_init(&text, PAGE_BYTES_MAX);
    if (cli_has(c, S("markdown")))
        return run_markdown(c);
    if (cli_has(c, S("metrics")))
        return run_metrics(c);
    (void)event_level_by_name(cli_text(c, S("level"), S("trace")), &most);
    struct glob *globs = arena_array(&c->arena, c->operand_count + 1, struct glob);
    if (globs == NULL)
        return cli_fail(c, CLI_INTERNAL, fail(ERR_LIMIT, "too many patterns"));
    for (size_t i = 0; i < c->operand_count; i++) {
        struct err e = glob_compile(&c->arena, c->operands[i], GLOB_EXACT, &globs[i]);
        if (failed(e))
            return cli_usage_error(c, e);
    }
    struct json_out o = cli_json_begin(c);
    json_array_begin(&o);
    for (size_t id = 0; id < EVENT_COUNT; id++) {
        if (!is_asked_for(c, (enum event_id)id, most, globs))
            continue;
        count++;
        print_event(c, &text, (enum event_id)id);
        event_json(&o, (enum event_id)id);
    }
    json_array_end(&o);
    return c->json ? cli_json_end(c, CLI_OK) : print_list(c, &text, count);
}

static int run_markdown(struct cli *c)
{
    struct buf page AUTO(buf_done);
    buf_init(&page, PAGE_BYTES_MAX);
    if (cli_has(c, S("metrics")))
        metrics_markdown(&page);
    else
        events_markdown(&page);
    cli_print(c, buf_str(&page));
    return CLI_OK;
}

static int run_metrics(struct cli *c)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, PAGE_BYTES_MAX);
    struct json_out o = cli_json_begin(c);
    json_array_begin(&o);
    for (size_t id = 0; id < METRIC_COUNT; id++) {
        const struct metric_row *row = metric_row((enum metric_id)id);
        struct str kind = metric_kind_name(row->kind);
        buf_fmt(&text, "%s", cli_paint(c->colour, PAINT_BOLD));
        metric_add_name(&text, (enum metric_id)id);
        buf_fmt(&text, "%s  %.*s\n    ", cli_paint(c->colour, PAINT_END), ARG(kind));
        help_wrap(&text, row->help, 4);
        metric_json(&o, (enum metric_id)id);
    }
    json_array_end(&o);
    return c->json ? cli_json_end(c, CLI_OK) : print_list(c, &text, METRIC_COUNT);
}

static bool is_asked_for(
        struct cli *c, enum event_id id, enum event_level most, const struct glob *globs)
{
    bool fits = c->operand_count == 0;
    for (size_t i = 0; i < c->operand_count; i++)
        fits = fits || event_matches(id, &globs[i]);
    return fits && event_row(id)->level <= most;
}

static void print_event(struct cli *c, struct buf *out, enum event_id id)
{
    const struct event_row *row = event_row(id);
    struct str level = event_level_name(row->level);
    buf_fmt(out, "%s%.*s%s  %.*s  \"%.*s\"\n    ", cli_paint(c->colour, PAINT_BOLD), ARG(row->name),
            cli_paint(c->colour, PAINT_END), ARG(level), ARG(row->text));
    help_wrap(out, row->about, 4);
    if (row->fields.len > 0) {
        buf_add(out, S("    fields: "));
        help_wrap(out, row->fields, 12);
    }
}

static int print_list(struct cli *c, const struct buf *text, size_t count)
{
    if (count == 0)
        return cli_fail_text(c, CLI_NOT_FOUND, "no event fits; `posthaste events` lists all");
    cli_print(c, buf_str(text));
    return CLI_OK;
}

const struct command command_events = {
        .run = run,
        .operands = "[PATTERN]...",
        .operand_max = SIZE_MAX,
        .about = "Lists what the server can say: id, level, text of the log line, meaning and\n"
                 "fields. A pattern is an id or has * and ? in it. The ids are those of\n"
                 "tracer.<id>.disabled-events, tracer.<id>.events and tracing.level.",
        .examples = "  posthaste events 'tls.*'\n"
                    "  posthaste events --level warn\n"
                    "  posthaste events --metrics --json",
        CLI_OPTIONS(options),
};
