// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_reroute.c: `posthaste queue reroute`.
#include "cli/commands.h"

#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        {.name = S_INIT("to-route"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ROUTE"),
                .help = "by this route, whatever queue.strategy.route says; empty: as it says"},
        {.name = S_INIT("to-queue"),
                .takes = OPTION_TEXT,
                .value = S_INIT("QUEUE"),
                .help = "in this virtual queue"},
        {.name = S_INIT("to-schedule"),
                .takes = OPTION_TEXT,
                .value = S_INIT("SCHEDULE"),
                .help = "with this schedule, and its virtual queue"},
        {.name = S_INIT("now"), .help = "and try them now"},
        QUEUE_CHANGE_OPTIONS,
};

static int run(struct cli *c)
{
    return queue_change_run(c, CHANGE_REROUTE);
}

const struct command command_queue_reroute = {
        .run = run,
        .operands = "[ID]...",
        .operand_max = SIZE_MAX,
        .about = "Sends the pending recipients of messages another way, from their next attempt "
                 "on. A\n"
                 "route stays until it is taken back; virtual queue and schedule until the next\n"
                 "temporary failure, after which queue.strategy.schedule chooses again.",
        .examples = "  posthaste queue reroute --domain example.org --to-route backup --now\n"
                    "  posthaste queue reroute --all --to-route \"\"",
        CLI_OPTIONS(options),
};
