// SPDX-License-Identifier: Apache-2.0
// directory/internal_domain.c: domains that commands and the API have made. Those of the
// configuration win (directory.md 4), so one of the same name is refused here.
#include "directory/internal_lmdb.h"

#include "base/map.h"
#include "conf/types.h"
#include "mail/address.h"

#define ALIASES_MAX 1000

struct domain_changing {
    struct lmdb_txn *t;
    const struct change *change;
    struct internal_domain domain;
    struct str *aliases; // being made, ALIASES_MAX
};

static struct err begin(struct domain_changing *c, struct str name);
static struct err edit(struct domain_changing *c, const struct edit *e);
static struct err edit_alias(struct domain_changing *c, const struct edit *e);
static struct err edit_flag(struct domain_changing *c, const struct edit *e, bool when, bool *out);
static struct err check_free(struct domain_changing *c, struct str name);
static struct err write_domain(struct domain_changing *c);
static struct err count_addresses(struct lmdb_txn *t, struct str name, size_t *out);

struct err internal_domain_change(struct internal *in, struct arena *a, const struct change *change)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct domain_changing c = {.t = &t, .change = change};
    struct str name;
    struct err bad = mail_domain_read(a, str_trim(change->name), &name);
    if (failed(bad))
        return fail_fmt(a, ERR_SYNTAX, "'%.*s' is no domain: %.*s",
                ARG(str_upto(change->name, 100)), ARG(err_text(bad)));
    c.aliases = arena_array(a, ALIASES_MAX, struct str);
    if (c.aliases == NULL)
        return fail(ERR_LIMIT, "no memory for a domain");
    TRY(lmdb_txn_begin(&in->store, a, LMDB_CHANGE, &t));
    TRY(begin(&c, name));
    for (size_t i = 0; i < change->count; i++)
        TRY(edit(&c, &change->edits[i]));
    TRY(write_domain(&c));
    return lmdb_txn_commit(&t);
}

static struct err begin(struct domain_changing *c, struct str name)
{
    struct internal_domain *before = NULL;
    TRY(txn_domain(c->t, name, &before));
    if (c->change->apply == APPLY_CREATE) {
        TRY(check_free(c, name));
        c->domain = (struct internal_domain){.name = name, .created_at_ms = c->change->wall_ms};
        return OK;
    }
    if (before == NULL || !str_eq(before->name, name))
        return fail_fmt(c->t->arena, ERR_NOT_FOUND, "there is no domain %.*s", ARG(name));
    c->domain = *before;
    c->domain.aliases.count = 0;
    for (size_t i = 0; i < before->aliases.count && i < ALIASES_MAX; i++) {
        TRY(lmdb_remove(c->t, DB_ALIAS, before->aliases.at[i]));
        c->aliases[c->domain.aliases.count++] = before->aliases.at[i];
    }
    return OK;
}

static struct err edit(struct domain_changing *c, const struct edit *e)
{
    struct str why;
    if (e->field == EDIT_DESCRIPTION) {
        c->domain.description = str_is_empty(e->value) ? STR_NULL : e->value;
        return OK;
    }
    if (e->field == EDIT_CATCH_ALL) {
        c->domain.catch_all = STR_NULL;
        if (str_is_empty(e->value) || account_address_normal(c->t->arena, e->value, ADDRESS_PLAIN,
                                              &c->domain.catch_all, &why))
            return OK;
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no address: %.*s",
                ARG(str_upto(e->value, 100)), ARG(why));
    }
    if (e->field == EDIT_ALIAS)
        return edit_alias(c, e);
    if (e->field == EDIT_ENABLED)
        return edit_flag(c, e, false, &c->domain.disabled);
    if (e->field == EDIT_RELAYING)
        return edit_flag(c, e, true, &c->domain.allow_relaying);
    if (e->field == EDIT_SUB_ADDRESSING)
        return edit_flag(c, e, false, &c->domain.no_sub_addressing);
    return fail(ERR_UNSUPPORTED, "domains do not have that");
}

