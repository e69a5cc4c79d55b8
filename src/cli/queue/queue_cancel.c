// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_cancel.c: `posthaste queue cancel`.
#include "cli/commands.h"

#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        {.name = S_INIT("dsn"), .help = "and tell their senders (status 5.7.0)"},
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
        .about = "Takes messages out of the queue, without a notice to anybody unless --dsn asks "
                 "for\n"
                 "one, which the server makes when it runs. With --rcpt, --domain, --status or\n"
                 "--error only the recipients that fit are given up; the message goes when nobody\n"
                 "is pending any more. What is being sent at this moment may still arrive.",
        .examples = "  posthaste queue cancel 0b55250b1000400a\n"
                    "  posthaste queue cancel --sender news@example.org --dry-run",
        CLI_OPTIONS(options),
};
