// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_suspend.c: `posthaste queue suspend`.
#include "cli/commands.h"

#include "cli/queue/queue_orders.h"

static const struct cli_option options[] = {
        ORDER_SCOPE_OPTIONS,
        {.name = S_INIT("until"),
                .takes = OPTION_TEXT,
                .value = S_INIT("T"),
                .help = "ends then: +2h, +1d, 2026-01-31T10:00:00Z (default: with unsuspend)"},
        {.name = S_INIT("reason"),
                .takes = OPTION_TEXT,
                .value = S_INIT("TEXT"),
                .help = "why, for those who look later"},
        {.name = S_INIT("rate"),
                .takes = OPTION_TEXT,
                .value = S_INIT("N/T"),
                .help = "throttle: so many messages in this time"},
        {.name = S_INIT("concurrency"),
                .takes = OPTION_NUMBER,
                .value = S_INIT("N"),
                .min = 1,
                .max = 1000000,
                .help = "throttle: so many connections at once"},
        {.name = S_INIT("list"), .help = "only say what is suspended"},
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int run(struct cli *c)
{
    return queue_orders_run(c, ORDERS_GIVE);
}

const struct command command_queue_suspend = {
        .run = run,
        .operands = "",
        .about = "Stops attempts to deliver what all the options name together, also over "
                 "restarts,\n"
                 "and whether the server runs now or not. Such mail waits, and is looked at again\n"
                 "within 15 minutes; other than with queue pause it ages, and expires in the end.\n"
                 "With --order throttle less of it is sent, with --order backoff the back-off\n"
                 "values of queue.shaping hold, with --order disable-tls it goes without TLS, "
                 "where\n"
                 "nothing demands TLS. Says what is suspended then; with no option, or\n"
                 "--list, it says no more than that. Rules about replies suspend, too: these\n"
                 "are marked as automatic.",
        .examples = "  posthaste queue suspend --domain example.net --until +2h \\\n"
                    "      --reason \"their maintenance\"\n"
                    "  posthaste queue suspend --order throttle --mx-site gmail --rate 100/1h",
        CLI_OPTIONS(options),
};
