// SPDX-License-Identifier: Apache-2.0
// cli/config/config_explain.c: `posthaste config explain KEY`, or `posthaste config --explain KEY`.
// What does this key mean, what is in force on this machine, and why?
#include "cli/commands.h"
#include "cli/config/config_read.h"

#define PAGE_BYTES_MAX (16 * MIB)

static int run(struct cli *c);
static int explain(struct cli *c, const struct conf *conf, struct str key);

static int run(struct cli *c)
{
    struct findings findings = findings_make(&c->arena);
    struct str key = c->operand_count > 0 ? c->operands[0] : cli_text(c, S("explain"), STR_NULL);
    struct conf_env env = conf_env_process(&c->arena);
    struct conf_options options = {.path = config_path(c, &env), .env = &env};
    // Without a configuration the table still explains the key: findings are not asked for here.
    struct conf *conf = conf_load(&options, &findings);
    if (conf == NULL)
        return cli_fail_text(c, CLI_INTERNAL, "no memory for the configuration");
    int status = explain(c, conf, key);
    if (status == CLI_OK && !str_is_null(options.path) && findings_failed(&findings))
        fputs("The configuration has errors: see posthaste config check\n", c->err);
    conf_free(conf);
    return status;
}

static int explain(struct cli *c, const struct conf *conf, struct str key)
{
    struct buf page AUTO(buf_done);
    struct str near = STR_NULL;
    buf_init(&page, PAGE_BYTES_MAX);
    if (conf_explain(&page, conf, key, &near)) {
        cli_print(c, buf_str(&page));
        return CLI_OK;
    }
    if (str_is_null(near))
        return cli_fail_text(c, CLI_NOT_FOUND,
                "no setting is called '%.*s'; 'posthaste config keys' lists all", ARG(key));
    return cli_fail_text(c, CLI_NOT_FOUND, "no setting is called '%.*s'; did you mean '%.*s'?",
            ARG(key), ARG(near));
}

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
};

const struct command command_config_explain = {
        .run = run,
        CLI_ONE_OPERAND("KEY"),
        .about = "Explains one key: what it means, its type and default, whether an expression\n"
                 "may stand there; and which value is in force here, where it was written, or\n"
                 "what it inherits from. KEY is a flat key with the ids of your objects, or as\n"
                 "the table has it: server.listener.smtp.bind, server.listener.<id>.bind.",
        .examples = "  posthaste config explain server.listener.smtp.max-connections\n"
                    "  posthaste config --explain http.url",
        CLI_OPTIONS(options),
};

static const struct cli_option short_options[] = {
        {.name = S_INIT("explain"),
                .takes = OPTION_TEXT,
                .value = S_INIT("KEY"),
                .required = true,
                .help = "as posthaste config explain KEY"},
        CLI_OPTION_CONFIG,
};

const struct command command_config = {
        .run = run,
        .about = "The same as posthaste config explain KEY.",
        CLI_OPTIONS(short_options),
};
