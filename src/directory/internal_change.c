// SPDX-License-Identifier: Apache-2.0
// directory/internal_change.c: one change of one account. The edits are made on a draft, the draft
// is checked as a whole, and its record and all that leads to it are written in one transaction.
#include "directory/internal_lmdb.h"

#include "base/date.h"
#include "base/ip.h"
#include "base/map.h"
#include "conf/types.h"
#include "directory/totp.h"
#include "mail/address.h"

#define MEMBERSHIP_STEPS_MAX 10000 // accounts looked at to see whether a group contains itself

struct draft {
    struct account account;
    struct names_draft {
        struct str *at;
        size_t count, cap;
    } emails, external_members, roles, secrets, login_networks, groups, lists;
    struct ids members_added, members_removed;
};

struct changing {
    struct lmdb_txn *t;
    const struct change *change;
    const struct account *before; // NULL: it is being made
    struct draft draft;
};

static struct err change(struct changing *c);
static struct err begin_new(struct changing *c, struct str name);
static struct err begin_old(struct changing *c, struct str name);
static struct err fill(struct changing *c, struct names_draft *draft, const struct strs *from);
static struct err edit(struct changing *c, const struct edit *e);
static struct err edit_flag(struct changing *c, const struct edit *e, bool *out);
static struct err edit_secret(struct changing *c, const struct edit *e);
static struct err edit_address(struct changing *c, const struct edit *e);
static struct err edit_owner_address(struct changing *c, struct str value);
static struct err edit_relation(struct changing *c, const struct edit *e);
static struct err edit_member(struct changing *c, const struct edit *e);
static struct err edit_network(struct changing *c, const struct edit *e);
static struct err edit_names(
        struct changing *c, struct names_draft *names, enum edit_action action, struct str value);
static struct err find_account(
        struct changing *c, struct str written, struct account **out) MUST_USE;
static struct err check_domain(struct changing *c, struct str address);
static struct err write_account(struct changing *c);
static struct err write_addresses(struct changing *c);
static struct err write_owners(struct changing *c);
static struct err write_members(struct changing *c);
static struct err write_link(
        struct lmdb_txn *t, uint32_t member, uint32_t owner, enum edit_action action);
static struct err check_circle(struct changing *c, uint32_t member, uint32_t owner);
static struct err next_id(struct lmdb_txn *t, uint32_t *out);
static struct strs strs_from(const struct names_draft *names);
static struct err no_memory(void);

struct err internal_account_change(struct internal *in, struct arena *a,
        const struct change *wanted, const struct account **out)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct changing *c = arena_make(a, struct changing);
    struct account *made = arena_make(a, struct account);
    if (c == NULL || made == NULL)
        return no_memory();
    TRY(lmdb_txn_begin(&in->store, a, LMDB_CHANGE, &t));
    *c = (struct changing){.t = &t, .change = wanted};
    TRY(change(c));
    *made = c->draft.account;
    TRY(lmdb_txn_commit(&t));
    *out = made;
    return OK;
}

static struct err change(struct changing *c)
{
    struct str name, why;
    if (!account_name_normal(c->t->arena, c->change->name, &name, &why))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no name of an account: %.*s",
                ARG(str_upto(c->change->name, 100)), ARG(why));
    TRY(c->change->apply == APPLY_CREATE ? begin_new(c, name) : begin_old(c, name));
    for (size_t i = 0; i < c->change->count; i++)
        TRY(edit(c, &c->change->edits[i]));
    struct draft *d = &c->draft;
    d->account.emails = strs_from(&d->emails);
    d->account.external_members = strs_from(&d->external_members);
    d->account.roles = strs_from(&d->roles);
    d->account.secrets = strs_from(&d->secrets);
    d->account.login_networks = strs_from(&d->login_networks);
    d->account.groups = strs_from(&d->groups);
    d->account.lists = strs_from(&d->lists);
    return write_account(c);
}

static struct err begin_new(struct changing *c, struct str name)
{
    uint32_t id = 0, taken = 0;
    TRY(txn_id_of(c->t, DB_NAME, name, &taken));
    if (taken != 0)
        return fail_fmt(c->t->arena, ERR_EXISTS, "there is an account '%.*s' already", ARG(name));
    TRY(next_id(c->t, &id));
    c->draft.account = (struct account){.id = id,
            .type = c->change->type,
            .directory = internal_of(c->t)->id,
            .name = name,
            .created_at_ms = c->change->wall_ms};
    return OK;
}

