// SPDX-License-Identifier: Apache-2.0
// cli/account/account_password.c: `posthaste account password`: a new one for an account, or, with
// --hash, the stored form of one for wherever a hash is written.
#include "cli/account/account_edits.h"
#include "cli/account/password_ask.h"
#include "cli/commands.h"
#include "cli/one_task.h"

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_PASSWORD_STDIN,
        CLI_OPTION_GENERATE,
        CLI_OPTION_SCRAM,
        {.name = S_INIT("hash"), .help = "change nothing; print the hash"},
        {.name = S_INIT("remove"), .help = "no password: the account cannot log in"},
};

static int set(struct account_work *w);
static struct err change_it(
        struct account_work *w, struct new_password *password, const struct account **out);
static int print_hash(struct cli *c);
static struct err hash(void *arg);
static void hash_deep(void *arg);

static int run(struct cli *c)
{
    if (cli_has(c, S("hash")))
        return c->operand_count == 0
                       ? print_hash(c)
                       : cli_usage_error(c, fail(ERR_SYNTAX, "--hash takes no account"));
    if (c->operand_count == 0)
        return cli_usage_error(c, fail(ERR_SYNTAX, "whose password? Or --hash"));
    return account_work_run(c, INTERNAL_SERVE, set);
}

static int set(struct account_work *w)
{
    struct cli *c = w->c;
    struct new_password password = {0};
    const struct account *now = NULL;
    struct err e = change_it(w, &password, &now);
    if (failed(e))
        return account_fail(c, e);
    fprintf(c->out, "%.*s has %s.\n", ARG(now->name),
            cli_has(c, S("remove")) ? "no password" : "a new password");
    if (!str_is_null(password.made))
        fprintf(c->out, "It is, shown this once: %.*s\n", ARG(password.made));
    return CLI_OK;
}

// Whoever is not there is told so before anybody types a password twice.
static struct err change_it(
        struct account_work *w, struct new_password *password, const struct account **out)
{
    struct cli *c = w->c;
    struct str name, why, operand = c->operand_count > 1 ? c->operands[1] : STR_NULL;
    struct edit edit = {.action = EDIT_SET, .field = EDIT_SECRET, .value = S("")};
    if (account_name_normal(&c->arena, c->operands[0], &name, &why))
        TRY(internal_by_name(w->internal, &c->arena, name, out));
    if (*out == NULL)
        return fail_fmt(&c->arena, ERR_NOT_FOUND, "there is no account '%.*s'",
                ARG(str_upto(c->operands[0], 100)));
    if (!cli_has(c, S("remove"))) {
        TRY(password_new(c, w->settings, operand, password));
        edit.value = password->hash;
    }
    struct change change = change_of(w, APPLY_UPDATE, &(struct edit_list){.at = &edit, .count = 1});
    change.name = name;
    return internal_account_change(w->internal, &c->arena, &change, out);
}

// -- --hash ---------------------------------------------------------------------------------------

struct hashing {
    struct cli *c;
    struct err result;
};

// Needs no configuration, for it is what one writes into one.
static int print_hash(struct cli *c)
{
    struct hashing h = {.c = c};
    struct err e = one_task_run(hash, &h);
    return failed(e) ? cli_fail(c, CLI_FAILED, e) : CLI_OK;
}

static struct err hash(void *arg)
{
    struct hashing *h = arg;
    deep_call(hash_deep, h); // it wants a large stack
    return h->result;
}

static void hash_deep(void *arg)
{
    struct hashing *h = arg;
    struct cli *c = h->c;
    struct new_password password;
    struct directory_settings policy = {.hash = PASSWORD_ARGON2ID,
            .password_characters_min = 1,
            .password_characters_max = PASSWORD_BYTES_MAX};
    h->result = password_new(c, &policy, STR_NULL, &password);
    if (failed(h->result))
        return;
    fprintf(c->out, "%.*s\n", ARG(password.hash));
    if (!str_is_null(password.made))
        fprintf(c->err, "The password, shown this once: %.*s\n", ARG(password.made));
}

const struct command command_account_password = {
        .run = run,
        .operands = "[NAME [PASSWORD]]",
        .operand_max = 2,
        CLI_OPTIONS(options),
        .about = "Gives an account of the internal directory a new password. On a terminal it is\n"
                 "asked for twice; without one, or with --generate, it is made up and printed.\n"
                 "With --hash nothing is changed: the hash is printed, for a secret in the\n"
                 "configuration.",
        .examples = "  posthaste account password anna\n"
                    "  posthaste account password --hash",
};
