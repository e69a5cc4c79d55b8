// SPDX-License-Identifier: Apache-2.0
// directory/settings_memory.c: [[directory.ID.principals]] (directory.md 2.2). The first round
// makes the accounts and gives each name and address to one of them; the second ties them
// together.
#include "conf/conf.h"
#include "directory/memory.h"
#include "directory/settings.h"
#include "directory/totp.h"

struct memory_reading {
    struct directory_reading *r;
    struct str key;        // of the principals
    struct conf_list list; // one a principal
    struct memory *memory;
    struct account *accounts; // [i] is of list.at[i]
    struct names *lists;      // that account i is on
};

static struct err make_account(struct memory_reading *m, size_t i);
static void read_class(struct memory_reading *m, size_t i);
static struct err read_secrets(struct memory_reading *m, size_t i);
static bool is_clear(struct str secret);
static struct err read_addresses(struct memory_reading *m, size_t i);
static struct err take_name(struct memory_reading *m, size_t i, struct str name);
static struct err take_address(
        struct memory_reading *m, size_t i, struct str address, struct account *account);
static struct err tie(struct memory_reading *m, size_t i);
static void check_groups(struct memory_reading *m, size_t i);
static struct err join_lists(struct memory_reading *m, size_t i);
static struct err list_at(
        struct memory_reading *m, size_t i, struct str address, const struct account **out);
static struct err read_members(struct memory_reading *m, size_t i);
static struct err put_on_list(struct memory_reading *m, struct str list, struct str member);
static const struct conf_element *member(struct memory_reading *m, size_t i, struct str name);
static bool member_bool(struct memory_reading *m, size_t i, struct str name, bool otherwise);
static struct err member_strs(
        struct memory_reading *m, size_t i, struct str name, struct strs *out);
static struct err member_names(
        struct memory_reading *m, size_t i, struct str name, struct strs *out);
static void complain(struct memory_reading *m, size_t i, const char *fmt, ...) PRINTF_LIKE(3, 4);
static struct err no_memory(void);

struct err settings_read_memory(struct directory_reading *r, struct directory *directory)
{
    struct memory_reading m = {.r = r};
    m.key = conf_item(r->conf, S("directory"), directory->id, S("principals"));
    m.list = conf_list(r->conf, m.key);
    m.memory = directory->memory = arena_make(r->arena, struct memory);
    if (m.memory == NULL)
        return no_memory();
    memory_init(m.memory);
    m.accounts = arena_array(r->arena, m.list.count + 1, struct account);
    m.lists = arena_array(r->arena, m.list.count + 1, struct names);
    if (m.accounts == NULL || m.lists == NULL)
        return no_memory();
    m.memory->accounts = m.accounts;
    m.memory->count = m.list.count;
    for (size_t i = 0; i < m.list.count; i++) {
        m.accounts[i].directory = directory->id;
        TRY(make_account(&m, i));
    }
    for (size_t i = 0; i < m.list.count; i++)
        TRY(tie(&m, i));
    for (size_t i = 0; i < m.list.count; i++)
        m.accounts[i].lists = (struct strs){m.lists[i].at, m.lists[i].count};
    struct strs domains;
    TRY(conf_strs(r->arena, r->conf,
            conf_item(r->conf, S("directory"), directory->id, S("lookup.domains")), &domains));
    for (size_t i = 0; i < domains.count; i++)
        if (!map_put(&m.memory->domains, domains.at[i], m.memory))
            return no_memory();
    return OK;
}

