// SPDX-License-Identifier: Apache-2.0
// cli/report/report_show.c: `posthaste report show` and `report cancel`: the report as it would be
// sent now, and counts that are thrown away (reports.md 11).
#include "cli/commands.h"
#include "cli/report/report_work.h"
#include "cli/sure.h"

#include "deliver/tlsrpt/tlsrpt_json.h"

static const struct cli_option show_options[] = {CLI_OPTION_CONFIG};
static const struct cli_option cancel_options[] = {CLI_OPTION_CONFIG, CLI_OPTION_YES};

static int show(struct report_work *w);
static int cancel(struct report_work *w);

static int run_show(struct cli *c)
{
    return report_work_run(c, REPORT_LOOK, show);
}

static int show(struct report_work *w)
{
    struct cli *c = w->c;
    struct arena *a = &c->arena;
    struct report_object object;
    struct report_row *rows;
    struct tlsrpt_report report = {.object = &object,
            .organization = conf_str(w->conf, S("report.domain")),
            .submitter = conf_str(w->conf, S("server.hostname"))};
    int status = report_work_find(w, c->operands[0], &object);
    if (status != CLI_OK)
        return status;
    struct err e = report_store_rows(w->store, a, object.number, &rows, &report.row_count);
    if (failed(e))
        return cli_fail(c, CLI_FAILED, e);
    report.rows = rows;
    struct json_out o = cli_json_begin(c);
    o.style = JSON_PRETTY;
    e = tlsrpt_json_add(a, &o, &report);
    return failed(e) ? cli_fail(c, CLI_FAILED, e) : cli_json_end(c, CLI_OK);
}

static int run_cancel(struct cli *c)
{
    if (!cli_sure(c, "Throw these counts away?"))
        return CLI_FAILED;
    return report_work_run(c, REPORT_SERVE, cancel);
}

static int cancel(struct report_work *w)
{
    struct cli *c = w->c;
    int status = CLI_OK;
    size_t removed = 0;
    for (size_t i = 0; i < c->operand_count; i++) {
        struct report_object object;
        int found = report_work_find(w, c->operands[i], &object);
        struct err e = OK;
        if (found == CLI_OK)
            e = report_store_remove(w->store, &c->arena, object.number);
        if (failed(e))
            return cli_fail(c, CLI_FAILED, e);
        removed += found == CLI_OK;
        if (found != CLI_OK)
            status = found;
    }
    cli_print(c, arena_fmt(&c->arena, "Removed %zu report(s).\n", removed));
    return status != CLI_OK && removed > 0 ? CLI_PARTLY : status;
}

const struct command command_report_show = {
        .run = run_show,
        CLI_OPTIONS(show_options),
        CLI_ONE_OPERAND("ID"),
        .about = "Shows a report to a domain as it would be sent now: JSON of RFC 8460.",
        .examples = "  posthaste report show 't!example.net!15031990!7!1795392000'",
};

const struct command command_report_cancel = {
        .run = run_cancel,
        CLI_OPTIONS(cancel_options),
        .operands = "ID...",
        .operand_min = 1,
        .operand_max = SIZE_MAX,
        .about = "Throws away what was counted for these reports. What is observed from now on\n"
                 "is counted anew.",
};
