// SPDX-License-Identifier: Apache-2.0
// cli/domain_create.c: `posthaste domain create`.
#include "cli/account_edits.h"
#include "cli/commands.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        DOMAIN_ADD_OPTIONS,
};

static int create(struct account_work *w);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_SERVE, create);
}

static int create(struct account_work *w)
{
    return domain_change(w, APPLY_CREATE, "is ours from now on");
}

const struct command command_domain_create = {
        .run = run,
        .operands = "DOMAIN",
        .operand_min = 1,
        .operand_max = 1,
        .options = options,
        .option_count = COUNT_OF(options),
        .about = "Makes a domain in the internal directory, so that accounts can have addresses\n"
                 "in it. A running server knows it at once.",
        .examples = "  posthaste domain create example.org --alias example.net",
};
