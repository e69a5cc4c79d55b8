// SPDX-License-Identifier: Apache-2.0
// cli/domain_update.c: `posthaste domain update`.
#include "cli/account_edits.h"
#include "cli/commands.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        DOMAIN_ADD_OPTIONS,
        {.name = S_INIT("sub-addressing"), .help = "anna+x is anna"},
        {.name = S_INIT("no-relay"),
                .help = "there is no such user: mail to unknown ones is refused"},
        {.name = S_INIT("disable"), .help = "as if it were not ours"},
        {.name = S_INIT("enable"), .help = "ours again"},
        {.name = S_INIT("remove-alias"),
                .takes = OPTION_TEXT,
                .value = S_INIT("DOMAIN"),
                .many = true,
                .help = "no longer this alias"},
};

static int update(struct account_work *w);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_SERVE, update);
}

static int update(struct account_work *w)
{
    return domain_change(w, APPLY_UPDATE, "was changed");
}

const struct command command_domain_update = {
        .run = run,
        .operands = "DOMAIN",
        .operand_min = 1,
        .operand_max = 1,
        .options = options,
        .option_count = COUNT_OF(options),
        .about = "Changes a domain of the internal directory, all that is asked for or nothing.",
        .examples = "  posthaste domain update example.org --catch-all anna@example.org",
};
