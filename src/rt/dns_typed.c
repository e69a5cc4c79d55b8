// SPDX-License-Identifier: Apache-2.0
// rt/dns_typed.c: questions whose records are read for the one who asked.
#include "rt/dns.h"

#include "rt/dns_wire.h"
#include "rt/task.h"

// How one record of a type is read into `at`.
enum read_end { READ_DONE, READ_MALFORMED, READ_NO_MEMORY };
typedef enum read_end record_reader(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);

static struct err ask_type(struct resolver *r, struct arena *a, struct str name, uint16_t type,
        struct dns_answer *out) suspends;
static struct err read_all(struct arena *a, struct dns_answer *answer, record_reader *read,
        size_t size, void **out_at, size_t *out_count);
static enum read_end read_mx(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);
static enum read_end read_ip(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);
static enum read_end read_txt(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);
static enum read_end read_host(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);
static enum read_end read_srv(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);
static enum read_end read_tlsa(
        struct arena *a, const struct dns_record *record, uint16_t type, void *at);
static struct err ask_ip(struct resolver *r, struct arena *a, const struct dns_question *question,
        struct dns_ip_answer *out) suspends;
static struct err ask_txt(struct resolver *r, struct arena *a, const struct dns_question *question,
        struct dns_txt_answer *out) suspends;
static struct err ask_ip6_task(void *arg) suspends;
static struct err ask_names(struct resolver *r, struct arena *a, struct str name, uint16_t type,
        struct dns_names_answer *out) suspends;
static enum read_end read_end_of(bool well_formed, struct str made);
static void sum_up(struct dns_addresses *out, enum dns_families families);
static int badness(enum dns_outcome outcome);

struct err dns_mx(struct resolver *r, struct arena *a, struct str domain, struct dns_mx_answer *out)
{
    struct dns_mx_answer mx = {0};
    void *at;
    TRY(ask_type(r, a, domain, DNS_MX, &mx.answer));
    TRY(read_all(a, &mx.answer, read_mx, sizeof(struct dns_mx), &at, &mx.count));
    mx.at = at;
    *out = mx;
    return OK;
}

struct err dns_a(struct resolver *r, struct arena *a, struct str host, struct dns_ip_answer *out)
{
    return ask_ip(r, a, &(struct dns_question){.name = host, .type = DNS_A}, out);
}

struct err dns_aaaa(struct resolver *r, struct arena *a, struct str host, struct dns_ip_answer *out)
{
    return ask_ip(r, a, &(struct dns_question){.name = host, .type = DNS_AAAA}, out);
}

struct err dns_txt(struct resolver *r, struct arena *a, struct str name, struct dns_txt_answer *out)
{
    return ask_txt(r, a, &(struct dns_question){.name = name, .type = DNS_TXT}, out);
}

struct err dns_blocklist_a(
        struct resolver *r, struct arena *a, struct str name, struct dns_ip_answer *out)
{
    struct dns_question question = {.name = name, .type = DNS_A, .blocklist = true};
    return ask_ip(r, a, &question, out);
}

struct err dns_blocklist_txt(
        struct resolver *r, struct arena *a, struct str name, struct dns_txt_answer *out)
{
    struct dns_question question = {.name = name, .type = DNS_TXT, .blocklist = true};
    return ask_txt(r, a, &question, out);
}

struct err dns_srv(struct resolver *r, struct arena *a, struct str name, struct dns_srv_answer *out)
{
    struct dns_srv_answer srv = {0};
    void *at;
    TRY(ask_type(r, a, name, DNS_SRV, &srv.answer));
    TRY(read_all(a, &srv.answer, read_srv, sizeof(struct dns_srv), &at, &srv.count));
    srv.at = at;
    *out = srv;
    return OK;
}

struct err dns_tlsa(
        struct resolver *r, struct arena *a, struct str name, struct dns_tlsa_answer *out)
{
    struct dns_tlsa_answer tlsa = {0};
    void *at;
    TRY(ask_type(r, a, name, DNS_TLSA, &tlsa.answer));
    TRY(read_all(a, &tlsa.answer, read_tlsa, sizeof(struct dns_tlsa), &at, &tlsa.count));
    tlsa.at = at;
    *out = tlsa;
    return OK;
}

