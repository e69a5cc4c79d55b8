// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_resume.c: `posthaste queue resume`.
#include "cli/commands.h"

#include "cli/queue/queue_pauses.h"

static const struct cli_option options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};

static int run(struct cli *c)
{
    return queue_pauses_run(c, PAUSES_GO_ON);
}

const struct command command_queue_resume = {
        .run = run,
        .operands = "[QUEUE]",
        .operand_max = 1,
        .about =
                "Lets all deliveries go on that queue pause has stopped, or only those of one "
                "virtual\n"
                "queue; also of queues that their configuration starts paused. Says what is still\n"
                "paused then. What has become due meanwhile is tried at once.",
        CLI_OPTIONS(options),
};
