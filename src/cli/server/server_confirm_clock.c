// SPDX-License-Identifier: Apache-2.0
// cli/server/server_confirm_clock.c: `posthaste server confirm-clock`: a person has looked.
#include "cli/commands.h"
#include "cli/server/server_control.h"

static int run(struct cli *c)
{
    return server_ask(c, S("clock"));
}

static const struct cli_option options[] = {SERVER_OPTIONS};

const struct command command_server_confirm_clock = {
        .run = run,
        .about =
                "After the clock was set forward by more than a day, no mail is given up for its\n"
                "age, and nobody is told of a delay, for ten minutes. This says that the clock is\n"
                "right, and ends it.",
        CLI_OPTIONS(options),
};
