// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_list.c: `posthaste queue list`. A table on a terminal, else one JSON object a
// line, as the messages come: a queue of a million is neither kept nor waited for.
#include "cli/commands.h"

#include "base/id.h"
#include "cli/moment.h"
#include "cli/queue/queue_filter.h"
#include "cli/queue/queue_print.h"
#include "cli/queue/queue_store.h"
#include "queue/unit.h"

#define TEXT_BYTES_MAX (64 * MIB)
#define TABLE_LIMIT 100 // on a terminal, unless told otherwise
#define CELL_BYTES 60
#define RCPTS_SHOWN 3

enum form { FORM_TABLE, FORM_PLAIN, FORM_NDJSON, FORM_JSON };

struct listing {
    struct queue_work *w;
    struct queue_filter filter;
    enum form form;
    uint64_t limit, shown, damaged, last;
    bool newest, end;
    struct buf text;
    struct json_out json; // of FORM_JSON
};

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        QUEUE_FILTER_OPTIONS,
        CLI_OPTION_LIMIT("at most N messages (default: all; on a terminal 100)"),
        {.name = S_INIT("cursor"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ID"),
                .help = "go on behind this message"},
        {.name = S_INIT("newest"), .help = "the newest first"},
        {.name = S_INIT("output"),
                .letter = 'o',
                .takes = OPTION_CHOICE,
                .value = S_INIT("table|plain|json|ndjson"),
                .help = "table (on a terminal), one line a message without heading, a JSON array, "
                        "or one JSON object a line (else)"},
        CLI_OPTION_JSON,
};

static struct err list_main(void *work) suspends;
static struct err list_begin(struct listing *l);
static enum form form_of(const struct cli *c);
static struct err list_pages(struct listing *l);
static void show(struct listing *l, const struct message *m);
static void show_row(struct listing *l, const struct message *m);
static void add_cell(struct buf *out, struct str text, size_t width);
static void add_rcpts(struct buf *out, const struct message *m);
static void flush(struct listing *l);
static int list_end(struct listing *l);

static int run(struct cli *c)
{
    return queue_work_run(c, QUEUE_TO_READ, list_main, NULL);
}

static struct err list_main(void *work)
{
    struct listing l = {.w = work};
    struct cli *c = l.w->c;
    struct err e = list_begin(&l);
    if (failed(e)) {
        l.w->status = cli_usage_error(c, e);
        return OK;
    }
    buf_init(&l.text, TEXT_BYTES_MAX);
    e = list_pages(&l);
    flush(&l);
    buf_done(&l.text);
    TRY(e);
    l.w->status = list_end(&l);
    return OK;
}

static struct err list_begin(struct listing *l)
{
    struct cli *c = l->w->c;
    struct str cursor = cli_text(c, S("cursor"), STR_NULL);
    TRY(queue_filter_read(c, l->w->wall_now_ms, &l->filter));
    if (!str_is_null(cursor) && !queue_id_parse(cursor, &l->last))
        return fail(ERR_SYNTAX, "--cursor takes the id of a message");
    l->form = form_of(c);
    l->newest = cli_has(c, S("newest"));
    l->limit = cli_number(
            c, S("limit"), l->form == FORM_TABLE && c->terminal ? TABLE_LIMIT : UINT64_MAX);
    if (l->form == FORM_JSON) {
        l->json = cli_json_begin(c);
        json_array_begin(&l->json);
    }
    return OK;
}

static enum form form_of(const struct cli *c)
{
    struct str word = cli_text(c, S("output"), c->json ? S("json") : S(""));
    if (str_eq(word, S("json")))
        return FORM_JSON;
    if (str_eq(word, S("plain")))
        return FORM_PLAIN;
    bool table = str_eq(word, S("table")) || (str_is_empty(word) && c->terminal);
    return table ? FORM_TABLE : FORM_NDJSON;
}

static struct err list_pages(struct listing *l)
{
    struct queue_pages p AUTO(queue_pages_end) = {.query = {.after = l->last,
                                                          .downwards = l->newest,
                                                          .wanted = queue_filter_wants,
                                                          .filter = &l->filter}};
    while (!p.page.end && l->shown < l->limit) {
        uint64_t more = l->limit - l->shown;
        p.query.limit = more < QUEUE_PAGE_MESSAGES ? (size_t)more : QUEUE_PAGE_MESSAGES;
        TRY(queue_pages_next(l->w, &p));
        for (size_t i = 0; i < p.page.count; i++)
            show(l, &p.page.messages[i]);
        flush(l);
        l->damaged += p.page.damaged;
    }
    l->end = p.page.end;
    return OK;
}

