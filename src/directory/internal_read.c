// SPDX-License-Identifier: Apache-2.0
// directory/internal_read.c: the questions. Each has a transaction of its own, so it sees one state
// of the directory, that of the last commit of any process.
#include "directory/internal_lmdb.h"

#include "base/unicode.h"

static struct err account_by(struct internal *in, struct arena *a, enum internal_db db,
        struct str key, const struct account **out);
static struct err names_of(struct lmdb_txn *t, const struct ids *ids, struct strs *out);
static bool wanted(const struct account_page *page, const struct account *account);
static bool has_part(struct str text, struct str part);

struct err internal_by_name(
        struct internal *in, struct arena *a, struct str name, const struct account **out)
{
    return account_by(in, a, DB_NAME, name, out);
}

struct err internal_by_address(
        struct internal *in, struct arena *a, struct str address, const struct account **out)
{
    return account_by(in, a, DB_ADDRESS, address, out);
}

static struct err account_by(struct internal *in, struct arena *a, enum internal_db db,
        struct str key, const struct account **out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct account *account = NULL;
    uint32_t id = 0;
    TRY(lmdb_txn_begin(&in->store, a, LMDB_READ, &t));
    TRY(txn_id_of(&t, db, key, &id));
    if (id != 0)
        TRY(txn_account(&t, id, &account));
    if (account != NULL)
        TRY(txn_owners(&t, account));
    *out = account;
    return OK;
}

struct err txn_id_of(struct lmdb_txn *t, enum internal_db db, struct str key, uint32_t *out)
{
    struct str value;
    TRY(lmdb_get(t, db, key, &value));
    *out = number_of(value);
    return OK;
}

struct err txn_account(struct lmdb_txn *t, uint32_t id, struct account **out)
{
    struct number_key key = key_number(id);
    struct str record;
    TRY(lmdb_get(t, DB_ACCOUNT, key_one(&key), &record));
    if (str_is_null(record))
        return OK;
    struct account *account = arena_make(t->arena, struct account);
    if (account == NULL)
        return fail(ERR_LIMIT, "no memory for an account");
    struct err e = account_decode(t->arena, record, account);
    if (failed(e))
        return fail_fmt(t->arena, e.kind == ERR_SYNTAX ? ERR_IO : e.kind,
                "the record of account %u cannot be read: %.*s", id, ARG(err_text(e)));
    account->directory = internal_of(t)->id;
    *out = account;
    return OK;
}

// Groups and lists by name: those they belong to are few.
struct err txn_owners(struct lmdb_txn *t, struct account *account)
{
    struct ids ids = {0};
    TRY(txn_seconds(t, DB_OWNER, account->id, &ids));
    struct str *groups = arena_array(t->arena, ids.count + 1, struct str);
    struct str *lists = arena_array(t->arena, ids.count + 1, struct str);
    if (groups == NULL || lists == NULL)
        return fail(ERR_LIMIT, "no memory for an account's groups");
    account->groups = (struct strs){groups, 0};
    account->lists = (struct strs){lists, 0};
    for (size_t i = 0; i < ids.count; i++) {
        struct account *owner = NULL;
        TRY(txn_account(t, ids.at[i], &owner));
        if (owner != NULL && owner->type == ACCOUNT_LIST)
            lists[account->lists.count++] = owner->name;
        else if (owner != NULL)
            groups[account->groups.count++] = owner->name;
    }
    return OK;
}

struct err internal_members(
        struct internal *in, struct arena *a, struct str owner, struct strs *out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct ids ids = {0};
    uint32_t id = 0;
    *out = (struct strs){0};
    TRY(lmdb_txn_begin(&in->store, a, LMDB_READ, &t));
    TRY(txn_id_of(&t, DB_NAME, owner, &id));
    if (id == 0)
        return OK;
    TRY(txn_seconds(&t, DB_MEMBER, id, &ids));
    return names_of(&t, &ids, out);
}

static struct err names_of(struct lmdb_txn *t, const struct ids *ids, struct strs *out)
{
    struct str *at = arena_array(t->arena, ids->count + 1, struct str);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the members");
    out->at = at;
    for (size_t i = 0; i < ids->count; i++) {
        struct account *member = NULL;
        TRY(txn_account(t, ids->at[i], &member));
        if (member != NULL)
            at[out->count++] = member->name;
    }
    return OK;
}

struct err internal_first_admin(struct internal *in, struct arena *a, const struct account **out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct ids ids = {0};
    *out = NULL;
    TRY(lmdb_txn_begin(&in->store, a, LMDB_READ, &t));
    TRY(txn_seconds(&t, DB_ADMIN, 0, &ids));
    for (size_t i = 0; i < ids.count && *out == NULL; i++) {
        struct account *admin = NULL;
        TRY(txn_account(&t, ids.at[i], &admin));
        if (admin != NULL && !str_is_null(account_email(admin)))
            *out = admin;
    }
    return OK;
}