static struct err begin_old(struct changing *c, struct str name)
{
    struct account *before = NULL;
    uint32_t id = 0;
    struct draft *d = &c->draft;
    TRY(txn_id_of(c->t, DB_NAME, name, &id));
    if (id != 0)
        TRY(txn_account(c->t, id, &before));
    if (before == NULL)
        return fail_fmt(c->t->arena, ERR_NOT_FOUND, "there is no account '%.*s'", ARG(name));
    TRY(txn_owners(c->t, before));
    c->before = before;
    d->account = *before;
    TRY(fill(c, &d->emails, &before->emails));
    TRY(fill(c, &d->external_members, &before->external_members));
    TRY(fill(c, &d->roles, &before->roles));
    TRY(fill(c, &d->secrets, &before->secrets));
    TRY(fill(c, &d->login_networks, &before->login_networks));
    TRY(fill(c, &d->groups, &before->groups));
    return fill(c, &d->lists, &before->lists);
}

static struct err fill(struct changing *c, struct names_draft *draft, const struct strs *from)
{
    for (size_t i = 0; i < from->count; i++)
        TRY(edit_names(c, draft, EDIT_ADD, from->at[i]));
    return OK;
}

// -- Edits ----------------------------------------------------------------------------------------

static struct err edit(struct changing *c, const struct edit *e)
{
    struct account *account = &c->draft.account;
    int64_t number = 0;
    switch (e->field) {
    case EDIT_DESCRIPTION:
        account->description = str_is_empty(e->value) ? STR_NULL : e->value;
        return OK;
    case EDIT_QUOTA:
        if (!value_size(e->value, &number))
            return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no size such as 500mb or 2gb",
                    ARG(str_upto(e->value, 100)));
        account->quota_bytes = (uint64_t)number;
        return OK;
    case EDIT_ENABLED:
        TRY(edit_flag(c, e, &account->disabled));
        return OK;
    case EDIT_RECEIVES:
        return edit_flag(c, e, &account->disabled_refuses);
    case EDIT_EXPIRES:
        if (!str_is_empty(e->value) && !date_parse_rfc3339(e->value, &number))
            return fail_fmt(c->t->arena, ERR_SYNTAX,
                    "'%.*s' is no time such as 2027-01-31T00:00:00Z", ARG(str_upto(e->value, 100)));
        account->expires_at_ms = number;
        return OK;
    case EDIT_SECRET:
        return edit_secret(c, e);
    case EDIT_EMAIL:
    case EDIT_EXTERNAL_MEMBER:
        return edit_address(c, e);
    case EDIT_OWNER:
        return edit_owner_address(c, e->value);
    case EDIT_GROUP:
    case EDIT_LIST:
        return edit_relation(c, e);
    case EDIT_MEMBER:
        return edit_member(c, e);
    case EDIT_ROLE:
        return edit_names(c, &c->draft.roles, e->action, e->value);
    case EDIT_LOGIN_NETWORK:
        return edit_network(c, e);
    case EDIT_ALIAS:
    case EDIT_CATCH_ALL:
    case EDIT_RELAYING:
    case EDIT_SUB_ADDRESSING:
        break;
    }
    return fail(ERR_UNSUPPORTED, "that is a property of domains");
}

// The record says what is unusual.
static struct err edit_flag(struct changing *c, const struct edit *e, bool *out)
{
    bool yes;
    if (!value_boolean(e->value, &yes))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is neither true nor false",
                ARG(str_upto(e->value, 100)));
    *out = !yes;
    return OK;
}

// A new password takes the place of all others, and leaves the second factor alone.
static struct err edit_secret(struct changing *c, const struct edit *e)
{
    struct names_draft *secrets = &c->draft.secrets;
    size_t kept = 0;
    for (size_t i = 0; e->action == EDIT_SET && i < secrets->count; i++)
        if (secret_is_totp(secrets->at[i]))
            secrets->at[kept++] = secrets->at[i];
    if (e->action == EDIT_SET)
        secrets->count = kept;
    if (e->action == EDIT_SET && str_is_empty(e->value))
        return OK;
    return edit_names(c, secrets, e->action == EDIT_SET ? EDIT_ADD : e->action, e->value);
}

