// SPDX-License-Identifier: Apache-2.0
// cli/server/server_reload.c: `posthaste server reload`: the unit's ExecReload.
#include "cli/commands.h"
#include "cli/server/server_control.h"

static int run(struct cli *c)
{
    return server_ask(c, cli_has(c, S("dry-run")) ? S("reload dry-run") : S("reload"));
}

static const struct cli_option options[] = {
        SERVER_OPTIONS,
        {.name = S_INIT("dry-run"), .help = "only tell whether the server would accept it"},
};

const struct command command_server_reload = {
        .run = run,
        .about = "Has the running server load its configuration again, certificates included,\n"
                 "and waits for the result. New connections are served with the new one; those\n"
                 "that are open keep the former. No connection is refused or closed.\n"
                 "\n"
                 "A configuration with errors changes nothing: they are listed, and the exit\n"
                 "status is 1. It is 3 when no server answers.",
        .examples = "  posthaste server reload\n"
                    "  posthaste server reload --dry-run",
        CLI_OPTIONS(options),
};
