// SPDX-License-Identifier: Apache-2.0
// conf/expr_dns.c: see conf/expr_dns.h.
#include "conf/expr_dns.h"

#include "rt/dns.h"
#include "rt/task.h"

#define ADDRESSES_MAX 10 // configuration.md 9.9

struct asking {
    struct resolver *resolver;
    struct arena *arena;
    struct str name;
    VEC(struct expr_value) texts;
};

static struct err ask(
        struct asking *q, enum expr_dns type, struct expr_value *out) suspends MUST_USE;
static struct err ask_addresses(struct asking *q, enum dns_families families) suspends MUST_USE;
static struct err ask_either(struct asking *q) suspends MUST_USE;
static struct err ask_mx(struct asking *q) suspends MUST_USE;
static struct err ask_ptr(struct asking *q) suspends MUST_USE;
static struct err ask_txt(struct asking *q, struct expr_value *out) suspends MUST_USE;
static struct err add(struct asking *q, struct str text) MUST_USE;
static struct err known(const struct asking *q, const struct dns_answer *answer);

struct err expr_dns_ask(struct resolver *r, struct arena *scratch, struct str name,
        enum expr_dns type, int64_t timeout_ms, struct expr_value *out)
{
    struct asking q = {.resolver = r, .arena = scratch, .name = name};
    if (timeout_ms <= 0)
        return ask(&q, type, out);
    within_ms(timeout_ms);
    return ask(&q, type, out);
}

static struct err ask(struct asking *q, enum expr_dns type, struct expr_value *out)
{
    struct err e = OK;
    switch (type) {
    case EXPR_DNS_IPV4:
        e = ask_addresses(q, DNS_IPV4_ONLY);
        break;
    case EXPR_DNS_IPV6:
        e = ask_addresses(q, DNS_IPV6_ONLY);
        break;
    case EXPR_DNS_IP:
        e = ask_either(q);
        break;
    case EXPR_DNS_MX:
        e = ask_mx(q);
        break;
    case EXPR_DNS_PTR:
        e = ask_ptr(q);
        break;
    case EXPR_DNS_TXT:
        return ask_txt(q, out);
    }
    if (!failed(e))
        *out = expr_array(q->texts.at, q->texts.count);
    return e;
}

// IPv6 addresses only where there are none of IPv4.
static struct err ask_either(struct asking *q)
{
    TRY(ask_addresses(q, DNS_IPV4_ONLY));
    return q->texts.count > 0 ? OK : ask_addresses(q, DNS_IPV6_ONLY);
}

static struct err ask_addresses(struct asking *q, enum dns_families families)
{
    struct dns_ip_answer found;
    if (families == DNS_IPV4_ONLY)
        TRY(dns_a(q->resolver, q->arena, q->name, &found));
    else
        TRY(dns_aaaa(q->resolver, q->arena, q->name, &found));
    TRY(known(q, &found.answer));
    for (size_t i = 0; i < found.count && q->texts.count < ADDRESSES_MAX; i++)
        TRY(add(q, ip_text(q->arena, &found.at[i])));
    return OK;
}

// By preference; those of the same one as they came.
static struct err ask_mx(struct asking *q)
{
    struct dns_mx_answer found;
    TRY(dns_mx(q->resolver, q->arena, q->name, &found));
    TRY(known(q, &found.answer));
    for (uint32_t next, least = 0; q->texts.count < found.count; least = next + 1) {
        next = UINT16_MAX;
        for (size_t i = 0; i < found.count; i++)
            if (found.at[i].preference >= least && found.at[i].preference < next)
                next = found.at[i].preference;
        for (size_t i = 0; i < found.count; i++)
            if (found.at[i].preference == next)
                TRY(add(q, found.at[i].host));
    }
    return OK;
}

static struct err ask_ptr(struct asking *q)
{
    struct dns_names_answer found;
    struct ip ip;
    if (!ip_parse(q->name, &ip))
        return OK;
    TRY(dns_ptr(q->resolver, q->arena, &ip, &found));
    TRY(known(q, &found.answer));
    for (size_t i = 0; i < found.count; i++)
        TRY(add(q, found.at[i]));
    return OK;
}

static struct err ask_txt(struct asking *q, struct expr_value *out)
{
    struct dns_txt_answer found;
    struct buf text AUTO(buf_done);
    buf_init(&text, EXPR_STRING_BYTES_MAX);
    TRY(dns_txt(q->resolver, q->arena, q->name, &found));
    TRY(known(q, &found.answer));
    for (size_t i = 0; i < found.count; i++)
        buf_add(&text, found.at[i].joined);
    struct str whole = arena_str(q->arena, buf_str(&text));
    if (text.overflow || str_is_null(whole))
        return fail(ERR_LIMIT, "dns_query: the records are too long");
    *out = expr_text(whole);
    return OK;
}

static struct err add(struct asking *q, struct str text)
{
    struct expr_value *value = vec_add(q->arena, &q->texts);
    if (value == NULL || str_is_null(text))
        return fail(ERR_LIMIT, "dns_query: no memory for an answer");
    *value = expr_text(text);
    return OK;
}

// That there is nothing is an answer as well.
static struct err known(const struct asking *q, const struct dns_answer *answer)
{
    return dns_is_temporary(answer->outcome) ? dns_trouble(q->arena, answer) : OK;
}