static void show(struct listing *l, const struct message *m)
{
    if (l->shown == 0 && l->form == FORM_TABLE)
        buf_fmt(&l->text, "%s%-16s  %-8s  %9s  %-30s  %s%s\n",
                cli_paint(l->w->c->colour, PAINT_BOLD), "ID", "Due", "Size", "Sender", "Recipients",
                cli_paint(l->w->c->colour, PAINT_END));
    l->shown++;
    l->last = m->id;
    if (l->form == FORM_TABLE || l->form == FORM_PLAIN) {
        show_row(l, m);
        return;
    }
    struct json_out line = json_begin(&l->text, JSON_COMPACT);
    queue_message_json(l->form == FORM_JSON ? &l->json : &line, m, FLIGHT_NOT_ASKED);
    if (l->form == FORM_NDJSON)
        buf_add_byte(&l->text, '\n');
}

static void show_row(struct listing *l, const struct message *m)
{
    struct buf cell AUTO(buf_done);
    buf_init(&cell, 4 * KIB);
    id_add(&l->text, m->id);
    moment_add(&cell, queue_message_due(m), l->w->wall_now_ms);
    buf_fmt(&l->text, "  %-8.*s", ARG(buf_str(&cell)));
    buf_clear(&cell);
    size_add(&cell, message_bytes(m));
    buf_fmt(&l->text, "  %9.*s  ", ARG(buf_str(&cell)));
    add_cell(&l->text, str_is_empty(m->sender) ? S("<>") : m->sender, 30);
    buf_add(&l->text, S("  "));
    add_rcpts(&l->text, m);
    buf_add_byte(&l->text, '\n');
}

// Filled up to its width; what is longer than a cell may be ends with an ellipsis.
static void add_cell(struct buf *out, struct str text, size_t width)
{
    size_t start = out->len;
    text_add(out, text, CELL_BYTES);
    size_t points = str_utf8_count(str_from(buf_str(out), start));
    buf_add_repeat(out, ' ', points < width ? width - points : 0);
}

static void add_rcpts(struct buf *out, const struct message *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++, count++) {
            if (count >= RCPTS_SHOWN)
                continue;
            buf_add(out, count > 0 ? S(", ") : S(""));
            text_add(out, m->units[i].rcpts[j].address, CELL_BYTES);
            struct str word = queue_rcpt_word(&m->units[i], &m->units[i].rcpts[j]);
            buf_fmt(out, " (%.*s)", ARG(word));
        }
    if (count > RCPTS_SHOWN)
        buf_fmt(out, ", and %zu more", count - RCPTS_SHOWN);
}

static void flush(struct listing *l)
{
    cli_print(l->w->c, buf_str(&l->text));
    buf_clear(&l->text);
}

static int list_end(struct listing *l)
{
    struct cli *c = l->w->c;
    if (l->form == FORM_JSON) {
        json_array_end(&l->json);
        (void)cli_json_end(c, CLI_OK);
    }
    if (l->form == FORM_TABLE && l->end)
        fprintf(c->out, "%llu queued message(s) found.\n", (unsigned long long)l->shown);
    else if (l->form == FORM_TABLE)
        fprintf(c->out, "%llu shown; go on with --cursor %016llx\n", (unsigned long long)l->shown,
                (unsigned long long)l->last);
    if (l->damaged > 0)
        return cli_fail_text(c, CLI_PARTLY,
                "%llu records cannot be read; 'posthaste queue check' says which",
                (unsigned long long)l->damaged);
    return CLI_OK;
}

const struct command command_queue_list = {
        .run = run,
        .about = "Lists what is in the queue, the oldest first. Filters must all fit; those about\n"
                 "recipients must fit the same one. What a running server has accepted within the\n"
                 "last second may not be listed yet.",
        .examples = "  posthaste queue list --domain example.org --status tempfail\n"
                    "  posthaste queue list --sender '<>' --after +1h\n"
                    "  posthaste queue list --output json --limit 10",
        CLI_OPTIONS(options),
};