struct err dns_ptr(
        struct resolver *r, struct arena *a, const struct ip *address, struct dns_names_answer *out)
{
    struct str name = dns_reverse_name(a, address);
    if (str_is_null(name))
        return fail(ERR_LIMIT, "no memory for a question");
    return ask_names(r, a, name, DNS_PTR, out);
}

struct err dns_cname(
        struct resolver *r, struct arena *a, struct str name, struct dns_names_answer *out)
{
    return ask_names(r, a, name, DNS_CNAME, out);
}

struct err dns_ns(
        struct resolver *r, struct arena *a, struct str name, struct dns_names_answer *out)
{
    return ask_names(r, a, name, DNS_NS, out);
}

static struct err ask_names(struct resolver *r, struct arena *a, struct str name, uint16_t type,
        struct dns_names_answer *out)
{
    struct dns_names_answer names = {0};
    void *at;
    TRY(ask_type(r, a, name, type, &names.answer));
    TRY(read_all(a, &names.answer, read_host, sizeof(struct str), &at, &names.count));
    names.at = at;
    *out = names;
    return OK;
}

static struct err ask_txt(struct resolver *r, struct arena *a, const struct dns_question *question,
        struct dns_txt_answer *out)
{
    struct dns_txt_answer txt = {0};
    void *at;
    TRY(dns_ask(r, a, question, &txt.answer));
    TRY(read_all(a, &txt.answer, read_txt, sizeof(struct dns_txt), &at, &txt.count));
    txt.at = at;
    *out = txt;
    return OK;
}

static struct err ask_ip(struct resolver *r, struct arena *a, const struct dns_question *question,
        struct dns_ip_answer *out)
{
    struct dns_ip_answer ips = {0};
    void *at;
    TRY(dns_ask(r, a, question, &ips.answer));
    TRY(read_all(a, &ips.answer, read_ip, sizeof(struct ip), &at, &ips.count));
    ips.at = at;
    if (ips.count > DNS_ADDRESSES_MAX)
        ips.count = DNS_ADDRESSES_MAX;
    *out = ips;
    return OK;
}

static struct err ask_type(
        struct resolver *r, struct arena *a, struct str name, uint16_t type, struct dns_answer *out)
{
    return dns_ask(r, a, &(struct dns_question){.name = name, .type = type}, out);
}

// Leaves malformed records out. Nothing but malformed ones is no answer at all: a server that
// sends them is broken, which is not the same as a name that has none.
static struct err read_all(struct arena *a, struct dns_answer *answer, record_reader *read,
        size_t size, void **out_at, size_t *out_count)
{
    size_t count = 0;
    char *at = arena_array_bytes(a, answer->count + 1, size);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for records of the DNS");
    for (size_t i = 0; i < answer->count; i++) {
        switch (read(a, &answer->records[i], answer->type, at + count * size)) {
        case READ_DONE:
            count++;
            break;
        case READ_MALFORMED:
            break;
        case READ_NO_MEMORY:
            return fail(ERR_LIMIT, "no memory for records of the DNS");
        }
    }
    if (answer->count > 0 && count == 0) {
        answer->outcome = DNS_SERVFAIL;
        answer->why = S("all records are malformed");
    }
    *out_at = at;
    *out_count = count;
    return OK;
}

static enum read_end read_mx(
        struct arena *a, const struct dns_record *record, uint16_t type UNUSED, void *at)
{
    struct dns_mx *mx = at;
    return read_end_of(dns_rdata_mx(a, record->rdata, mx), mx->host);
}

static enum read_end read_ip(
        struct arena *a UNUSED, const struct dns_record *record, uint16_t type, void *at)
{
    return dns_rdata_ip(record->rdata, type, at) ? READ_DONE : READ_MALFORMED;
}

static enum read_end read_txt(
        struct arena *a, const struct dns_record *record, uint16_t type UNUSED, void *at)
{
    struct dns_txt *txt = at;
    return read_end_of(dns_rdata_txt(a, record->rdata, txt), txt->joined);
}

