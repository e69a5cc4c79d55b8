// SPDX-License-Identifier: Apache-2.0
// cli/config/config_check.c: `posthaste config check`. Makes the same plan as the server at its
// start, by the same call, and throws it away: nothing is bound, nothing is started, and what is
// said is what `serve` would say.
#include "cli/commands.h"
#include "cli/config/config_read.h"

#include "server/plan.h"

struct check_verdict {
    size_t files, refused;
};

static int run(struct cli *c);
static int check_named(struct cli *c, struct findings *findings, struct check_verdict *v);
static void check_file(struct cli *c, const struct conf_env *env, struct str path,
        struct findings *findings, struct check_verdict *v);
static void show_lines(struct cli *c, const struct findings *findings);
static void show_summary(
        struct cli *c, const struct findings *findings, const struct check_verdict *v);
static size_t add_count(struct buf *out, size_t count, const char *what, size_t before);

#define LINES_BYTES_MAX (64 * MIB)

static int run(struct cli *c)
{
    struct findings findings = findings_make(&c->arena);
    struct check_verdict verdict = {0};
    if (cli_has(c, S("full")))
        fputs("note: this build has no stores that --full would open\n", c->err);
    int status = check_named(c, &findings, &verdict);
    if (status != CLI_OK)
        return status;
    if (cli_has(c, S("strict"))) {
        verdict.refused += findings.warning_count > 0;
        findings_harden(&findings);
    }
    status = verdict.refused == 0 ? CLI_OK : CLI_FAILED;
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        findings_json(&o, &findings, status == CLI_OK);
        return cli_json_end(c, status);
    }
    if (cli_has(c, S("lines"))) {
        show_lines(c, &findings);
        return status;
    }
    config_show_findings(c, c->out, &findings);
    show_summary(c, &findings, &verdict);
    return status;
}

// Each FILE is a main file of its own. Without one it is the file that `serve` would take.
static int check_named(struct cli *c, struct findings *findings, struct check_verdict *v)
{
    struct conf_env env = conf_env_process(&c->arena);
    for (size_t i = 0; i < c->operand_count; i++)
        check_file(c, &env, c->operands[i], findings, v);
    if (c->operand_count > 0)
        return CLI_OK;
    struct str path = config_path(c, &env);
    if (str_is_null(path))
        return config_none(c);
    check_file(c, &env, path, findings, v);
    return CLI_OK;
}

static void check_file(struct cli *c, const struct conf_env *env, struct str path,
        struct findings *findings, struct check_verdict *v)
{
    struct conf_options options = {.path = path, .env = env};
    (void)c;
    struct plan *plan = plan_make_alone(&options, findings);
    v->files++;
    v->refused += plan == NULL;
    plan_free(plan);
}

static void show_lines(struct cli *c, const struct findings *findings)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, LINES_BYTES_MAX);
    findings_lines(&text, findings);
    cli_print(c, buf_str(&text));
}

static void show_summary(
        struct cli *c, const struct findings *findings, const struct check_verdict *v)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    size_t said = add_count(&text, findings->error_count, "error", 0);
    said = add_count(&text, findings->warning_count, "warning", said);
    buf_fmt(&text, "%s%s%s%s\n", said > 0 ? ": " : "",
            cli_paint(c->colour, v->refused > 0 ? PAINT_RED : PAINT_GREEN),
            v->refused > 0 ? "the server would not start" : "configuration is good",
            cli_paint(c->colour, PAINT_END));
    cli_print(c, buf_str(&text));
}

static size_t add_count(struct buf *out, size_t count, const char *what, size_t before)
{
    if (count > 0)
        buf_fmt(out, "%s%zu %s%s", before > 0 ? ", " : "", count, what, count == 1 ? "" : "s");
    return before + count;
}

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
        {.name = S_INIT("full"), .help = "open the stores too (there are none in this build)"},
        {.name = S_INIT("lines"), .help = "one line a finding, for editors and grep"},
        {.name = S_INIT("strict"), .help = "take warnings for errors"},
};

const struct command command_config_check = {
        .run = run,
        .operands = "[FILE...]",
        .operand_max = SIZE_MAX,
        .about = "Reads a configuration as the server would and starts nothing: no address is\n"
                 "bound, no privilege given up, nothing connected to. Every error and every\n"
                 "warning is printed with its place, the line, and what to write instead; one run\n"
                 "tells everything that `serve` would say. Each FILE is a main file of its own.\n"
                 "\n"
                 "The exit status is 0 when the server would start and 1 when it would not.\n"
                 "--json prints {\"ok\":...,\"errors\":[...],\"warnings\":[...]}, each of them "
                 "with\n"
                 "file, line, column, key, code and message; the codes stay the same over\n"
                 "versions, the messages may not.",
        .examples = "  posthaste config check\n"
                    "  posthaste config check --strict new.toml && mv new.toml config.toml\n"
                    "  posthaste config check --lines | grep server.listener",
        CLI_OPTIONS(options),
};
