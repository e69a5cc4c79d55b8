// SPDX-License-Identifier: Apache-2.0
// cli/server/server_stop.c: `posthaste server stop`: returns when the server has ended.
#include "cli/commands.h"
#include "cli/server/server_control.h"

static int run(struct cli *c)
{
    return server_ask(c, S("stop"));
}

static const struct cli_option options[] = {SERVER_OPTIONS};

const struct command command_server_stop = {
        .run = run,
        .about = "Stops the running server in order and waits until it has ended: sessions are\n"
                 "told, messages that are being received are finished, and after\n"
                 "server.shutdown.grace whoever is left is cut off. SIGTERM does the same. Under\n"
                 "a service manager ask that one instead, or it may start the server again.",
        CLI_OPTIONS(options),
};