static struct err edit_address(struct changing *c, const struct edit *e)
{
    bool own = e->field == EDIT_EMAIL;
    struct names_draft *names = own ? &c->draft.emails : &c->draft.external_members;
    struct str address, why;
    if (!own && c->draft.account.type != ACCOUNT_LIST)
        return fail_fmt(c->t->arena, ERR_SYNTAX,
                "'%.*s' is no list: only lists have members "
                "elsewhere",
                ARG(c->draft.account.name));
    if (!account_address_normal(
                c->t->arena, e->value, own ? ADDRESS_OR_CATCH_ALL : ADDRESS_PLAIN, &address, &why))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no address: %.*s",
                ARG(str_upto(e->value, 100)), ARG(why));
    if (e->action == EDIT_REMOVE && !strs_have(&(struct strs){names->at, names->count}, address))
        return fail_fmt(c->t->arena, ERR_NOT_FOUND, "'%.*s' has no address %.*s",
                ARG(c->draft.account.name), ARG(address));
    if (own && e->action != EDIT_REMOVE)
        TRY(check_domain(c, address));
    return edit_names(c, names, e->action, address);
}

static struct err edit_owner_address(struct changing *c, struct str value)
{
    struct str why, address = STR_NULL;
    if (c->draft.account.type != ACCOUNT_LIST)
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no list: only lists have an owner",
                ARG(c->draft.account.name));
    if (!str_is_empty(value) &&
            !account_address_normal(c->t->arena, value, ADDRESS_PLAIN, &address, &why))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no address: %.*s",
                ARG(str_upto(value, 100)), ARG(why));
    c->draft.account.owner = address;
    return OK;
}

static struct err edit_relation(struct changing *c, const struct edit *e)
{
    bool group = e->field == EDIT_GROUP;
    struct names_draft *names = group ? &c->draft.groups : &c->draft.lists;
    struct account *owner = NULL;
    TRY(find_account(c, e->value, &owner));
    if (owner->type != (group ? ACCOUNT_GROUP : ACCOUNT_LIST))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is no %s", ARG(owner->name),
                group ? "group" : "list");
    if (e->action != EDIT_REMOVE)
        TRY(check_circle(c, c->draft.account.id, owner->id));
    return edit_names(c, names, e->action, owner->name);
}

static struct err edit_member(struct changing *c, const struct edit *e)
{
    struct account *member = NULL;
    enum account_type type = c->draft.account.type;
    if (type != ACCOUNT_GROUP && type != ACCOUNT_LIST)
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is neither group nor list",
                ARG(c->draft.account.name));
    TRY(find_account(c, e->value, &member));
    bool remove = e->action == EDIT_REMOVE;
    if (!remove)
        TRY(check_circle(c, member->id, c->draft.account.id));
    uint32_t *added =
            vec_add(c->t->arena, remove ? &c->draft.members_removed : &c->draft.members_added);
    if (added == NULL)
        return no_memory();
    *added = member->id;
    return OK;
}

static struct err edit_network(struct changing *c, const struct edit *e)
{
    struct ip_net net;
    bool cleared;
    if (!ip_net_parse(str_trim(e->value), &net, &cleared))
        return fail_fmt(c->t->arena, ERR_SYNTAX, "'%.*s' is neither an address nor a network",
                ARG(str_upto(e->value, 100)));
    return edit_names(c, &c->draft.login_networks, e->action, str_trim(e->value));
}

static struct err edit_names(
        struct changing *c, struct names_draft *names, enum edit_action action, struct str value)
{
    size_t at = 0;
    if (action == EDIT_SET)
        names->count = 0;
    while (at < names->count && !str_eq(names->at[at], value))
        at++;
    if (action == EDIT_REMOVE && at < names->count) {
        for (; at + 1 < names->count; at++)
            names->at[at] = names->at[at + 1];
        names->count--;
    }
    if (action == EDIT_REMOVE || at < names->count || (action == EDIT_SET && value.len == 0))
        return OK;
    if (names->count >= ACCOUNT_VALUES_MAX)
        return fail(ERR_LIMIT, "an account has no room for so many values");
    struct str *added = vec_add(c->t->arena, names);
    if (added == NULL)
        return no_memory();
    *added = value;
    return OK;
}

