// SPDX-License-Identifier: Apache-2.0
// cli/account/account_print.c: see account_print.h. What accounts hold was written by people:
// control bytes never reach the terminal as such.
#include "cli/account/account_print.h"

#include "base/date.h"
#include "base/encode.h"
#include "directory/password.h"
#include "directory/totp.h"

#define CELL_CHARACTERS_MAX 60
#define CELL_BYTES_MAX 256
#define TABLE_BYTES_MAX (64 * MIB)
#define TIME_BYTES_MAX 64

static void time_json(struct json_out *o, struct str key, int64_t at_ms);
static void forms_of(const struct strs *secrets, struct buf *out);
static void line(struct buf *out, const char *name, struct str value);
static void lines(struct buf *out, const char *name, const struct strs *values);
static void time_line(struct buf *out, const char *name, int64_t at_ms);
static void escaped(struct buf *out, struct str text);

void account_json(struct json_out *o, const struct account *account, const struct strs *members)
{
    bool group = account->type == ACCOUNT_GROUP || account->type == ACCOUNT_LIST;
    json_object_begin(o);
    json_put_u64(o, S("id"), account->id);
    json_put_str(o, S("name"), account->name);
    json_put_str(o, S("type"), account_type_name(account->type));
    if (!str_is_null(account->description))
        json_put_str(o, S("description"), account->description);
    json_put_strs(o, S("emails"), account->emails.at, account->emails.count);
    json_put_strs(o, S("memberOf"), account->groups.at, account->groups.count);
    json_put_strs(o, S("lists"), account->lists.at, account->lists.count);
    if (group && members != NULL)
        json_put_strs(o, S("members"), members->at, members->count);
    if (account->type == ACCOUNT_LIST)
        json_put_strs(o, S("externalMembers"), account->external_members.at,
                account->external_members.count);
    if (!str_is_null(account->owner))
        json_put_str(o, S("owner"), account->owner);
    json_put_strs(o, S("roles"), account->roles.at, account->roles.count);
    json_put_u64(o, S("quota"), account->quota_bytes);
    json_key(o, S("secrets"));
    json_array_begin(o);
    for (size_t i = 0; i < account->secrets.count; i++)
        json_str(o, S("***"));
    json_array_end(o);
    json_put_bool(o, S("enabled"), !account->disabled);
    json_put_bool(o, S("disabledReceives"), !account->disabled_refuses);
    json_put_strs(
            o, S("loginAllowedIps"), account->login_networks.at, account->login_networks.count);
    time_json(o, S("createdAt"), account->created_at_ms);
    time_json(o, S("expiresAt"), account->expires_at_ms);
    json_object_end(o);
}

void account_text(struct buf *out, const struct account *account, const struct strs *members)
{
    struct buf forms AUTO(buf_done);
    struct str quota = S("");
    buf_init(&forms, KIB);
    forms_of(&account->secrets, &forms);
    buf_fmt(out, "%-15s %u\n", "number:", account->id);
    line(out, "name:", account->name);
    line(out, "type:", account_type_name(account->type));
    line(out, "description:", account->description);
    lines(out, "address:", &account->emails);
    lines(out, "in group:", &account->groups);
    lines(out, "on list:", &account->lists);
    lines(out, "member:", members);
    lines(out, "from elsewhere:", &account->external_members);
    line(out, "owner:", account->owner);
    lines(out, "role:", &account->roles);
    if (account->quota_bytes > 0)
        buf_fmt(out, "%-15s %llu bytes\n", "quota:", (unsigned long long)account->quota_bytes);
    line(out, "secret:", forms.len > 0 ? buf_str(&forms) : quota);
    lines(out, "logins from:", &account->login_networks);
    if (account->disabled)
        line(out,
                "state:", account->disabled_refuses ? S("disabled, gets no mail") : S("disabled"));
    time_line(out, "created:", account->created_at_ms);
    time_line(out, "expires:", account->expires_at_ms);
}

// "argon2id, second factor": never the secret.
static void forms_of(const struct strs *secrets, struct buf *out)
{
    for (size_t i = 0; i < secrets->count; i++) {
        struct str form =
                secret_is_totp(secrets->at[i]) ? S("second factor") : password_form(secrets->at[i]);
        buf_fmt(out, "%s%.*s", i > 0 ? ", " : "", ARG(form));
    }
}

