// SPDX-License-Identifier: Apache-2.0
// cli/account/domain_delete.c: `posthaste domain delete`.
#include "cli/account/account_store.h"
#include "cli/commands.h"
#include "cli/sure.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_YES,
};

static int delete_one(struct account_work *w);

static int run(struct cli *c)
{
    if (!cli_sure(c, "Delete this domain?"))
        return cli_fail_text(c, CLI_FAILED, "nothing was deleted; --yes deletes without asking");
    return account_work_run(c, INTERNAL_SERVE, delete_one);
}

static int delete_one(struct account_work *w)
{
    struct cli *c = w->c;
    struct err e = internal_domain_remove(w->internal, &c->arena, c->operands[0]);
    if (failed(e))
        return account_fail(c, e);
    fprintf(c->out, "%.*s is no longer ours.\n", ARG(c->operands[0]));
    return CLI_OK;
}

const struct command command_domain_delete = {
        .run = run,
        CLI_ONE_OPERAND("DOMAIN"),
        CLI_OPTIONS(options),
        .about = "Deletes a domain from the internal directory, once no account has an address\n"
                 "in it. A domain of the configuration is deleted there.",
        .examples = "  posthaste domain delete example.org --yes",
};
