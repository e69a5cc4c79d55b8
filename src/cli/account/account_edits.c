// SPDX-License-Identifier: Apache-2.0
// cli/account/account_edits.c: see account_edits.h. What is taken away goes first, so that
// --remove-email and --email in one command replace an address.
#include "cli/account/account_edits.h"

const struct edit_option account_edit_options[] = {
        {S_INIT("remove-email"), EDIT_EMAIL, EDIT_REMOVE, NULL},
        {S_INIT("remove-group"), EDIT_GROUP, EDIT_REMOVE, NULL},
        {S_INIT("remove-list"), EDIT_LIST, EDIT_REMOVE, NULL},
        {S_INIT("remove-member"), EDIT_MEMBER, EDIT_REMOVE, NULL},
        {S_INIT("remove-external-member"), EDIT_EXTERNAL_MEMBER, EDIT_REMOVE, NULL},
        {S_INIT("remove-login-from"), EDIT_LOGIN_NETWORK, EDIT_REMOVE, NULL},
        {S_INIT("not-admin"), EDIT_ROLE, EDIT_REMOVE, "admin"},
        {S_INIT("description"), EDIT_DESCRIPTION, EDIT_SET, NULL},
        {S_INIT("quota"), EDIT_QUOTA, EDIT_SET, NULL},
        {S_INIT("email"), EDIT_EMAIL, EDIT_ADD, NULL},
        {S_INIT("group"), EDIT_GROUP, EDIT_ADD, NULL},
        {S_INIT("list"), EDIT_LIST, EDIT_ADD, NULL},
        {S_INIT("member"), EDIT_MEMBER, EDIT_ADD, NULL},
        {S_INIT("external-member"), EDIT_EXTERNAL_MEMBER, EDIT_ADD, NULL},
        {S_INIT("owner"), EDIT_OWNER, EDIT_SET, NULL},
        {S_INIT("is-admin"), EDIT_ROLE, EDIT_ADD, "admin"},
        {S_INIT("expires"), EDIT_EXPIRES, EDIT_SET, NULL},
        {S_INIT("login-from"), EDIT_LOGIN_NETWORK, EDIT_ADD, NULL},
        {S_INIT("disable"), EDIT_ENABLED, EDIT_SET, "false"},
        {S_INIT("enable"), EDIT_ENABLED, EDIT_SET, "true"},
        {S_INIT("refuse-mail"), EDIT_RECEIVES, EDIT_SET, "false"},
        {S_INIT("accept-mail"), EDIT_RECEIVES, EDIT_SET, "true"},
};
const size_t account_edit_option_count = COUNT_OF(account_edit_options);

const struct edit_option domain_edit_options[] = {
        {S_INIT("remove-alias"), EDIT_ALIAS, EDIT_REMOVE, NULL},
        {S_INIT("description"), EDIT_DESCRIPTION, EDIT_SET, NULL},
        {S_INIT("alias"), EDIT_ALIAS, EDIT_ADD, NULL},
        {S_INIT("catch-all"), EDIT_CATCH_ALL, EDIT_SET, NULL},
        {S_INIT("relay"), EDIT_RELAYING, EDIT_SET, "true"},
        {S_INIT("no-relay"), EDIT_RELAYING, EDIT_SET, "false"},
        {S_INIT("sub-addressing"), EDIT_SUB_ADDRESSING, EDIT_SET, "true"},
        {S_INIT("no-sub-addressing"), EDIT_SUB_ADDRESSING, EDIT_SET, "false"},
        {S_INIT("enable"), EDIT_ENABLED, EDIT_SET, "true"},
        {S_INIT("disable"), EDIT_ENABLED, EDIT_SET, "false"},
};
const size_t domain_edit_option_count = COUNT_OF(domain_edit_options);

static bool has_option(const struct cli *c, struct str name);

struct err edits_read(
        struct cli *c, const struct edit_option *rows, size_t count, struct edit_list *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct edit_option *row = &rows[i];
        const struct option_given *given = NULL;
        for (size_t nth = 0; has_option(c, row->option); nth++) {
            given = options_given(&c->options, row->option, nth);
            if (given == NULL)
                break;
            struct str value = row->value != NULL ? str_from_c(row->value) : given->value;
            TRY(edits_add(c, out, (struct edit){row->action, row->field, value}));
        }
    }
    return OK;
}

// `create` has fewer options than the table.
static bool has_option(const struct cli *c, struct str name)
{
    const struct command *command = c->row->command;
    for (size_t i = 0; i < command->option_count; i++)
        if (str_eq(command->options[i].name, name))
            return true;
    return false;
}

struct err edits_add(struct cli *c, struct edit_list *list, struct edit edit)
{
    struct edit *added = vec_add(&c->arena, list);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for so many options");
    *added = edit;
    return OK;
}

int change_read(struct account_work *w, enum apply apply, const struct edit_option *rows,
        size_t count, struct change *out)
{
    struct edit_list edits = {0};
    struct err e = edits_read(w->c, rows, count, &edits);
    if (failed(e))
        return account_fail(w->c, e);
    if (apply == APPLY_UPDATE && edits.count == 0)
        return cli_usage_error(w->c, fail(ERR_SYNTAX, "say what is to be changed"));
    *out = change_of(w, apply, &edits);
    return CLI_OK;
}

struct change change_of(struct account_work *w, enum apply apply, const struct edit_list *edits)
{
    return (struct change){.apply = apply,
            .name = w->c->operands[0],
            .edits = edits->at,
            .count = edits->count,
            .wall_ms = w->wall_now_ms,
            .settings = w->settings};
}
