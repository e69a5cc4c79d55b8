// SPDX-License-Identifier: Apache-2.0
// cli/server/server_restart.c: `posthaste server restart`: another run of the program takes over.
#include "cli/commands.h"
#include "cli/server/server_control.h"

static int run(struct cli *c)
{
    return server_ask(c, S("restart"));
}

static const struct cli_option options[] = {SERVER_OPTIONS};

const struct command command_server_restart = {
        .run = run,
        .about = "Has the running server start the program anew, perhaps a newer one, and hand\n"
                 "over to it. No connection is refused or closed: the old process serves the\n"
                 "sessions that it has, and ends with them. SIGUSR2 does the same.\n"
                 "\n"
                 "When the new program does not come up, the old one goes on and the exit status\n"
                 "is 1; the log says why.",
        CLI_OPTIONS(options),
};
