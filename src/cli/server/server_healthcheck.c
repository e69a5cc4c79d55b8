// SPDX-License-Identifier: Apache-2.0
// cli/server/server_healthcheck.c: `posthaste server healthcheck`: for containers, which ask by a
// command.
#include "cli/commands.h"
#include "cli/server/server_control.h"

static int run(struct cli *c)
{
    struct str what = c->operand_count > 0 ? c->operands[0] : S("ready");
    if (!str_eq(what, S("ready")) && !str_eq(what, S("live")))
        return cli_usage_error(c, fail(ERR_SYNTAX, "ask for `ready` or `live`"));
    int status = server_ask(c, str_eq(what, S("ready")) ? S("ready") : S("live"));
    return status == CLI_OK ? CLI_OK : CLI_FAILED;
}

static const struct cli_option options[] = {SERVER_OPTIONS};

const struct command command_server_healthcheck = {
        .run = run,
        .operands = "[ready|live]",
        .operand_max = 1,
        .about = "Ends with 0 when the running server is ready: it serves on all its addresses\n"
                 "and is not stopping; `live` only asks whether it answers. Else the exit status\n"
                 "is 1, and a line says why.",
        CLI_OPTIONS(options),
};
