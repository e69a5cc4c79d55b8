// SPDX-License-Identifier: Apache-2.0
// cli/account/account_update.c: `posthaste account update`: all that is asked for, or nothing of
// it.
#include "cli/account/account_edits.h"
#include "cli/commands.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        ACCOUNT_ADD_OPTIONS,
        {.name = S_INIT("enable"), .help = "may log in again"},
        {.name = S_INIT("refuse-mail"), .help = "while it is disabled it gets no mail either"},
        {.name = S_INIT("accept-mail"), .help = "while it is disabled mail still arrives"},
        {.name = S_INIT("not-admin"), .help = "no longer administrates this server"},
        {.name = S_INIT("remove-email"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDR"),
                .many = true,
                .help = "no longer this address"},
        {.name = S_INIT("remove-group"),
                .takes = OPTION_TEXT,
                .value = S_INIT("GROUP"),
                .many = true,
                .help = "out of that group"},
        {.name = S_INIT("remove-list"),
                .takes = OPTION_TEXT,
                .value = S_INIT("LIST"),
                .many = true,
                .help = "off that list"},
        {.name = S_INIT("remove-member"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .many = true,
                .help = "of a group or list: who leaves it"},
        {.name = S_INIT("remove-external-member"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ADDR"),
                .many = true,
                .help = "of a list: who leaves it"},
        {.name = S_INIT("remove-login-from"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NET"),
                .many = true,
                .help = "no longer from there"},
};

static int update(struct account_work *w);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_SERVE, update);
}

static int update(struct account_work *w)
{
    struct cli *c = w->c;
    struct change change;
    const struct account *now = NULL;
    int status =
            change_read(w, APPLY_UPDATE, account_edit_options, account_edit_option_count, &change);
    if (status != CLI_OK)
        return status;
    struct err e = internal_account_change(w->internal, &c->arena, &change, &now);
    if (failed(e))
        return account_fail(c, e);
    fprintf(c->out, "%.*s was changed.\n", ARG(now->name));
    return CLI_OK;
}

const struct command command_account_update = {
        .run = run,
        CLI_ONE_OPERAND("NAME"),
        CLI_OPTIONS(options),
        .about = "Changes an account, group or list of the internal directory, all that is asked\n"
                 "for or nothing of it. What is taken away goes before what is added. A running\n"
                 "server goes by it at once.",
        .examples = "  posthaste account update anna --email a.weber@example.org --group sales\n"
                    "  posthaste account update anna --disable",
};
