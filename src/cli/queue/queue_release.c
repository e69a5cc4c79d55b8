// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_release.c: `posthaste queue release`.
#include "cli/commands.h"

#include "cli/queue/queue_change.h"

static const struct cli_option options[] = {
        QUEUE_CHANGE_OPTIONS,
};

static int run(struct cli *c)
{
    return queue_change_run(c, CHANGE_RELEASE);
}

const struct command command_queue_release = {
        .run = run,
        .operands = "[ID]...",
        .operand_max = SIZE_MAX,
        .about = "Ends a hold of any reason but that of FUTURERELEASE (see queue retry). "
                 "Recipients\n"
                 "are due at once; their end is later by the time of the hold.",
        .examples = "  posthaste queue release --hold-reason quarantine --sender ann@example.org",
        CLI_OPTIONS(options),
};
