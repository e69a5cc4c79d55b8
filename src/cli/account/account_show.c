// SPDX-License-Identifier: Apache-2.0
// cli/account/account_show.c: `posthaste account show`.
#include "cli/account/account_print.h"
#include "cli/commands.h"

#define TEXT_BYTES_MAX (16 * MIB)

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int show(struct account_work *w);
static struct err find(struct account_work *w, struct str written, const struct account **out);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_LOOK, show);
}

static int show(struct account_work *w)
{
    struct cli *c = w->c;
    const struct account *account = NULL;
    struct strs members = {0};
    struct err e = find(w, c->operands[0], &account);
    if (!failed(e))
        e = internal_members(w->internal, &c->arena, account->name, &members);
    if (failed(e))
        return account_fail(c, e);
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        account_json(&o, account, &members);
        return cli_json_end(c, CLI_OK);
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    account_text(&text, account, &members);
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

// By name, else by address.
static struct err find(struct account_work *w, struct str written, const struct account **out)
{
    struct arena *a = &w->c->arena;
    struct str name, why;
    if (w->internal != NULL && account_name_normal(a, written, &name, &why)) {
        TRY(internal_by_name(w->internal, a, name, out));
        if (*out == NULL)
            TRY(internal_by_address(w->internal, a, name, out));
    }
    return *out != NULL ? OK
                        : fail_fmt(a, ERR_NOT_FOUND, "there is no account '%.*s'",
                                  ARG(str_upto(written, 100)));
}

const struct command command_account_show = {
        .run = run,
        CLI_ONE_OPERAND("NAME"),
        CLI_OPTIONS(options),
        .about = "Shows all that the internal directory knows of an account, group or list,\n"
                 "by its name or an address. Of secrets it tells the form only.",
        .examples = "  posthaste account show anna\n"
                    "  posthaste account show --json anna@example.org",
};
