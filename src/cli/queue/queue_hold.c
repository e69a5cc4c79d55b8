// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_hold.c: `posthaste queue hold`.
#include "cli/commands.h"

#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        {.name = S_INIT("reason"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "why, for those who look later"},
        QUEUE_CHANGE_OPTIONS,
};

static int run(struct cli *c)
{
    return queue_change_run(c, CHANGE_HOLD);
}

const struct command command_queue_hold = {
        .run = run,
        .operands = "[ID]...",
        .operand_max = SIZE_MAX,
        .about =
                "Keeps messages without attempts until they are released; their clocks stand "
                "still\n"
                "meanwhile. What is being sent at this moment goes on. Messages that are held for\n"
                "a stronger reason stay as they are.",
        .examples = "  posthaste queue hold --domain example.org --reason \"new server there\"",
        CLI_OPTIONS(options),
};