static struct err find_account(struct changing *c, struct str written, struct account **out)
{
    struct str name, why;
    uint32_t id = 0;
    if (account_name_normal(c->t->arena, written, &name, &why)) {
        TRY(txn_id_of(c->t, DB_NAME, name, &id));
        if (id == 0)
            TRY(txn_id_of(c->t, DB_ADDRESS, name, &id));
    }
    if (id != 0)
        TRY(txn_account(c->t, id, out));
    return *out != NULL ? OK
                        : fail_fmt(c->t->arena, ERR_NOT_FOUND,
                                  "there is no account, group or list '%.*s'",
                                  ARG(str_upto(written, 100)));
}

static struct err check_domain(struct changing *c, struct str address)
{
    struct str name = address_domain(address);
    const struct domain_setting *of_file = map_get(c->change->settings->domains, name);
    struct internal_domain *domain = NULL;
    struct str main = name;
    if (of_file != NULL) {
        main = of_file->name;
    } else {
        TRY(txn_domain(c->t, name, &domain));
        if (domain == NULL)
            return fail_fmt(c->t->arena, ERR_NOT_FOUND,
                    "the domain %.*s is not ours: make it by 'posthaste domain create %.*s', or "
                    "in the configuration by [domain.\"%.*s\"]",
                    ARG(name), ARG(name), ARG(name));
        main = domain->name;
    }
    return str_eq(main, name) ? OK
                              : fail_fmt(c->t->arena, ERR_REFUSED,
                                        "%.*s is an alias of %.*s: addresses are those of "
                                        "%.*s, and hold in its aliases as well",
                                        ARG(name), ARG(main), ARG(main));
}

// -- Writing --------------------------------------------------------------------------------------

static struct err write_account(struct changing *c)
{
    struct account *account = &c->draft.account;
    struct number_key key = key_number(account->id), admin = key_pair(0, account->id);
    struct number_key id = key_number(account->id);
    struct buf record AUTO(buf_done);
    account->revision = mdb_txn_id(c->t->txn);
    buf_init(&record, ACCOUNT_RECORD_BYTES_MAX);
    account_encode(&record, account);
    if (record.overflow)
        return fail_fmt(
                c->t->arena, ERR_LIMIT, "'%.*s' would be larger than 100 KiB", ARG(account->name));
    TRY(write_addresses(c));
    TRY(lmdb_put(c->t, DB_NAME, account->name, key_one(&id)));
    TRY(lmdb_put(c->t, DB_ACCOUNT, key_one(&key), buf_str(&record)));
    if (account_is_admin(account))
        TRY(lmdb_put(c->t, DB_ADMIN, key_two(&admin), S("")));
    else
        TRY(lmdb_remove(c->t, DB_ADMIN, key_two(&admin)));
    TRY(write_owners(c));
    return write_members(c);
}

static struct err write_addresses(struct changing *c)
{
    const struct strs *now = &c->draft.account.emails;
    struct number_key id = key_number(c->draft.account.id);
    for (size_t i = 0; c->before != NULL && i < c->before->emails.count; i++)
        TRY(lmdb_remove(c->t, DB_ADDRESS, c->before->emails.at[i]));
    for (size_t i = 0; i < now->count; i++) {
        uint32_t other = 0;
        struct account *who = NULL;
        TRY(txn_id_of(c->t, DB_ADDRESS, now->at[i], &other));
        if (other != 0)
            TRY(txn_account(c->t, other, &who));
        if (other != 0)
            return fail_fmt(c->t->arena, ERR_EXISTS, "%.*s belongs to '%.*s' already",
                    ARG(now->at[i]), ARG(who != NULL ? who->name : S("?")));
        TRY(lmdb_put(c->t, DB_ADDRESS, now->at[i], key_one(&id)));
    }
    return OK;
}

static struct err write_owners(struct changing *c)
{
    const struct account *account = &c->draft.account;
    const struct strs *all[] = {&account->groups, &account->lists};
    struct ids before = {0};
    TRY(txn_seconds(c->t, DB_OWNER, account->id, &before));
    for (size_t i = 0; i < before.count; i++)
        TRY(write_link(c->t, account->id, before.at[i], EDIT_REMOVE));
    for (size_t k = 0; k < COUNT_OF(all); k++)
        for (size_t i = 0; i < all[k]->count; i++) {
            uint32_t owner = 0;
            TRY(txn_id_of(c->t, DB_NAME, all[k]->at[i], &owner));
            if (owner != 0)
                TRY(write_link(c->t, account->id, owner, EDIT_ADD));
        }
    return OK;
}

