// SPDX-License-Identifier: Apache-2.0
// cli/config/config_keys.c: `posthaste config keys`. The table of settings, for people and
// programs.
#include "cli/commands.h"

#include "conf/conf.h"

#define TABLE_BYTES_MAX (4 * MIB)

static int run(struct cli *c)
{
    struct str pattern = c->operand_count > 0 ? c->operands[0] : S("");
    struct buf text AUTO(buf_done);
    buf_init(&text, TABLE_BYTES_MAX);
    if (cli_has(c, S("markdown"))) {
        settings_markdown(&text);
        cli_print(c, buf_str(&text));
        return CLI_OK;
    }
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        size_t count = settings_json(&o, pattern);
        return cli_json_end(c, count > 0 ? CLI_OK : CLI_NOT_FOUND);
    }
    if (settings_text(&text, pattern) == 0)
        return cli_fail_text(c, CLI_NOT_FOUND, "no key matches '%.*s'", ARG(pattern));
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

static const struct cli_option options[] = {
        CLI_OPTION_JSON,
        {.name = S_INIT("markdown"), .help = "the whole table as docs/settings.md"},
};

const struct command command_config_keys = {
        .run = run,
        .operands = "[PATTERN]",
        .operand_max = 1,
        .about = "Prints the settings that this server has: key, meaning, type, default, and for\n"
                 "expressions the variables that they may use. PATTERN is the beginning of a\n"
                 "key, or has * and ? in it. Where a key has <id>, the administrator chooses a\n"
                 "name. Keys of parts that are not built yet are listed as such.",
        .examples = "  posthaste config keys server.tls\n"
                    "  posthaste config keys '*timeout*'\n"
                    "  posthaste config keys --json",
        CLI_OPTIONS(options),
};