static struct err make_account(struct memory_reading *m, size_t i)
{
    struct account *account = &m->accounts[i];
    const struct conf_element *name = member(m, i, S("name"));
    const struct conf_element *description = member(m, i, S("description"));
    const struct conf_element *quota = member(m, i, S("quota"));
    const struct conf_element *expires = member(m, i, S("expires"));
    const struct conf_element *owner = member(m, i, S("owner"));
    struct str why;
    account->id = (uint32_t)i + 1;
    if (name == NULL || !account_name_normal(m->r->arena, name->text, &account->name, &why)) {
        if (name != NULL)
            complain(m, i, "\"%.*s\" is no name: %.*s", ARG(str_upto(name->text, 100)), ARG(why));
        account->name = S("?");
        return OK;
    }
    TRY(take_name(m, i, account->name));
    read_class(m, i);
    account->description = description != NULL ? description->text : STR_NULL;
    account->quota_bytes = quota != NULL ? (uint64_t)quota->value.integer : 0;
    account->expires_at_ms = expires != NULL ? expires->value.integer : 0;
    account->disabled = !member_bool(m, i, S("enabled"), true);
    account->disabled_refuses = !member_bool(m, i, S("disabled-receives"), true);
    if (owner != NULL &&
            !account_address_normal(m->r->arena, owner->text, ADDRESS_PLAIN, &account->owner, &why))
        complain(m, i, "owner \"%.*s\": %.*s", ARG(str_upto(owner->text, 100)), ARG(why));
    TRY(member_strs(m, i, S("login-allowed-ips"), &account->login_networks));
    TRY(read_secrets(m, i));
    TRY(read_addresses(m, i));
    if (account_is_admin(account) && m->memory->admin == NULL &&
            !str_is_null(account_email(account)))
        m->memory->admin = account;
    return OK;
}

static void read_class(struct memory_reading *m, size_t i)
{
    static const struct str admin[] = {S_INIT("admin")};
    struct account *account = &m->accounts[i];
    const struct conf_element *class = member(m, i, S("class"));
    struct str word = class != NULL ? class->text : S("individual");
    account->type = ACCOUNT_INDIVIDUAL;
    if (str_eq(word, S("group")))
        account->type = ACCOUNT_GROUP;
    if (str_eq(word, S("list")))
        account->type = ACCOUNT_LIST;
    struct err e = member_names(m, i, S("roles"), &account->roles);
    if (failed(e) || (str_eq(word, S("admin")) && account->roles.count == 0))
        account->roles = (struct strs){admin, 1};
    else if (str_eq(word, S("admin")) && !account_is_admin(account))
        complain(m, i, "of class admin, but its roles do not say \"admin\"");
}

static struct err read_secrets(struct memory_reading *m, size_t i)
{
    struct account *account = &m->accounts[i];
    TRY(member_strs(m, i, S("secret"), &account->secrets));
    for (size_t s = 0; s < account->secrets.count; s++) {
        if (!is_clear(account->secrets.at[s]))
            continue;
        conf_warning(m->r->conf, m->r->findings, m->key, (int)i, S("clear-secret"),
                "the secret of '%.*s' is clear text; 'posthaste account password --hash' makes a "
                "hash of it",
                ARG(account->name));
        break;
    }
    return OK;
}

static bool is_clear(struct str secret)
{
    return password_is_clear(secret) && !secret_is_totp(secret);
}

static struct err read_addresses(struct memory_reading *m, size_t i)
{
    struct account *account = &m->accounts[i];
    struct strs written;
    struct str why;
    TRY(member_strs(m, i, S("email"), &written));
    struct str *at = arena_array(m->r->arena, written.count + 1, struct str);
    if (at == NULL)
        return no_memory();
    account->emails.at = at;
    for (size_t e = 0; e < written.count; e++) {
        struct str *address = &at[account->emails.count];
        if (!account_address_normal(
                    m->r->arena, written.at[e], ADDRESS_OR_CATCH_ALL, address, &why)) {
            complain(m, i, "address \"%.*s\": %.*s", ARG(str_upto(written.at[e], 100)), ARG(why));
            continue;
        }
        account->emails.count++;
        TRY(take_address(m, i, *address, account));
    }
    return OK;
}

static struct err take_name(struct memory_reading *m, size_t i, struct str name)
{
    const struct account *other = map_get(&m->memory->names, name);
    if (other == NULL)
        return map_put(&m->memory->names, name, &m->accounts[i]) ? OK : no_memory();
    complain(m, i, "the name '%.*s' is there twice: also in principal %u", ARG(name), other->id);
    return OK;
}

