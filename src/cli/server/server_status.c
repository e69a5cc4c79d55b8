// SPDX-License-Identifier: Apache-2.0
// cli/server/server_status.c: `posthaste server status`.
#include "cli/commands.h"
#include "cli/server/server_control.h"

static int run(struct cli *c)
{
    return server_ask(c, c->json ? S("status json") : S("status"));
}

static const struct cli_option options[] = {SERVER_OPTIONS, CLI_OPTION_JSON};

const struct command command_server_status = {
        .run = run,
        .about = "Prints how the running server is: whether it serves on all its addresses, its\n"
                 "generation, its workers, and how many connections are open. The supervisor\n"
                 "answers, whatever the workers do. The exit status is 3 when there is no server.",
        CLI_OPTIONS(options),
};
