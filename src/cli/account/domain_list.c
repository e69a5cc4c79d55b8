// SPDX-License-Identifier: Apache-2.0
// cli/account/domain_list.c: `posthaste domain list`: those of the internal directory, and those of
// the configuration, which win over them.
#include "cli/account/account_print.h"
#include "cli/account/domain_find.h"
#include "cli/commands.h"

#define TEXT_BYTES_MAX (16 * MIB)

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int list(struct account_work *w);
static struct err all_domains(
        struct account_work *w, const struct internal_domain ***out, size_t *out_count);
static int show_json(struct cli *c, const struct internal_domain **all, size_t count, size_t file);
static int show_table(struct cli *c, const struct internal_domain **all, size_t count, size_t file);
static int show_lines(struct cli *c, const struct internal_domain **all, size_t count, size_t file);
static struct str origin_of(size_t i, size_t file);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_LOOK, list);
}

static int list(struct account_work *w)
{
    struct cli *c = w->c;
    const struct internal_domain **all = NULL;
    size_t count = 0, file = w->settings->domain_names.count;
    struct err e = all_domains(w, &all, &count);
    if (failed(e))
        return account_fail(c, e);
    switch (show_form_of(c)) {
    case SHOW_JSON:
        return show_json(c, all, count, file);
    case SHOW_TABLE:
        return show_table(c, all, count, file);
    case SHOW_LINES:
        break;
    }
    return show_lines(c, all, count, file);
}

// Those of the configuration first.
static struct err all_domains(
        struct account_work *w, const struct internal_domain ***out, size_t *out_count)
{
    struct arena *a = &w->c->arena;
    const struct strs *file = &w->settings->domain_names;
    const struct internal_domain **internal = NULL;
    size_t count = 0;
    if (w->internal != NULL)
        TRY(internal_domains(w->internal, a, &internal, &count));
    const struct internal_domain **all =
            arena_array(a, file->count + count + 1, const struct internal_domain *);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for so many domains");
    for (size_t i = 0; i < file->count; i++)
        TRY(domain_of_configuration(w, file->at[i], &all[i]));
    for (size_t i = 0; i < count; i++)
        all[file->count + i] = internal[i];
    *out = all;
    *out_count = file->count + count;
    return OK;
}

static int show_json(struct cli *c, const struct internal_domain **all, size_t count, size_t file)
{
    struct json_out o = cli_json_begin(c);
    json_array_begin(&o);
    for (size_t i = 0; i < count; i++)
        domain_json(&o, all[i], origin_of(i, file));
    json_array_end(&o);
    return cli_json_end(c, CLI_OK);
}

static int show_lines(struct cli *c, const struct internal_domain **all, size_t count, size_t file)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct json_out o = json_begin(&text, JSON_COMPACT);
        domain_json(&o, all[i], origin_of(i, file));
        buf_add_byte(&text, '\n');
    }
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

static int show_table(struct cli *c, const struct internal_domain **all, size_t count, size_t file)
{
    static const struct str heading[] = {S_INIT("Domain"), S_INIT("From"), S_INIT("Aliases")};
    struct table t = {.arena = &c->arena, .columns = COUNT_OF(heading)};
    struct err e = OK;
    for (size_t i = 0; i < COUNT_OF(heading) && !failed(e); i++)
        e = table_add(&t, heading[i]);
    for (size_t i = 0; i < count && !failed(e); i++) {
        struct buf aliases AUTO(buf_done);
        buf_init(&aliases, TEXT_BYTES_MAX);
        for (size_t k = 0; k < all[i]->aliases.count; k++)
            buf_fmt(&aliases, "%s%.*s", k > 0 ? " " : "", ARG(all[i]->aliases.at[k]));
        e = table_add(&t, all[i]->name);
        if (!failed(e))
            e = table_add(&t, all[i]->disabled ? S("disabled") : origin_of(i, file));
        if (!failed(e))
            e = table_add(&t, buf_str(&aliases));
    }
    if (failed(e))
        return account_fail(c, e);
    table_print(c, &t);
    return CLI_OK;
}

static struct str origin_of(size_t i, size_t file)
{
    return i < file ? S("configuration") : S("directory");
}

const struct command command_domain_list = {
        .run = run,
        CLI_OPTIONS(options),
        .about = "Lists the domains that are ours: those of the configuration, [domain.NAME],\n"
                 "and those of the internal directory. On a terminal a table, else one JSON\n"
                 "object a line.",
        .examples = "  posthaste domain list",
};
