// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_cancel.c: `posthaste queue cancel`.
#include "cli/commands.h"

#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        QUEUE_CHANGE_OPTIONS,
};

static int run(struct cli *c)
{
    return queue_change_run(c, CHANGE_CANCEL);
}

const struct command command_queue_cancel = {
        .run = run,
        .operands = "[ID]...",
        .operand_max = SIZE_MAX,
        .about = "Takes messages out of the queue without a notice to anybody. With --rcpt,\n"
                 "--domain, --status or --error only the recipients that fit are given up; the\n"
                 "message goes when nobody is pending any more. What is being sent at this moment\n"
                 "may still arrive.",
        .examples = "  posthaste queue cancel 0b55250b1000400a\n"
                    "  posthaste queue cancel --sender news@example.org --dry-run",
        CLI_OPTIONS(options),
};