static struct err take_address(
        struct memory_reading *m, size_t i, struct str address, struct account *account)
{
    const struct account *other = map_get(&m->memory->addresses, address);
    if (other != NULL) {
        complain(m, i, "%.*s belongs to both '%.*s' and '%.*s' (principal %u)", ARG(address),
                ARG(account->name), ARG(other->name), other->id);
        return OK;
    }
    return map_put(&m->memory->addresses, address, account) &&
                           map_put(&m->memory->domains, address_domain(address), m->memory)
                   ? OK
                   : no_memory();
}

// -- The second round -----------------------------------------------------------------------------

static struct err tie(struct memory_reading *m, size_t i)
{
    struct account *account = &m->accounts[i];
    TRY(member_names(m, i, S("member-of"), &account->groups));
    check_groups(m, i);
    TRY(join_lists(m, i));
    if (account->type == ACCOUNT_LIST)
        return read_members(m, i);
    if (member(m, i, S("members")) != NULL || member(m, i, S("external-members")) != NULL)
        complain(m, i,
                "'%.*s' is no list, so it has no members; members of a group say "
                "member-of",
                ARG(account->name));
    return OK;
}

static void check_groups(struct memory_reading *m, size_t i)
{
    const struct account *account = &m->accounts[i];
    for (size_t g = 0; g < account->groups.count; g++) {
        const struct account *group = memory_by_name(m->memory, account->groups.at[g]);
        if (group == NULL || group->type != ACCOUNT_GROUP)
            complain(m, i, "'%.*s' is a member of '%.*s', which is no group", ARG(account->name),
                    ARG(account->groups.at[g]));
    }
}

static struct err join_lists(struct memory_reading *m, size_t i)
{
    struct strs written;
    struct str address, why;
    TRY(member_strs(m, i, S("email-list"), &written));
    for (size_t e = 0; e < written.count; e++) {
        const struct account *list = NULL;
        if (!account_address_normal(m->r->arena, written.at[e], ADDRESS_PLAIN, &address, &why)) {
            complain(m, i, "list address \"%.*s\": %.*s", ARG(str_upto(written.at[e], 100)),
                    ARG(why));
            continue;
        }
        TRY(list_at(m, i, address, &list));
        if (list != NULL)
            TRY(put_on_list(m, list->name, m->accounts[i].name));
    }
    return OK;
}

// The list of that address, made when it is the first to be named.
static struct err list_at(
        struct memory_reading *m, size_t i, struct str address, const struct account **out)
{
    const struct account *there = memory_by_address(m->memory, address);
    struct str *emails = arena_make(m->r->arena, struct str);
    struct account *list = there == NULL ? arena_make(m->r->arena, struct account) : NULL;
    if (there != NULL) {
        if (there->type == ACCOUNT_LIST)
            *out = there;
        else
            complain(m, i, "%.*s is an address of '%.*s' and no list", ARG(address),
                    ARG(there->name));
        return OK;
    }
    if (emails == NULL || list == NULL)
        return no_memory();
    *emails = address;
    *list = (struct account){.id = m->accounts[i].id,
            .type = ACCOUNT_LIST,
            .directory = m->accounts[i].directory,
            .name = address,
            .emails = {emails, 1}};
    if (memory_by_name(m->memory, address) == NULL && !map_put(&m->memory->names, address, list))
        return no_memory();
    *out = list;
    return take_address(m, i, address, list);
}

