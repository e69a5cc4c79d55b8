// SPDX-License-Identifier: Apache-2.0
// directory/account.c: questions to one account, and the spelling of names and addresses.
#include "directory/account.h"

#include "base/ip.h"
#include "base/unicode.h"
#include "mail/address.h"

static const struct str type_names[] = {
        [ACCOUNT_INDIVIDUAL] = S_INIT("individual"),
        [ACCOUNT_GROUP] = S_INIT("group"),
        [ACCOUNT_LIST] = S_INIT("list"),
        [ACCOUNT_RESOURCE] = S_INIT("resource"),
        [ACCOUNT_LOCATION] = S_INIT("location"),
        [ACCOUNT_OTHER] = S_INIT("other"),
};

static bool is_control(uint32_t code);

struct str account_type_name(enum account_type type)
{
    return type_names[type];
}

bool account_type_named(struct str name, enum account_type *out)
{
    for (size_t i = 0; i < COUNT_OF(type_names); i++)
        if (str_eq(type_names[i], name)) {
            *out = (enum account_type)i;
            return true;
        }
    return false;
}

struct str account_email(const struct account *account)
{
    for (size_t i = 0; i < account->emails.count; i++)
        if (!str_starts(account->emails.at[i], S("@")) &&
                !str_ends(address_local(account->emails.at[i]), S("*")))
            return account->emails.at[i];
    return STR_NULL;
}

bool account_is_admin(const struct account *account)
{
    return strs_have(&account->roles, S("admin"));
}

bool account_expired(const struct account *account, int64_t wall_ms)
{
    return account->expires_at_ms != 0 && wall_ms >= account->expires_at_ms;
}

bool account_comes_from(const struct account *account, const struct ip *ip)
{
    struct ip_net net;
    bool cleared;
    for (size_t i = 0; i < account->login_networks.count; i++)
        if (ip_net_parse(account->login_networks.at[i], &net, &cleared) &&
                ip_net_contains(&net, ip))
            return true;
    return account->login_networks.count == 0;
}

bool account_name_normal(struct arena *a, struct str written, struct str *out, struct str *out_why)
{
    struct buf lower AUTO(buf_done);
    struct str rest = str_trim(written);
    buf_init(&lower, 2 * ACCOUNT_NAME_BYTES_MAX);
    *out_why = S("1 to 255 bytes of UTF-8 without control characters are expected");
    if (rest.len == 0 || rest.len > ACCOUNT_NAME_BYTES_MAX || !str_is_utf8(rest))
        return false;
    if (str_find_byte(rest, '@') != STR_NOT_FOUND &&
            account_address_normal(a, rest, ADDRESS_PLAIN, out, out_why))
        return true;
    for (uint32_t code; unicode_next(&rest, &code);) {
        if (is_control(code))
            return false;
        buf_add_utf8(&lower, unicode_lower(code));
    }
    *out = arena_str(a, buf_str(&lower));
    return !lower.overflow && lower.len <= ACCOUNT_NAME_BYTES_MAX && !str_is_null(*out);
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

bool account_address_normal(struct arena *a, struct str written, enum address_form form,
        struct str *out, struct str *out_why)
{
    struct mail_address address;
    struct str text = str_trim(written), domain;
    struct err e;
    if (form == ADDRESS_OR_CATCH_ALL && str_starts(text, S("@"))) {
        e = mail_domain_read(a, str_from(text, 1), &domain);
        *out = failed(e) ? STR_NULL : arena_join(a, S("@"), domain);
    } else {
        e = mail_address_parse(a, text, &address);
        *out = failed(e) ? STR_NULL : mail_address_normal(a, &address);
    }
    *out_why = failed(e) ? err_text(e) : S("no memory for an address");
    return !str_is_null(*out);
}

struct str address_domain(struct str address)
{
    size_t at = str_rfind_byte(address, '@');
    return at == STR_NOT_FOUND ? STR_NULL : str_from(address, at + 1);
}

struct str address_local(struct str address)
{
    size_t at = str_rfind_byte(address, '@');
    return at == STR_NOT_FOUND ? address : str_upto(address, at);
}

struct str address_join(struct arena *a, struct str local, struct str domain)
{
    return arena_fmt(a, "%.*s@%.*s", ARG(local), ARG(domain));
}