static struct err write_members(struct changing *c)
{
    const struct draft *d = &c->draft;
    for (size_t i = 0; i < d->members_removed.count; i++)
        TRY(write_link(c->t, d->members_removed.at[i], d->account.id, EDIT_REMOVE));
    for (size_t i = 0; i < d->members_added.count; i++)
        TRY(write_link(c->t, d->members_added.at[i], d->account.id, EDIT_ADD));
    return OK;
}

static struct err write_link(
        struct lmdb_txn *t, uint32_t member, uint32_t owner, enum edit_action action)
{
    struct number_key up = key_pair(member, owner), down = key_pair(owner, member);
    if (action == EDIT_REMOVE) {
        TRY(lmdb_remove(t, DB_OWNER, key_two(&up)));
        return lmdb_remove(t, DB_MEMBER, key_two(&down));
    }
    TRY(lmdb_put(t, DB_OWNER, key_two(&up), S("")));
    return lmdb_put(t, DB_MEMBER, key_two(&down), S(""));
}

// management.md 11.1: nothing contains itself, directly or not. Looks at all that hold the owner.
static struct err check_circle(struct changing *c, uint32_t member, uint32_t owner)
{
    struct ids above = {0};
    uint32_t *first = vec_add(c->t->arena, &above);
    if (first == NULL)
        return no_memory();
    *first = owner;
    for (size_t i = 0; i < above.count && i < MEMBERSHIP_STEPS_MAX; i++) {
        if (above.at[i] == member)
            return fail_fmt(c->t->arena, ERR_REFUSED, "'%.*s' would contain itself",
                    ARG(c->draft.account.name));
        TRY(txn_seconds(c->t, DB_OWNER, above.at[i], &above));
    }
    return OK;
}

static struct err next_id(struct lmdb_txn *t, uint32_t *out)
{
    uint32_t id = 0;
    TRY(txn_id_of(t, DB_META, S("next-id"), &id));
    if (id == 0)
        id = 1;
    if (id == UINT32_MAX)
        return fail(ERR_LIMIT, "all numbers of accounts have been used");
    struct number_key next = key_number(id + 1);
    *out = id;
    return lmdb_put(t, DB_META, S("next-id"), key_one(&next));
}

static struct strs strs_from(const struct names_draft *names)
{
    return (struct strs){names->at, names->count};
}

static struct err no_memory(void)
{
    return fail(ERR_LIMIT, "no memory to change an account");
}

// -- Removing -------------------------------------------------------------------------------------

struct err internal_account_remove(struct internal *in, struct arena *a, struct str written)
{
    struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
    struct account *account = NULL;
    struct ids owners = {0}, members = {0};
    struct str name, why;
    uint32_t id = 0;
    TRY(lmdb_txn_begin(&in->store, a, LMDB_CHANGE, &t));
    if (account_name_normal(a, written, &name, &why))
        TRY(txn_id_of(&t, DB_NAME, name, &id));
    if (id != 0)
        TRY(txn_account(&t, id, &account));
    if (account == NULL)
        return fail_fmt(
                a, ERR_NOT_FOUND, "there is no account '%.*s'", ARG(str_upto(written, 100)));
    struct number_key key = key_number(id), admin = key_pair(0, id);
    TRY(txn_seconds(&t, DB_OWNER, id, &owners));
    TRY(txn_seconds(&t, DB_MEMBER, id, &members));
    for (size_t i = 0; i < owners.count; i++)
        TRY(write_link(&t, id, owners.at[i], EDIT_REMOVE));
    for (size_t i = 0; i < members.count; i++)
        TRY(write_link(&t, members.at[i], id, EDIT_REMOVE));
    for (size_t i = 0; i < account->emails.count; i++)
        TRY(lmdb_remove(&t, DB_ADDRESS, account->emails.at[i]));
    TRY(lmdb_remove(&t, DB_ADMIN, key_two(&admin)));
    TRY(lmdb_remove(&t, DB_NAME, account->name));
    TRY(lmdb_remove(&t, DB_ACCOUNT, key_one(&key)));
    return lmdb_txn_commit(&t);
}
