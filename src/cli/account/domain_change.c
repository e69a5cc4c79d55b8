// SPDX-License-Identifier: Apache-2.0
// cli/account/domain_change.c: `posthaste domain create` and `posthaste domain update`: all that is
// asked for, or nothing of it.
#include "cli/account/account_edits.h"
#include "cli/commands.h"

static const struct cli_option create_options[] = {
        CLI_OPTION_CONFIG,
        DOMAIN_ADD_OPTIONS,
};
static const struct cli_option update_options[] = {
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

static int create(struct account_work *w);
static int update(struct account_work *w);
static int change_it(struct account_work *w, enum apply apply, const char *done);

static int run_create(struct cli *c)
{
    return account_work_run(c, INTERNAL_SERVE, create);
}

static int create(struct account_work *w)
{
    return change_it(w, APPLY_CREATE, "is ours from now on");
}

static int run_update(struct cli *c)
{
    return account_work_run(c, INTERNAL_SERVE, update);
}

static int update(struct account_work *w)
{
    return change_it(w, APPLY_UPDATE, "was changed");
}

static int change_it(struct account_work *w, enum apply apply, const char *done)
{
    struct cli *c = w->c;
    struct change change;
    int status = change_read(w, apply, domain_edit_options, domain_edit_option_count, &change);
    if (status != CLI_OK)
        return status;
    struct err e = internal_domain_change(w->internal, &c->arena, &change);
    if (failed(e))
        return account_fail(c, e);
    fprintf(c->out, "%.*s %s.\n", ARG(c->operands[0]), done);
    return CLI_OK;
}

const struct command command_domain_create = {
        .run = run_create,
        CLI_ONE_OPERAND("DOMAIN"),
        CLI_OPTIONS(create_options),
        .about = "Makes a domain in the internal directory, so that accounts can have addresses\n"
                 "in it. A running server knows it at once.",
        .examples = "  posthaste domain create example.org --alias example.net",
};

const struct command command_domain_update = {
        .run = run_update,
        CLI_ONE_OPERAND("DOMAIN"),
        CLI_OPTIONS(update_options),
        .about = "Changes a domain of the internal directory, all that is asked for or nothing.",
        .examples = "  posthaste domain update example.org --catch-all anna@example.org",
};