static enum read_end read_host(
        struct arena *a, const struct dns_record *record, uint16_t type UNUSED, void *at)
{
    struct str *name = at;
    return read_end_of(dns_rdata_name(a, record->rdata, name), *name);
}

static enum read_end read_srv(
        struct arena *a, const struct dns_record *record, uint16_t type UNUSED, void *at)
{
    struct dns_srv *srv = at;
    return read_end_of(dns_rdata_srv(a, record->rdata, srv), srv->host);
}

static enum read_end read_tlsa(
        struct arena *a UNUSED, const struct dns_record *record, uint16_t type UNUSED, void *at)
{
    return dns_rdata_tlsa(record->rdata, at) ? READ_DONE : READ_MALFORMED;
}

// A name that the arena had no room for must not look like the empty one of a null MX.
static enum read_end read_end_of(bool well_formed, struct str made)
{
    if (!well_formed)
        return READ_MALFORMED;
    return str_is_null(made) ? READ_NO_MEMORY : READ_DONE;
}

// --- Addresses of both families ------------------------------------------------------------------

struct ip6_question {
    struct resolver *resolver;
    struct arena *arena;
    struct str host;
    struct dns_ip_answer *out;
    int64_t left_ms; // a deadline does not pass on to other tasks by itself
};

struct err dns_addresses(struct resolver *r, struct arena *a, struct str host,
        enum dns_families families, struct dns_addresses *out)
{
    struct dns_addresses all = {0};
    struct ip6_question q = {.resolver = r,
            .arena = a,
            .host = host,
            .out = &all.ipv6,
            .left_ms = deadline_left_ms()};
    struct group g AUTO(group_end);
    group_begin(&g);
    if (families == DNS_BOTH)
        TRY(group_spawn(&g, ask_ip6_task, &q));
    else if (families == DNS_IPV6_ONLY)
        TRY(dns_aaaa(r, a, host, &all.ipv6));
    if (families & DNS_IPV4_ONLY)
        TRY(dns_a(r, a, host, &all.ipv4));
    TRY(group_wait_all(&g));
    sum_up(&all, families);
    *out = all;
    if (out->worst != NULL)
        out->worst = out->worst == &all.ipv4.answer ? &out->ipv4.answer : &out->ipv6.answer;
    return OK;
}

static struct err ask_ip6_task(void *arg)
{
    struct ip6_question *q = arg;
    within_ms(q->left_ms);
    return dns_aaaa(q->resolver, q->arena, q->host, q->out);
}

static void sum_up(struct dns_addresses *out, enum dns_families families)
{
    const struct dns_answer *of4 = &out->ipv4.answer, *of6 = &out->ipv6.answer;
    bool both = families == DNS_BOTH;
    const struct dns_answer *worst = families == DNS_IPV6_ONLY ? of6 : of4;
    if (both && badness(of6->outcome) > badness(of4->outcome))
        worst = of6;
    bool any = out->ipv4.count + out->ipv6.count > 0;
    out->worst = any ? NULL : worst;
    out->outcome = any ? DNS_ANSWER : worst->outcome;
    out->ttl_s = worst->ttl_s;
    out->dnssec = worst->dnssec;
    if (!both)
        return;
    out->ttl_s = of4->ttl_s < of6->ttl_s ? of4->ttl_s : of6->ttl_s;
    if (of4->dnssec == DNSSEC_BOGUS || of6->dnssec == DNSSEC_BOGUS)
        out->dnssec = DNSSEC_BOGUS;
    else if (of4->dnssec == DNSSEC_INSECURE || of6->dnssec == DNSSEC_INSECURE)
        out->dnssec = DNSSEC_INSECURE;
}

// NODATA of one family says more about a name than NXDOMAIN of the other, which contradicts it.
static int badness(enum dns_outcome outcome)
{
    static const int ranks[] = {
            [DNS_ANSWER] = 0,
            [DNS_NXDOMAIN] = 1,
            [DNS_NODATA] = 2,
            [DNS_TIMEOUT] = 3,
            [DNS_SERVFAIL] = 4,
            [DNS_BOGUS] = 5,
    };
    return ranks[outcome];
}
