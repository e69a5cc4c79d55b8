// SPDX-License-Identifier: Apache-2.0
// cli/account/account_list.c: `posthaste account list`. On a terminal a table, else one JSON object
// a line, page by page: a directory of a million is neither kept nor waited for.
#include "cli/account/account_print.h"
#include "cli/commands.h"

#include "base/unicode.h"

#define PAGE_ACCOUNTS 500
#define PAGE_BYTES_MAX (256 * (size_t)MIB)
#define FILTER_BYTES_MAX 1024

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("type"),
                .takes = OPTION_CHOICE,
                .value = S_INIT("individual|group|list|resource|location|other"),
                .help = "accounts of this type only"},
        CLI_OPTION_LIMIT("at most N accounts"),
        CLI_OPTION_JSON,
};

struct listing {
    struct cli *c;
    enum show_form form;
    struct table table;
    struct buf text;
    struct json_out json; // of SHOW_JSON
    uint64_t shown, limit;
};

static int list(struct account_work *w);
static struct err list_pages(struct account_work *w, struct listing *l);
static struct err show(struct listing *l, const struct account *account);
static struct err row(struct table *t, const struct account *account);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_LOOK, list);
}

static int list(struct account_work *w)
{
    struct cli *c = w->c;
    struct listing l = {
            .c = c, .form = show_form_of(c), .limit = cli_number(c, S("limit"), UINT64_MAX)};
    static const struct str heading[] = {
            S_INIT("Name"), S_INIT("Type"), S_INIT("State"), S_INIT("Addresses")};
    struct err e = OK;
    buf_init(&l.text, PAGE_BYTES_MAX);
    l.table = (struct table){.arena = &c->arena, .columns = COUNT_OF(heading)};
    for (size_t i = 0; i < COUNT_OF(heading) && !failed(e); i++)
        e = table_add(&l.table, heading[i]);
    if (l.form == SHOW_JSON) {
        l.json = cli_json_begin(c);
        json_array_begin(&l.json);
    }
    if (!failed(e) && w->internal != NULL)
        e = list_pages(w, &l);
    buf_done(&l.text);
    if (l.form == SHOW_JSON)
        json_array_end(&l.json);
    if (failed(e))
        return account_fail(c, e);
    if (l.form == SHOW_JSON)
        return cli_json_end(c, CLI_OK);
    if (l.form == SHOW_TABLE) {
        table_print(c, &l.table);
        fprintf(c->out, "%llu account%s\n", (unsigned long long)l.shown, l.shown == 1 ? "" : "s");
    }
    return CLI_OK;
}

static struct err list_pages(struct account_work *w, struct listing *l)
{
    struct cli *c = w->c;
    struct buf filter AUTO(buf_done);
    struct account_page page = {.count_max = PAGE_ACCOUNTS};
    buf_init(&filter, FILTER_BYTES_MAX);
    if (c->operand_count > 0)
        unicode_add_lower(&filter, c->operands[0]);
    page.filter = buf_str(&filter);
    page.by_type = account_type_named(cli_text(c, S("type"), S("")), &page.type);
    for (bool more = true; more && l->shown < l->limit;) {
        struct arena a AUTO(arena_done);
        const struct account **all = NULL;
        size_t count = 0;
        arena_init(&a, PAGE_BYTES_MAX);
        struct err e = internal_accounts(w->internal, &a, &page, &all, &count);
        if (failed(e))
            return fail_fmt(&c->arena, e.kind, "%.*s", ARG(err_text(e)));
        for (size_t i = 0; i < count && l->shown < l->limit; i++)
            TRY(show(l, all[i]));
        more = count == PAGE_ACCOUNTS && !str_is_empty(all[count - 1]->name);
        if (more)
            page.after = arena_str(&c->arena, all[count - 1]->name);
    }
    return OK;
}

static struct err show(struct listing *l, const struct account *account)
{
    l->shown++;
    if (l->form == SHOW_TABLE)
        return row(&l->table, account);
    if (l->form == SHOW_JSON) {
        account_json(&l->json, account, NULL);
        return OK;
    }
    struct json_out o = json_begin(&l->text, JSON_COMPACT);
    account_json(&o, account, NULL);
    buf_add_byte(&l->text, '\n');
    cli_print(l->c, buf_str(&l->text));
    buf_clear(&l->text);
    return OK;
}

static struct err row(struct table *t, const struct account *account)
{
    struct buf addresses AUTO(buf_done);
    struct str state = account->disabled ? S("disabled") : S("");
    buf_init(&addresses, ACCOUNT_RECORD_BYTES_MAX);
    for (size_t i = 0; i < account->emails.count; i++)
        buf_fmt(&addresses, "%s%.*s", i > 0 ? " " : "", ARG(account->emails.at[i]));
    if (str_is_null(account->name))
        state = S("damaged");
    else if (account_is_admin(account) && !account->disabled)
        state = S("admin");
    TRY(table_add(t, str_is_null(account->name) ? arena_fmt(t->arena, "(number %u)", account->id)
                                                : account->name));
    TRY(table_add(t, account_type_name(account->type)));
    TRY(table_add(t, state));
    return table_add(t, buf_str(&addresses));
}

const struct command command_account_list = {
        .run = run,
        .operands = "[TEXT]",
        .operand_max = 1,
        CLI_OPTIONS(options),
        .about = "Lists the accounts, groups and lists of the internal directory: all, or\n"
                 "those of which TEXT is a part of the name, the description or an address.\n"
                 "On a terminal a table, else one JSON object a line.",
        .examples = "  posthaste account list\n"
                    "  posthaste account list --type group --json",
};
