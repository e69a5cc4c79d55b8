// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_retry.c: `posthaste queue retry`.
#include "cli/commands.h"

#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        {.name = S_INIT("time"),
                .letter = 't',
                .takes = OPTION_TEXT,
                .value = S_INIT("T"),
                .help = "due then: 2026-01-31T10:00:00Z, +2h (default: now)"},
        QUEUE_CHANGE_OPTIONS,
};

static int run(struct cli *c)
{
    return queue_change_run(c, CHANGE_RETRY);
}

const struct command command_queue_retry = {
        .run = run,
        .operands = "[ID]...",
        .operand_max = SIZE_MAX,
        .about = "Makes the pending recipients of messages due, now or at a given time. One that\n"
                 "would have expired by then gets one attempt more. Messages that are held stay\n"
                 "held, but for those that wait for the time of their FUTURERELEASE.",
        .examples = "  posthaste queue retry --domain example.org\n"
                    "  posthaste queue retry 0b55250b1000400a --time +2h",
        CLI_OPTIONS(options),
};
