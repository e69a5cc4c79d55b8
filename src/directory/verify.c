// SPDX-License-Identifier: Apache-2.0
// directory/verify.c: VRFY and EXPN (RFC 5321 3.5, inbound.md 4.11). Exact answers only: parts of
// names would give the list of users away.
#include "directory/directory.h"

#include "directory/backend.h"

static struct err resolve_what(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str what, struct resolved *out) suspends;

struct err directories_vrfy(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str what, bool *out_found,
        struct str *out_address)
{
    struct resolved r;
    *out_found = false;
    TRY(resolve_what(d, a, rules, what, &r));
    if (r.kind != RESOLVED_MAILBOX)
        return OK;
    *out_found = true;
    *out_address = r.address;
    return OK;
}

struct err directories_expn(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str what, bool *out_found,
        struct strs *out_members)
{
    struct resolved r;
    struct expansion all;
    *out_found = false;
    TRY(resolve_what(d, a, rules, what, &r));
    if (r.kind != RESOLVED_LIST)
        return OK;
    TRY(directories_expand(d, a, rules, r.account, &all));
    struct str *at = arena_array(a, all.count + 1, struct str);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the members of a list");
    for (size_t i = 0; i < all.count; i++)
        at[i] = all.at[i].address;
    *out_members = (struct strs){at, all.count};
    *out_found = !all.too_many;
    return OK;
}

// An address, a login name, or a local part of the default domain.
static struct err resolve_what(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str what, struct resolved *out)
{
    const struct directory *dir = NULL;
    const struct account *account = NULL;
    struct str address, why;
    *out = (struct resolved){.kind = RESOLVED_UNKNOWN};
    TRY(directory_of(d, rules->directory, &dir));
    if (dir == NULL || str_is_null(rules->directory))
        return OK;
    if (str_find_byte(what, '@') != STR_NOT_FOUND)
        return account_address_normal(a, what, ADDRESS_PLAIN, &address, &why)
                       ? directories_resolve(d, a, rules, address, out)
                       : OK;
    TRY(account_of_login(d, a, dir, what, &account));
    if (account != NULL && !str_is_null(account_email(account)))
        return directories_resolve(d, a, rules, account_email(account), out);
    struct str at_domain = address_join(a, what, dir->default_domain);
    return account_address_normal(a, at_domain, ADDRESS_PLAIN, &address, &why)
                   ? directories_resolve(d, a, rules, address, out)
                   : OK;
}