void domain_json(struct json_out *o, const struct internal_domain *domain, struct str origin)
{
    json_object_begin(o);
    json_put_str(o, S("name"), domain->name);
    json_put_str(o, S("origin"), origin);
    if (!str_is_null(domain->description))
        json_put_str(o, S("description"), domain->description);
    json_put_strs(o, S("aliases"), domain->aliases.at, domain->aliases.count);
    if (!str_is_null(domain->catch_all))
        json_put_str(o, S("catchAllAddress"), domain->catch_all);
    json_put_bool(o, S("isEnabled"), !domain->disabled);
    json_put_bool(o, S("allowRelaying"), domain->allow_relaying);
    json_put_bool(o, S("subAddressing"), !domain->no_sub_addressing);
    time_json(o, S("createdAt"), domain->created_at_ms);
    json_object_end(o);
}

void domain_text(struct buf *out, const struct internal_domain *domain, struct str origin)
{
    line(out, "name:", domain->name);
    line(out, "from:", origin);
    line(out, "description:", domain->description);
    lines(out, "alias:", &domain->aliases);
    line(out, "catch-all:", domain->catch_all);
    if (domain->disabled)
        line(out, "state:", S("disabled"));
    if (domain->allow_relaying)
        line(out, "unknown users:", S("their mail goes onward"));
    if (domain->no_sub_addressing)
        line(out, "sub-addressing:", S("none"));
    time_line(out, "created:", domain->created_at_ms);
}

enum show_form show_form_of(const struct cli *c)
{
    if (c->json)
        return SHOW_JSON;
    return c->terminal ? SHOW_TABLE : SHOW_LINES;
}

// -- Parts ----------------------------------------------------------------------------------------

static void time_json(struct json_out *o, struct str key, int64_t at_ms)
{
    if (at_ms != 0)
        json_put_time(o, key, at_ms);
}

static void line(struct buf *out, const char *name, struct str value)
{
    if (str_is_empty(value))
        return;
    buf_fmt(out, "%-15s ", name);
    escaped(out, value);
    buf_add_byte(out, '\n');
}

static void lines(struct buf *out, const char *name, const struct strs *values)
{
    for (size_t i = 0; values != NULL && i < values->count; i++)
        line(out, i == 0 ? name : "", values->at[i]);
}

static void time_line(struct buf *out, const char *name, int64_t at_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TIME_BYTES_MAX);
    if (at_ms == 0)
        return;
    date_add_rfc3339(&text, at_ms, DATE_SECONDS);
    line(out, name, buf_str(&text));
}

static void escaped(struct buf *out, struct str text)
{
    escape_text(out, text, TABLE_BYTES_MAX, ESCAPE_PLAIN);
}

struct err table_add(struct table *t, struct str cell)
{
    struct buf text AUTO(buf_done);
    struct str *added = vec_add(t->arena, &t->cells);
    bool last = t->columns > 0 && t->cells.count % t->columns == 0;
    buf_init(&text, TABLE_BYTES_MAX);
    escape_text(&text, cell, last ? TABLE_BYTES_MAX : CELL_BYTES_MAX, ESCAPE_PLAIN);
    if (added != NULL)
        *added = arena_str(t->arena, buf_str(&text));
    return added == NULL || str_is_null(*added) ? fail(ERR_LIMIT, "no memory for a table") : OK;
}

void table_print(struct cli *c, const struct table *t)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    struct buf text AUTO(buf_done);
    assert(t->columns > 0 && t->columns <= TABLE_COLUMNS_MAX);
    buf_init(&text, TABLE_BYTES_MAX);
    for (size_t i = 0; i < t->cells.count; i++) {
        size_t width = str_utf8_count(t->cells.at[i]);
        if (width > widths[i % t->columns])
            widths[i % t->columns] = width;
    }
    for (size_t i = 0; i < t->cells.count; i++) {
        size_t column = i % t->columns;
        struct str cell = t->cells.at[i];
        size_t width = str_utf8_count(cell);
        size_t most = widths[column] < CELL_CHARACTERS_MAX ? widths[column] : CELL_CHARACTERS_MAX;
        if (i == 0)
            buf_fmt(&text, "%s", cli_paint(c->colour, PAINT_BOLD));
        buf_add(&text, cell);
        if (column + 1 < t->columns)
            buf_add_repeat(&text, ' ', most > width ? most - width + 2 : 2);
        else
            buf_fmt(&text, "%s\n", i < t->columns ? cli_paint(c->colour, PAINT_END) : "");
    }
    cli_print(c, buf_str(&text));
}