static struct err edit_alias(struct domain_changing *c, const struct edit *e)
{
    struct str name;
    size_t at = 0, *count = &c->domain.aliases.count;
    struct err bad = mail_domain_read(c->t->arena, str_trim(e->value), &name);
    if (failed(bad))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no domain: %.*s",
                ARG(str_upto(e->value, 100)), ARG(err_text(bad)));
    while (at < *count && !str_eq(c->aliases[at], name))
        at++;
    if (e->action == EDIT_REMOVE && at < *count)
        c->aliases[at] = c->aliases[--*count];
    if (e->action == EDIT_REMOVE || at < *count)
        return OK;
    TRY(check_free(c, name));
    if (*count == ALIASES_MAX)
        return fail(ERR_LIMIT, "a domain has at most 1000 aliases");
    c->aliases[(*count)++] = name;
    return OK;
}

static struct err edit_flag(struct domain_changing *c, const struct edit *e, bool when, bool *out)
{
    bool yes;
    if (!value_boolean(e->value, &yes))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is neither true nor false",
                ARG(str_upto(e->value, 100)));
    *out = yes == when;
    return OK;
}

static struct err check_free(struct domain_changing *c, struct str name)
{
    const struct domain_setting *of_file = map_get(c->change->settings->domains, name);
    struct internal_domain *other = NULL;
    if (of_file != NULL)
        return fail_fmt(c->t->arena, ERR_EXISTS,
                "%.*s is in the configuration, [domain.\"%.*s\"], which wins", ARG(name),
                ARG(of_file->name));
    TRY(txn_domain(c->t, name, &other));
    if (other == NULL)
        return OK;
    return fail_fmt(c->t->arena, ERR_EXISTS,
            str_eq(other->name, name) ? "there is a domain %.*s already"
                                      : "%.*s is an alias of another domain already",
            ARG(name));
}

static struct err write_domain(struct domain_changing *c)
{
    struct buf record AUTO(buf_done);
    struct internal_domain *domain = &c->domain;
    domain->aliases.at = c->aliases;
    buf_init(&record, ACCOUNT_RECORD_BYTES_MAX);
    domain_encode(&record, domain);
    if (record.overflow)
        return fail(ERR_LIMIT, "a domain has no room for so much");
    for (size_t i = 0; i < domain->aliases.count; i++)
        TRY(lmdb_put(c->t, DB_ALIAS, domain->aliases.at[i], domain->name));
    return lmdb_put(c->t, DB_DOMAIN, domain->name, buf_str(&record));
}

struct err internal_domain_remove(struct internal *in, struct arena *a, struct str written)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct internal_domain *domain = NULL;
    struct str name = STR_NULL;
    size_t used = 0;
    TRY(lmdb_txn_begin(&in->store, a, LMDB_CHANGE, &t));
    if (!failed(mail_domain_read(a, str_trim(written), &name)))
        TRY(txn_domain(&t, name, &domain));
    if (domain == NULL || !str_eq(domain->name, name))
        return fail_fmt(a, ERR_NOT_FOUND, "there is no domain '%.*s'", ARG(str_upto(written, 100)));
    TRY(count_addresses(&t, name, &used));
    if (used > 0)
        return fail_fmt(a, ERR_REFUSED, "%zu address%s in %.*s: delete or change %s accounts first",
                used, used == 1 ? " is" : "es are", ARG(name), used == 1 ? "its" : "their");
    for (size_t i = 0; i < domain->aliases.count; i++)
        TRY(lmdb_remove(&t, DB_ALIAS, domain->aliases.at[i]));
    TRY(lmdb_remove(&t, DB_DOMAIN, name));
    return lmdb_txn_commit(&t);
}

static struct err count_addresses(struct lmdb_txn *t, struct str name, size_t *out)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    TRY(lmdb_cursor(t, DB_ADDRESS, &cursor));
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT))
        *out += str_eq(address_domain(lmdb_str(&k)), name);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? OK : lmdb_txn_trouble(t, rc, "reading");
}
