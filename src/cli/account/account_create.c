// SPDX-License-Identifier: Apache-2.0
// cli/account/account_create.c: `posthaste account create`.
#include "cli/account/account_edits.h"
#include "cli/account/password_ask.h"
#include "cli/commands.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("type"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("individual|group|list|resource|location|other"),
                .help = "default: individual, who logs in; a group has a mailbox of its own; mail "
                        "to "
                        "a list goes to its members"},
        ACCOUNT_ADD_OPTIONS,
        CLI_OPTION_PASSWORD_STDIN,
        CLI_OPTION_GENERATE,
        CLI_OPTION_SCRAM,
        {.name = S_INIT("no-password"), .help = "cannot log in until it gets one"},
};

static int create(struct account_work *w);
static struct err make(
        struct account_work *w, struct new_password *password, const struct account **out);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_SERVE, create);
}

static int create(struct account_work *w)
{
    struct cli *c = w->c;
    struct new_password password = {0};
    const struct account *made = NULL;
    struct err e = make(w, &password, &made);
    if (failed(e))
        return account_fail(c, e);
    fprintf(c->out, "%.*s %.*s was made, number %u.\n", ARG(account_type_name(made->type)),
            ARG(made->name), made->id);
    if (!str_is_null(password.made))
        fprintf(c->out, "Its password, shown this once: %.*s\n", ARG(password.made));
    if (made->emails.count == 0)
        fprintf(c->err,
                "warning: it has no address, so it gets no mail; 'posthaste account update "
                "%.*s --email ADDR' gives it one\n",
                ARG(made->name));
    return CLI_OK;
}

static struct err make(
        struct account_work *w, struct new_password *password, const struct account **out)
{
    struct cli *c = w->c;
    struct edit_list edits = {0};
    enum account_type type;
    struct str operand = c->operand_count > 1 ? c->operands[1] : STR_NULL;
    if (!account_type_named(cli_text(c, S("type"), S("individual")), &type))
        return fail(ERR_SYNTAX, "there is no such type of account");
    bool none = cli_has(c, S("no-password")) || type != ACCOUNT_INDIVIDUAL;
    bool given =
            !str_is_null(operand) || cli_has(c, S("password-stdin")) || cli_has(c, S("generate"));
    if (none && given)
        return fail(ERR_SYNTAX, "no password goes with --no-password, nor with groups and lists, "
                                "which do not log in");
    TRY(edits_read(c, account_edit_options, account_edit_option_count, &edits));
    if (!none) {
        TRY(password_new(c, w->settings, operand, password));
        TRY(edits_add(c, &edits, (struct edit){EDIT_SET, EDIT_SECRET, password->hash}));
    }
    struct change change = change_of(w, APPLY_CREATE, &edits);
    change.type = type;
    return internal_account_change(w->internal, &c->arena, &change, out);
}

const struct command command_account_create = {
        .run = run,
        .operands = "NAME [PASSWORD]",
        .operand_min = 1,
        .operand_max = 2,
        CLI_OPTIONS(options),
        .about = "Makes an account, group or list in the internal directory. A running server\n"
                 "knows it at once. On a terminal the password is asked for twice; without one\n"
                 "it is made up and printed. It is stored as a hash\n"
                 "(authentication.password.hash).",
        .examples = "  posthaste account create anna --email anna@example.org --quota 2gb\n"
                    "  posthaste account create sales --type group --email sales@example.org \\\n"
                    "      --member anna --member bob",
};
