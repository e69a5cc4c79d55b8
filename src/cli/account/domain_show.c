// SPDX-License-Identifier: Apache-2.0
// cli/account/domain_show.c: `posthaste domain show`.
#include "cli/account/account_print.h"
#include "cli/account/domain_find.h"
#include "cli/commands.h"

#include "base/map.h"
#include "mail/address.h"

#define TEXT_BYTES_MAX (4 * MIB)

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};

static int show(struct account_work *w);
static struct err find(
        struct account_work *w, const struct internal_domain **out, struct str *out_origin);

static int run(struct cli *c)
{
    return account_work_run(c, INTERNAL_LOOK, show);
}

static int show(struct account_work *w)
{
    struct cli *c = w->c;
    const struct internal_domain *domain = NULL;
    struct str origin;
    struct err e = find(w, &domain, &origin);
    if (failed(e))
        return account_fail(c, e);
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        domain_json(&o, domain, origin);
        return cli_json_end(c, CLI_OK);
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    domain_text(&text, domain, origin);
    cli_print(c, buf_str(&text));
    return CLI_OK;
}

static struct err find(
        struct account_work *w, const struct internal_domain **out, struct str *out_origin)
{
    struct arena *a = &w->c->arena;
    struct str name;
    TRY(mail_domain_read(a, w->c->operands[0], &name));
    const struct domain_setting *of_file = map_get(w->settings->domains, name);
    *out_origin = of_file != NULL ? S("configuration") : S("directory");
    if (of_file != NULL)
        return domain_of_configuration(w, of_file->name, out);
    if (w->internal != NULL)
        TRY(internal_domain(w->internal, a, name, out));
    return *out != NULL ? OK : fail_fmt(a, ERR_NOT_FOUND, "there is no domain %.*s", ARG(name));
}

struct err domain_of_configuration(
        struct account_work *w, struct str name, const struct internal_domain **out)
{
    struct arena *a = &w->c->arena;
    const struct domain_setting *d = map_get(w->settings->domains, name);
    struct internal_domain *domain = arena_make(a, struct internal_domain);
    struct str *aliases = arena_array(a, map_count(w->settings->domains), struct str);
    struct str key;
    void *value;
    if (domain == NULL || aliases == NULL)
        return fail(ERR_LIMIT, "no memory for a domain");
    *domain = (struct internal_domain){.name = d->name,
            .description =
                    conf_str(w->conf, conf_item(w->conf, S("domain"), d->name, S("description"))),
            .catch_all = d->catch_all,
            .disabled = d->disabled,
            .allow_relaying = d->allow_relaying,
            .no_sub_addressing = d->sub_addressing == DOMAIN_SUB_OFF,
            .aliases = {aliases, 0}};
    for (size_t i = 0; map_next(w->settings->domains, &i, &key, &value);)
        if (value == d && !str_eq(key, d->name))
            aliases[domain->aliases.count++] = key;
    *out = domain;
    return OK;
}

const struct command command_domain_show = {
        .run = run,
        CLI_ONE_OPERAND("DOMAIN"),
        CLI_OPTIONS(options),
        .about = "Shows what is known of a domain, by its name or an alias.",
        .examples = "  posthaste domain show example.org",
};
