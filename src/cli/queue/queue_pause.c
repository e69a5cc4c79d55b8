// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_pause.c: `posthaste queue pause`.
#include "cli/commands.h"

#include "cli/queue/queue_pauses.h"

static const struct cli_option options[] = {
        {.name = S_INIT("reason"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "why, for those who look later"},
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int run(struct cli *c)
{
    return queue_pauses_run(c, PAUSES_STOP);
}

const struct command command_queue_pause = {
        .run = run,
        .operands = "[QUEUE]",
        .operand_max = 1,
        .about = "Stops all deliveries, or those of one virtual queue, until queue resume: also "
                 "over\n"
                 "restarts, and whether the server runs now or not. Mail is accepted meanwhile, "
                 "and\n"
                 "stays: nothing is tried, nothing expires, nobody is told of a delay. What is "
                 "being\n"
                 "sent at this moment goes on. Says what is paused then.",
        .examples = "  posthaste queue pause --reason \"new firewall until noon\"\n"
                    "  posthaste queue pause remote",
        CLI_OPTIONS(options),
};
