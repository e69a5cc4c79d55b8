// SPDX-License-Identifier: Apache-2.0
// cli/account/account_delete.c: `posthaste account delete`.
#include "cli/account/account_store.h"
#include "cli/commands.h"
#include "cli/sure.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_YES,
};

static int delete_all(struct account_work *w);

static int run(struct cli *c)
{
    if (!cli_sure(c, c->operand_count == 1 ? "Delete this account?" : "Delete these accounts?"))
        return cli_fail_text(c, CLI_FAILED, "nothing was deleted; --yes deletes without asking");
    return account_work_run(c, INTERNAL_SERVE, delete_all);
}

static int delete_all(struct account_work *w)
{
    struct cli *c = w->c;
    int status = CLI_OK;
    size_t deleted = 0;
    for (size_t i = 0; i < c->operand_count; i++) {
        struct err e = internal_account_remove(w->internal, &c->arena, c->operands[i]);
        if (failed(e))
            status = account_fail(c, e);
        else
            deleted++;
    }
    if (deleted > 0)
        fprintf(c->out, "%zu account%s deleted.\n", deleted, deleted == 1 ? "" : "s");
    return status != CLI_OK && deleted > 0 ? CLI_PARTLY : status;
}

const struct command command_account_delete = {
        .run = run,
        .operands = "NAME...",
        .operand_min = 1,
        .operand_max = SIZE_MAX,
        CLI_OPTIONS(options),
        .about = "Deletes accounts, groups or lists from the internal directory. Their addresses\n"
                 "are free at once; mail to them that is queued goes by the usual rules.",
        .examples = "  posthaste account delete anna --yes",
};
