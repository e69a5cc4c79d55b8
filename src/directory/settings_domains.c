// SPDX-License-Identifier: Apache-2.0
// directory/settings_domains.c: [domain."NAME"] (directory.md 4). A name leads to its settings, and
// so does each of its aliases.
#include "base/map.h"
#include "conf/conf.h"
#include "directory/memory.h"
#include "directory/settings.h"
#include "mail/address.h"

static struct err read_domain(
        struct directory_reading *r, struct str id, struct domain_setting *d, struct str *names);
static void read_sub_addressing(
        struct directory_reading *r, struct str id, struct domain_setting *d);
static struct err read_aliases(
        struct directory_reading *r, struct str id, struct domain_setting *d);
static bool claim(struct directory_reading *r, struct str key, int element, struct str name,
        struct domain_setting *d);
static void check_catch_all(
        struct directory_reading *r, struct str id, const struct domain_setting *d);
static void check_postmaster(struct directory_reading *r, struct str id);
static bool any_administrator(const struct directory_settings *s);
static struct str item(struct directory_reading *r, struct str id, struct str member);

struct err settings_read_domains(struct directory_reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, S("domain"));
    struct domain_setting *all = arena_array(r->arena, ids.count + 1, struct domain_setting);
    struct str *names = arena_array(r->arena, ids.count + 1, struct str);
    if (all == NULL || names == NULL)
        return fail(ERR_LIMIT, "no memory for the domains");
    r->out->domain_names.at = names;
    for (size_t i = 0; i < ids.count; i++)
        TRY(read_domain(r, ids.at[i], &all[i], names));
    for (size_t i = 0; i < ids.count; i++)
        TRY(read_aliases(r, ids.at[i], &all[i])); // a name wins over somebody's alias
    for (size_t i = 0; i < ids.count; i++) {
        check_catch_all(r, ids.at[i], &all[i]);
        if (!all[i].disabled)
            check_postmaster(r, ids.at[i]);
    }
    return OK;
}

static struct err read_domain(
        struct directory_reading *r, struct str id, struct domain_setting *d, struct str *names)
{
    struct err bad = mail_domain_read(r->arena, id, &d->name);
    if (failed(bad)) {
        conf_error(r->conf, r->findings, item(r, id, S("enabled")), -1, S("bad-name"),
                "\"%.*s\" is no domain: %.*s", ARG(id), ARG(err_text(bad)));
        return OK;
    }
    d->disabled = !conf_bool(r->conf, item(r, id, S("enabled")));
    d->directory = directory_named(r->out, conf_str(r->conf, item(r, id, S("directory"))));
    d->allow_relaying = conf_bool(r->conf, item(r, id, S("allow-relaying")));
    d->role_addresses = conf_bool(r->conf, item(r, id, S("require-role-addresses")));
    struct str catch_all = conf_str(r->conf, item(r, id, S("catch-all"))), why;
    if (!str_is_empty(catch_all) &&
            !account_address_normal(r->arena, catch_all, ADDRESS_PLAIN, &d->catch_all, &why))
        conf_error(r->conf, r->findings, item(r, id, S("catch-all")), -1, S("bad-email"), "%.*s",
                ARG(why));
    read_sub_addressing(r, id, d);
    if (!d->disabled)
        names[r->out->domain_names.count++] = d->name;
    return claim(r, item(r, id, S("enabled")), -1, d->name, d)
                   ? OK
                   : fail(ERR_LIMIT, "no memory for the domains");
}

// true and false are for us, all else for whoever asks about an address.
static void read_sub_addressing(
        struct directory_reading *r, struct str id, struct domain_setting *d)
{
    struct str key = item(r, id, S("sub-addressing"));
    const struct expr_setting *expr = conf_expr(r->conf, key);
    const struct expr_result *constant = expr_constant(expr);
    if (!conf_is_set(r->conf, key))
        return;
    if (constant != NULL && constant->value.type != EXPR_STRING) {
        d->sub_addressing = expr_truth(&constant->value) ? DOMAIN_SUB_ON : DOMAIN_SUB_OFF;
        return;
    }
    d->sub_addressing = DOMAIN_SUB_CUSTOM;
    d->sub_addressing_expr = expr;
}

static struct err read_aliases(struct directory_reading *r, struct str id, struct domain_setting *d)
{
    struct str key = item(r, id, S("aliases"));
    struct conf_list list = conf_list(r->conf, key);
    for (size_t i = 0; !str_is_null(d->name) && i < list.count; i++)
        if (!claim(r, key, (int)i, list.at[i].text, d))
            return fail(ERR_LIMIT, "no memory for the domains");
    return OK;
}

// False: no memory. A name that is taken is a finding.
static bool claim(struct directory_reading *r, struct str key, int element, struct str name,
        struct domain_setting *d)
{
    const struct domain_setting *other = map_get(r->out->domains, name);
    if (other == NULL)
        return map_put(r->out->domains, name, d);
    conf_error(r->conf, r->findings, key, element, S("duplicate"), "%.*s is %s%.*s already",
            ARG(name), str_eq(other->name, name) ? "the domain " : "an alias of ",
            ARG(other->name));
    return true;
}

static void check_catch_all(
        struct directory_reading *r, struct str id, const struct domain_setting *d)
{
    if (str_is_null(d->catch_all))
        return;
    const struct directory *dir = d->directory != NULL ? d->directory : r->out->preset;
    const struct domain_setting *of = map_get(r->out->domains, address_domain(d->catch_all));
    bool ours = of != NULL && !of->disabled && (of->directory == NULL || of->directory == dir);
    if (!ours || dir == NULL || dir->type != DIRECTORY_MEMORY)
        return;
    struct str address = address_join(r->arena, address_local(d->catch_all), of->name);
    if (memory_by_address(dir->memory, address) == NULL)
        conf_warning(r->conf, r->findings, item(r, id, S("catch-all")), -1, S("no-such-user"),
                "nobody in the directory '%.*s' has the address %.*s", ARG(dir->id), ARG(address));
}

// directory.md 4: RFC 5321 4.5.1 wants postmaster to arrive.
static void check_postmaster(struct directory_reading *r, struct str id)
{
    const struct directory_settings *s = r->out;
    const struct domain_setting *d = map_get(s->domains, id);
    const struct directory *dir = d != NULL && d->directory != NULL ? d->directory : s->preset;
    if (!str_is_empty(s->postmaster) || d == NULL || dir == NULL || dir->type != DIRECTORY_MEMORY)
        return; // what the internal directory holds may change while we run
    struct str address = arena_join(r->arena, S("postmaster@"), d->name);
    if (memory_by_address(dir->memory, address) == NULL && !any_administrator(s))
        conf_warning(r->conf, r->findings, item(r, id, S("enabled")), -1, S("no-postmaster"),
                "nobody gets the mail to %.*s (RFC 5321 4.5.1); give somebody the address, make "
                "somebody an administrator, or set report.postmaster",
                ARG(address));
}

static bool any_administrator(const struct directory_settings *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct directory *d = &s->all[i];
        if (d->type == DIRECTORY_INTERNAL || (d->memory != NULL && d->memory->admin != NULL))
            return true;
    }
    return false;
}

static struct str item(struct directory_reading *r, struct str id, struct str member)
{
    return conf_item(r->conf, S("domain"), id, member);
}