static struct err read_members(struct memory_reading *m, size_t i)
{
    struct account *list = &m->accounts[i];
    struct strs members;
    struct str why;
    TRY(member_names(m, i, S("members"), &members));
    for (size_t n = 0; n < members.count; n++) {
        bool known = memory_by_name(m->memory, members.at[n]) != NULL ||
                     memory_by_address(m->memory, members.at[n]) != NULL;
        if (!known)
            complain(m, i,
                    "'%.*s' on the list '%.*s' is nobody here; addresses of elsewhere are "
                    "external-members",
                    ARG(members.at[n]), ARG(list->name));
        else
            TRY(put_on_list(m, list->name, members.at[n]));
    }
    TRY(member_strs(m, i, S("external-members"), &members));
    struct str *at = arena_array(m->r->arena, members.count + 1, struct str);
    if (at == NULL)
        return no_memory();
    list->external_members.at = at;
    for (size_t n = 0; n < members.count; n++) {
        struct str *address = &at[list->external_members.count];
        if (account_address_normal(m->r->arena, members.at[n], ADDRESS_PLAIN, address, &why))
            list->external_members.count++;
        else
            complain(m, i, "member \"%.*s\": %.*s", ARG(str_upto(members.at[n], 100)), ARG(why));
    }
    return OK;
}

// Both ways: the list knows its members, and who is an account here knows its lists.
static struct err put_on_list(struct memory_reading *m, struct str list, struct str name)
{
    struct names *members = map_get(&m->memory->members, list);
    if (members == NULL) {
        members = arena_make(m->r->arena, struct names);
        if (members == NULL || !map_put(&m->memory->members, list, members))
            return no_memory();
    }
    struct str *added = vec_add(m->r->arena, members);
    if (added == NULL)
        return no_memory();
    *added = name;
    const struct account *account = memory_by_name(m->memory, name);
    if (account == NULL)
        account = memory_by_address(m->memory, name);
    if (account == NULL || account < m->accounts || account >= m->accounts + m->list.count)
        return OK;
    struct str *on = vec_add(m->r->arena, &m->lists[account - m->accounts]);
    if (on == NULL)
        return no_memory();
    *on = list;
    return OK;
}

// -- Members of a principal -----------------------------------------------------------------------

static const struct conf_element *member(struct memory_reading *m, size_t i, struct str name)
{
    return conf_member(&m->list.at[i], name);
}

static bool member_bool(struct memory_reading *m, size_t i, struct str name, bool otherwise)
{
    const struct conf_element *e = member(m, i, name);
    return e != NULL ? e->value.boolean : otherwise;
}

static struct err member_strs(struct memory_reading *m, size_t i, struct str name, struct strs *out)
{
    const struct conf_element *table = &m->list.at[i];
    size_t count = 0;
    *out = (struct strs){0};
    for (size_t e = 0; e < table->member_count; e++)
        count += str_eq(table->members[e].name, name);
    if (count == 0)
        return OK;
    struct str *at = arena_array(m->r->arena, count, struct str);
    if (at == NULL)
        return no_memory();
    for (size_t e = 0; e < table->member_count; e++)
        if (str_eq(table->members[e].name, name))
            at[out->count++] = table->members[e].text;
    out->at = at;
    return OK;
}

// The same in the spelling of names, and each once.
static struct err member_names(
        struct memory_reading *m, size_t i, struct str name, struct strs *out)
{
    struct strs written;
    struct str why;
    TRY(member_strs(m, i, name, &written));
    struct str *at = arena_array(m->r->arena, written.count + 1, struct str);
    if (at == NULL)
        return no_memory();
    *out = (struct strs){at, 0};
    for (size_t n = 0; n < written.count; n++) {
        if (!account_name_normal(m->r->arena, written.at[n], &at[out->count], &why))
            complain(m, i, "%.*s \"%.*s\": %.*s", ARG(name), ARG(str_upto(written.at[n], 100)),
                    ARG(why));
        else if (!strs_have(out, at[out->count]))
            out->count++;
    }
    return OK;
}

static void complain(struct memory_reading *m, size_t i, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(m->r->arena, fmt, args);
    va_end(args);
    conf_error(m->r->conf, m->r->findings, m->key, (int)i, S("principal"), "%.*s", ARG(message));
}

static struct err no_memory(void)
{
    return fail(ERR_LIMIT, "no memory for the accounts of a directory");
}
