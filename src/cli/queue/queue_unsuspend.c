// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_unsuspend.c: `posthaste queue unsuspend`.
#include "cli/commands.h"

#include "cli/queue/queue_orders.h"

static const struct cli_option options[] = {
        ORDER_SCOPE_OPTIONS,
        {.name = S_INIT("all"), .help = "all orders of that kind"},
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int run(struct cli *c)
{
    return queue_orders_run(c, ORDERS_LIFT);
}

const struct command command_queue_unsuspend = {
        .run = run,
        .operands = "",
        .about =
                "Lifts the orders of queue suspend, and those of rules about replies, that name\n"
                "what the options name, and perhaps more. Mail that waited is tried when its time\n"
                "comes, within 15 minutes; queue retry is quicker. The exit status is 5 when\n"
                "there was no such order.",
        .examples = "  posthaste queue unsuspend --mx-site gmail\n"
                    "  posthaste queue unsuspend --order backoff --all",
        CLI_OPTIONS(options),
};
