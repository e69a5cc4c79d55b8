// SPDX-License-Identifier: Apache-2.0
// cli/report/report_list.c: `posthaste report list`: what is being counted for reports to others
// (reports.md 11).
#include "cli/account/account_print.h"
#include "cli/commands.h"
#include "cli/report/report_work.h"

#include "base/date.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("domain"),
                .letter = 'd',
                .takes = OPTION_TEXT,
                .value = S_INIT("DOMAIN"),
                .help = "only those whose domain contains this"},
        {.name = S_INIT("format"),
                .letter = 'f',
                .takes = OPTION_TEXT,
                .value = S_INIT("TYPE"),
                .help = "only those of this type: tls or dmarc"},
        CLI_OPTION_JSON,
};

static int list(struct report_work *w);
static int show_json(struct cli *c, const struct report_object *all, size_t count);
static int show_table(struct cli *c, const struct report_object *all, size_t count);

static int run(struct cli *c)
{
    struct str format = cli_text(c, S("format"), S("tls"));
    if (!str_eq(format, S("tls")) && !str_eq(format, S("dmarc")))
        return cli_usage_error(c, fail(ERR_SYNTAX, "--format is tls or dmarc"));
    return report_work_run(c, REPORT_LOOK, list);
}

// Reports by DMARC are a later part of the server: there are none.
static int list(struct report_work *w)
{
    struct cli *c = w->c;
    struct report_object *all = NULL;
    size_t count = 0;
    struct str part = arena_str_lower(&c->arena, cli_text(c, S("domain"), S("")));
    struct err e = OK;
    if (w->store != NULL && str_eq(cli_text(c, S("format"), S("tls")), S("tls")))
        e = report_store_list(w->store, &c->arena, part, &all, &count);
    if (failed(e))
        return cli_fail(c, CLI_FAILED, e);
    return c->json ? show_json(c, all, count) : show_table(c, all, count);
}

static int show_json(struct cli *c, const struct report_object *all, size_t count)
{
    struct json_out o = cli_json_begin(c);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&o);
        json_put_str(&o, S("id"), all[i].id);
        json_put_str(&o, S("domain"), all[i].window.domain);
        json_put_str(&o, S("type"), S("tls"));
        json_put_str(&o, S("range_from"), date_rfc3339(&c->arena, all[i].window.begin_ms));
        json_put_str(&o, S("range_to"), date_rfc3339(&c->arena, all[i].window.end_ms - SECOND_MS));
        json_put_u64(&o, S("records"), all[i].row_count);
        json_object_end(&o);
    }
    json_array_end(&o);
    return cli_json_end(c, CLI_OK);
}

static int show_table(struct cli *c, const struct report_object *all, size_t count)
{
    static const struct str heading[] = {S_INIT("ID"), S_INIT("Domain"), S_INIT("Type"),
            S_INIT("From Date"), S_INIT("To Date"), S_INIT("Records")};
    struct table t = {.arena = &c->arena, .columns = COUNT_OF(heading)};
    struct err e = OK;
    for (size_t i = 0; i < COUNT_OF(heading) && !failed(e); i++)
        e = table_add(&t, heading[i]);
    for (size_t i = 0; i < count && !failed(e); i++) {
        const struct str cells[] = {all[i].id, all[i].window.domain, S("tls"),
                date_rfc3339(&c->arena, all[i].window.begin_ms),
                date_rfc3339(&c->arena, all[i].window.end_ms - SECOND_MS),
                arena_fmt(&c->arena, "%zu", all[i].row_count)};
        for (size_t k = 0; k < COUNT_OF(cells) && !failed(e); k++)
            e = table_add(&t, cells[k]);
    }
    if (failed(e))
        return cli_fail(c, CLI_FAILED, e);
    table_print(c, &t);
    cli_print(c, arena_fmt(&c->arena, "%zu report(s) found.\n", count));
    return CLI_OK;
}

const struct command command_report_list = {
        .run = run,
        CLI_OPTIONS(options),
        .about = "Lists what is being counted for reports to other domains: one object for each\n"
                 "domain that asks for reports, and window of time. Reports of TLS (RFC 8460) are\n"
                 "counted where report.tls.aggregate.send says so; they are not sent yet, and a\n"
                 "count is kept for seven days after its window.",
        .examples = "  posthaste report list --domain example.net",
};