// -- Domains --------------------------------------------------------------------------------------

struct err txn_domain(struct lmdb_txn *t, struct str name, struct internal_domain **out)
{
    struct str record, of;
    TRY(lmdb_get(t, DB_DOMAIN, name, &record));
    if (str_is_null(record)) {
        TRY(lmdb_get(t, DB_ALIAS, name, &of));
        if (!str_is_empty(of))
            TRY(lmdb_get(t, DB_DOMAIN, of, &record));
    }
    if (str_is_null(record))
        return OK;
    struct internal_domain *domain = arena_make(t->arena, struct internal_domain);
    if (domain == NULL)
        return fail(ERR_LIMIT, "no memory for a domain");
    struct err e = domain_decode(t->arena, record, domain);
    if (failed(e))
        return fail_fmt(t->arena, e.kind == ERR_SYNTAX ? ERR_IO : e.kind,
                "the record of domain %.*s cannot be read: %.*s", ARG(name), ARG(err_text(e)));
    *out = domain;
    return OK;
}

struct err internal_domain(struct internal *in, struct arena *a, struct str name_or_alias,
        const struct internal_domain **out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct internal_domain *domain = NULL;
    TRY(lmdb_txn_begin(&in->store, a, LMDB_READ, &t));
    TRY(txn_domain(&t, name_or_alias, &domain));
    *out = domain;
    return OK;
}

// -- Lists ----------------------------------------------------------------------------------------

struct err internal_accounts(struct internal *in, struct arena *a, const struct account_page *page,
        const struct account ***out, size_t *out_count)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    MDB_cursor *cursor;
    MDB_val k = lmdb_val(page->after), v;
    VEC(const struct account *) found = {0};
    TRY(lmdb_txn_begin(&in->store, a, LMDB_READ, &t));
    TRY(lmdb_cursor(&t, DB_NAME, &cursor));
    struct err e = OK;
    int rc = mdb_cursor_get(cursor, &k, &v, page->after.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
    for (; rc == 0 && !failed(e) && found.count < page->count_max;
            rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct account *account = NULL;
        uint32_t id = number_of(lmdb_str(&v));
        if (str_eq(lmdb_str(&k), page->after))
            continue;
        struct err bad = txn_account(&t, id, &account);
        if (failed(bad) && bad.kind == ERR_IO) {
            account = arena_make(a, struct account);
            if (account != NULL)
                account->id = id; // a damaged one is listed by its number
        } else {
            e = bad;
        }
        if (account == NULL || (!str_is_null(account->name) && !wanted(page, account)))
            continue;
        const struct account **added = vec_add(a, &found);
        if (added == NULL)
            e = fail(ERR_LIMIT, "no memory for so many accounts");
        else
            *added = account;
    }
    mdb_cursor_close(cursor);
    for (size_t i = 0; !failed(e) && i < found.count; i++)
        e = txn_owners(&t, (struct account *)(uintptr_t)found.at[i]);
    if (!failed(e) && rc != 0 && rc != MDB_NOTFOUND)
        e = lmdb_txn_trouble(&t, rc, "reading");
    *out = found.at;
    *out_count = found.count;
    return e;
}

static bool wanted(const struct account_page *page, const struct account *account)
{
    if (page->by_type && account->type != page->type)
        return false;
    bool found = page->filter.len == 0 || has_part(account->name, page->filter) ||
                 has_part(account->description, page->filter);
    for (size_t i = 0; !found && i < account->emails.count; i++)
        found = has_part(account->emails.at[i], page->filter);
    return found;
}

static bool has_part(struct str text, struct str part)
{
    struct buf lower AUTO(buf_done);
    buf_init(&lower, ACCOUNT_RECORD_BYTES_MAX);
    unicode_add_lower(&lower, text);
    return str_contains(buf_str(&lower), part);
}

struct err internal_domains(struct internal *in, struct arena *a,
        const struct internal_domain ***out, size_t *out_count)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    MDB_cursor *cursor;
    MDB_val k, v;
    VEC(const struct internal_domain *) found = {0};
    TRY(lmdb_txn_begin(&in->store, a, LMDB_READ, &t));
    TRY(lmdb_cursor(&t, DB_DOMAIN, &cursor));
    struct err e = OK;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    for (; rc == 0 && !failed(e); rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
        struct internal_domain *domain = NULL;
        const struct internal_domain **added = vec_add(a, &found);
        e = added == NULL ? fail(ERR_LIMIT, "no memory for so many domains")
                          : txn_domain(&t, lmdb_str(&k), &domain);
        if (added != NULL)
            *added = domain;
    }
    mdb_cursor_close(cursor);
    *out = found.at;
    *out_count = found.count;
    return e;
}
