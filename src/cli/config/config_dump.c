// SPDX-License-Identifier: Apache-2.0
// cli/config/config_dump.c: `posthaste config dump`. Which value is in force, and who wrote it?
#include "cli/commands.h"
#include "cli/config/config_read.h"

#define DUMP_BYTES_MAX ((size_t)256 * MIB)

static int run(struct cli *c);
static int show(struct cli *c, const struct conf *conf, int status);

static int run(struct cli *c)
{
    struct findings findings = findings_make(&c->arena);
    int status;
    struct conf *conf = config_read(c, &findings, &status);
    if (conf == NULL)
        return status;
    // Wrong values read as their defaults here: then the server would not run with this.
    if (findings_failed(&findings))
        config_show_findings(c, c->err, &findings);
    status = show(c, conf, conf_may_start(conf, &findings) ? CLI_OK : CLI_FAILED);
    conf_free(conf);
    return status;
}

static int show(struct cli *c, const struct conf *conf, int status)
{
    struct str prefix = c->operand_count > 0 ? c->operands[0] : S("");
    enum conf_dump_what what = cli_has(c, S("written")) ? CONF_DUMP_WRITTEN : CONF_DUMP_ALL;
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        conf_dump_json(&o, conf, prefix, what);
        return cli_json_end(c, status);
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, DUMP_BYTES_MAX);
    conf_dump(&text, conf, prefix, what);
    cli_print(c, buf_str(&text));
    if (text.len == 0 && prefix.len > 0 && status == CLI_OK)
        return cli_fail_text(c, CLI_NOT_FOUND, "no key in force begins with '%.*s'", ARG(prefix));
    return status;
}

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
        {.name = S_INIT("written"),
                .letter = 'n',
                .help = "only what files and environment say, without defaults"},
};

const struct command command_config_dump = {
        .run = run,
        .operands = "[PREFIX]",
        .operand_max = 1,
        .about = "Prints the settings in force, one flat key a line, each with its origin: the\n"
                 "file and line, \"env\" or \"default\". Includes, macros and inheritance have\n"
                 "been followed. Secrets are shown as \"***\". What is printed is TOML again.",
        .examples = "  posthaste config dump server.listener\n"
                    "  posthaste config dump --written",
        CLI_OPTIONS(options),
};
