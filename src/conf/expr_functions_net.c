// SPDX-License-Identifier: Apache-2.0
// conf/expr_functions_net.c: functions about addresses, and those that ask lists and the DNS
// (configuration.md 9.9).
#include "conf/expr_functions.h"

#include "base/ip.h"
#include "base/unicode.h"
#include "conf/lookup.h"

static bool local_is_right(struct str local);
static bool is_local_byte(uint8_t c);
static bool domain_is_right(struct str domain);
static bool ip_of(struct expr_call *call, struct ip *out);
static struct err ask_local(
        struct expr_call *call, enum expr_local what, struct expr_value *out) suspends;
static const struct lookup *list_of(struct expr_call *call);

// The last '@' that is not in a quoted string parts an address; a domain has none.
struct err function_is_email(struct expr_call *call, struct expr_value *out)
{
    struct str local, domain;
    bool right = str_rcut(call->args[0].text, '@', &local, &domain);
    *out = expr_bool(right && local_is_right(local) && domain_is_right(domain));
    return OK;
}

struct err function_email_part(struct expr_call *call, struct expr_value *out)
{
    struct str part = call->args[1].text, local, domain;
    *out = expr_text(S(""));
    if (!str_rcut(call->args[0].text, '@', &local, &domain))
        return OK;
    if (str_eq(part, S("local")))
        *out = expr_text(unicode_trim_start(unicode_trim_end(local)));
    else if (str_eq(part, S("domain")))
        *out = expr_text(unicode_trim_start(unicode_trim_end(domain)));
    return OK;
}

struct err function_is_ip_addr(struct expr_call *call, struct expr_value *out)
{
    struct ip ip;
    *out = expr_bool(ip_parse(call->args[0].text, &ip));
    return OK;
}

struct err function_is_ipv4_addr(struct expr_call *call, struct expr_value *out)
{
    struct ip ip;
    *out = expr_bool(ip4_parse(call->args[0].text, &ip));
    return OK;
}

struct err function_is_ipv6_addr(struct expr_call *call, struct expr_value *out)
{
    struct ip ip;
    *out = expr_bool(ip6_parse(call->args[0].text, &ip));
    return OK;
}

struct err function_is_ip_in_cidr(struct expr_call *call, struct expr_value *out)
{
    struct ip ip;
    struct ip_net net;
    bool cleared;
    *out = expr_bool(ip_of(call, &ip) && ip_net_parse(call->args[1].text, &net, &cleared) &&
                     ip_net_contains(&net, &ip));
    return OK;
}

struct err function_ip_reverse_name(struct expr_call *call, struct expr_value *out)
{
    struct ip ip;
    struct buf b AUTO(buf_done);
    buf_init(&b, EXPR_STRING_BYTES_MAX);
    if (!ip_of(call, &ip)) {
        *out = expr_text(S(""));
        return OK;
    }
    for (size_t i = ip.family == IP_V4 ? 4 : 16; i-- > 0;) {
        const char *dot = i > 0 ? "." : "";
        if (ip.family == IP_V4)
            buf_fmt(&b, "%d%s", ip.bytes[i], dot);
        else
            buf_fmt(&b, "%x.%x%s", ip.bytes[i] & 15u, ip.bytes[i] >> 4u, dot);
    }
    return function_text(call, &b, out);
}

struct err function_key_get(struct expr_call *call, struct expr_value *out)
{
    const struct lookup *list = list_of(call);
    *out = expr_text(S(""));
    if (list != NULL)
        lookup_get(list, call->args[1].text, out);
    return OK;
}

struct err function_key_exists(struct expr_call *call, struct expr_value *out)
{
    const struct lookup *list = list_of(call);
    struct expr_value unused;
    *out = expr_bool(list != NULL && lookup_get(list, call->args[1].text, &unused));
    return OK;
}

// NXDOMAIN and no data come back as an empty answer; what fails is an error of the evaluation.
struct err function_dns_query(struct expr_call *call, struct expr_value *out)
{
    enum expr_dns type;
    struct str name = call->args[0].text;
    struct ip ip;
    int64_t timeout_ms;
    if (!expr_dns_find(call->args[1].text, &type))
        return fail(ERR_UNSUPPORTED, "dns_query: unknown type of record");
    if (type == EXPR_DNS_PTR && !ip_parse(name, &ip)) {
        *out = expr_array(NULL, 0);
        return OK;
    }
    TRY(expr_async_begin(call->machine, &timeout_ms));
    return expr_env_dns(call->machine->env, call->arena, name, type, timeout_ms, out);
}

struct err function_is_local_domain(struct expr_call *call, struct expr_value *out)
{
    return ask_local(call, EXPR_LOCAL_DOMAIN, out);
}

struct err function_is_local_address(struct expr_call *call, struct expr_value *out)
{
    return ask_local(call, EXPR_LOCAL_ADDRESS, out);
}

// configuration.md 9.4: (directory, name), or the name alone. A directory that cannot be asked ends
// the evaluation: "no" would be a guess.
static struct err ask_local(struct expr_call *call, enum expr_local what, struct expr_value *out)
{
    struct str directory = call->count > 1 ? call->args[0].text : S("*");
    struct str name = call->args[call->count - 1].text;
    int64_t timeout_ms;
    bool local = false;
    TRY(expr_async_begin(call->machine, &timeout_ms));
    TRY(expr_env_local(call->machine->env, call->arena, what, directory, name, timeout_ms, &local));
    *out = expr_bool(local);
    return OK;
}

// RFC 5321 4.1.2, its characters: a quoted string, or atext and dots, or bytes of RFC 6531.
static bool local_is_right(struct str local)
{
    struct scan in = scan_over(local);
    struct str taken;
    uint8_t c;
    if (!scan_byte(&in, '"'))
        return scan_while(&in, is_local_byte, &taken) && scan_end(&in);
    while (scan_any(&in, &c) && c != '"')
        if (c < 0x20 || c == 0x7f || (c == '\\' && !scan_any(&in, &c)))
            return false;
    return c == '"' && scan_end(&in) && local.len > 2;
}

static bool is_local_byte(uint8_t c)
{
    return byte_is_alnum(c) || c >= 0x80 ||
           str_find_byte(S(".!#$%&'*+-/=?^_`{|}~"), (char)c) != STR_NOT_FOUND;
}

// At least two labels, none of them empty.
static bool domain_is_right(struct str domain)
{
    struct str label;
    size_t labels = 0;
    for (struct str rest = domain; str_split(&rest, '.', &label); labels++) {
        if (label.len == 0)
            return false;
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = (uint8_t)label.ptr[i];
            if (!byte_is_alnum(c) && c != '-' && c < 0x80)
                return false;
        }
    }
    return labels >= 2;
}

static bool ip_of(struct expr_call *call, struct ip *out)
{
    if (!ip_parse(call->args[0].text, out))
        return false;
    if (call->count > 1) // networks of mapped addresses are IPv4 as well
        *out = ip_unmap(*out);
    return true;
}

// An id that an expression computed and nobody defined reads as an empty list, and is told.
static const struct lookup *list_of(struct expr_call *call)
{
    struct str id = call->args[0].text;
    const struct lookup *list = lookups_get(call->machine->env->lookups, id);
    if (list == NULL)
        call->machine->missing_store = id;
    return list;
}
