// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/hosts_mx.c: the hosts that take mail for a domain (RFC 5321 5.1, RFC 7505;
// outbound.md 4). Trouble of the DNS is never taken for the absence of an MX: such mail waits.
#include "deliver/hosts/hosts_parts.h"

#include "base/idna.h"
#include "deliver/answer.h"
#include "mail/address.h"

#define ALIASES_MAX 8 // CNAMEs at a domain, outbound.md 4

static struct err of_literal(const struct hosts_inputs *in, struct arena *a, struct str domain,
        const struct host *like, struct host_list *list) suspends;
static struct err of_answer(const struct hosts_inputs *in, struct arena *a,
        const struct dns_mx_answer *mx, const struct host *like, struct host_list *list);
static struct err of_records(const struct hosts_inputs *in, struct arena *a,
        const struct dns_mx_answer *mx, const struct host *like, struct host_list *list);
static bool host_of_record(
        const struct route *route, const struct dns_mx *record, struct host *io_host);
static void insert(struct host_list *list, const struct host *host);
static bool is_same_place(const struct host *a, const struct host *b);
static void shuffle_equals(struct host_list *list);
static bool byte_is_host(uint8_t c);
static void refuse(struct host_list *list, struct str domain, struct str status, struct str text);

struct err hosts_of_domain(const struct hosts_inputs *in, struct arena *a, struct str domain,
        const struct host *like, struct host_list *out)
{
    struct host_list list = {.dnssec = DNSSEC_INSECURE};
    struct dns_mx_answer mx;
    size_t most = in->route->hosts_max > 0 ? in->route->hosts_max : MX_RECORDS_MAX;
    if (str_starts(domain, S("["))) {
        TRY(of_literal(in, a, domain, like, &list));
        *out = list;
        return OK;
    }
    TRY(hosts_name_read(a, domain, &list.domain));
    if (str_is_null(list.domain)) {
        refuse(&list, domain, S("5.1.2"), S("this can be no domain"));
        *out = list;
        return OK;
    }
    TRY(dns_mx(in->resolver, a, list.domain, &mx));
    list.dnssec = mx.answer.dnssec;
    list.aliases = mx.answer.chain;
    list.alias_count = mx.answer.chain_count;
    TRY(of_answer(in, a, &mx, like, &list));
    TRY(hosts_note_names(a, &list));
    TRY(hosts_leave_out_self(in, a, &list));
    if (list.count > most)
        list.count = most;
    *out = list;
    return OK;
}

// address-literal as a domain, RFC 5321 4.1.3
static struct err of_literal(const struct hosts_inputs *in, struct arena *a, struct str domain,
        const struct host *like, struct host_list *list)
{
    struct host host = *like;
    host.at.port = like->port;
    if (!in->route->allow_literals || !mail_literal_parse(domain, &host.at.ip)) {
        refuse(list, domain, S("5.1.2"), S("mail to address literals is not sent"));
        return OK;
    }
    list->at = arena_make(a, struct host);
    if (list->at == NULL)
        return fail(ERR_LIMIT, "no memory for a host");
    insert(list, &host);
    list->domain = domain;
    TRY(hosts_note_names(a, list));
    return hosts_leave_out_self(in, a, list);
}

static struct err of_answer(const struct hosts_inputs *in, struct arena *a,
        const struct dns_mx_answer *mx, const struct host *like, struct host_list *list)
{
    struct err trouble = dns_trouble(a, &mx->answer);
    struct host itself = *like;
    if (mx->answer.chain_count > ALIASES_MAX || dns_is_temporary(mx->answer.outcome)) {
        list->trouble = answer_temporary(CLIENT_CONNECT, FAILURE_DNS, list->domain, S("4.4.3"),
                failed(trouble) ? err_text(trouble) : S("too many CNAMEs in a row"));
        return OK;
    }
    if (mx->answer.outcome == DNS_NXDOMAIN) {
        refuse(list, list->domain, S("5.1.2"), S("the domain does not exist"));
        return OK;
    }
    if (mx->answer.outcome == DNS_ANSWER)
        return of_records(in, a, mx, like, list);
    if (!in->route->implicit_mx && in->route->type == ROUTE_MX) {
        refuse(list, list->domain, S("5.4.4"), S("the domain has no MX"));
        return OK;
    }
    list->at = arena_make(a, struct host);
    if (list->at == NULL)
        return fail(ERR_LIMIT, "no memory for a host");
    itself.name = list->domain;
    itself.mx_dnssec = list->dnssec;
    itself.is_implicit = true;
    insert(list, &itself);
    return OK;
}

static struct err of_records(const struct hosts_inputs *in, struct arena *a,
        const struct dns_mx_answer *mx, const struct host *like, struct host_list *list)
{
    size_t count = mx->count < MX_RECORDS_MAX ? mx->count : MX_RECORDS_MAX, null_count = 0;
    list->was_cut = mx->count > count;
    list->at = arena_array(a, count + 1, struct host);
    if (list->at == NULL)
        return fail(ERR_LIMIT, "no memory for hosts");
    for (size_t i = 0; i < count; i++) {
        struct host host = *like;
        host.mx_dnssec = list->dnssec;
        if (str_is_empty(mx->at[i].host))
            null_count++;
        else if (host_of_record(in->route, &mx->at[i], &host))
            insert(list, &host);
    }
    list->null_mx_ignored = null_count > 0 && null_count < count;
    if (list->count > 0)
        shuffle_equals(list);
    else if (null_count == count) // RFC 7505 3
        refuse(list, list->domain, S("5.1.10"), S("domain does not accept mail (null MX)"));
    else
        refuse(list, list->domain, S("5.4.4"), S("no MX of the domain can be a host"));
    return OK;
}

// False: what stands there can be no host. Names are A-labels as they are published.
static bool host_of_record(
        const struct route *route, const struct dns_mx *record, struct host *io_host)
{
    struct scan in = scan_over(record->host);
    struct str name;
    io_host->preference = record->preference;
    if (route->accept_mx_ip && ip_parse(record->host, &io_host->at.ip)) {
        io_host->at.port = io_host->port;
        return true;
    }
    io_host->name = record->host;
    return scan_while(&in, byte_is_host, &name) && scan_end(&in);
}

// By preference, behind those that are equal; a place that is there already keeps its best one.
static void insert(struct host_list *list, const struct host *host)
{
    size_t at;
    for (size_t i = 0; i < list->count; i++) {
        if (is_same_place(&list->at[i], host) && list->at[i].preference <= host->preference)
            return;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (is_same_place(&list->at[i], host)) {
            list->count--;
            memmove(&list->at[i], &list->at[i + 1], (list->count - i) * sizeof(*list->at));
            break;
        }
    }
    for (at = list->count; at > 0 && list->at[at - 1].preference > host->preference; at--)
        list->at[at] = list->at[at - 1];
    list->at[at] = *host;
    list->count++;
}

static bool is_same_place(const struct host *a, const struct host *b)
{
    return str_eq(a->name, b->name) && ip_eq(&a->at.ip, &b->at.ip);
}

// So that senders spread over equal hosts, whatever order the server gives them in.
static void shuffle_equals(struct host_list *list)
{
    for (size_t from = 0, to; from < list->count; from = to) {
        for (to = from + 1; to < list->count; to++)
            if (list->at[to].preference != list->at[from].preference)
                break;
        hosts_shuffle(&list->at[from], to - from, sizeof(*list->at));
    }
}

struct err hosts_name_read(struct arena *a, struct str text, struct str *out)
{
    struct idna_result ascii = {.fault = IDNA_FINE, .text = text};
    struct str name = STR_NULL, all;
    *out = STR_NULL;
    if (!str_is_ascii(text))
        TRY(idna_to_ascii(a, text, &ascii));
    if (ascii.fault != IDNA_FINE)
        return OK;
    struct err e = dns_name_read(a, ascii.text, &name);
    if (e.kind == ERR_SYNTAX)
        return OK;
    TRY(e);
    struct scan in = scan_over(name);
    if (!str_eq(name, S(".")) && scan_while(&in, byte_is_host, &all) && scan_end(&in))
        *out = name;
    return OK;
}

// Underscores are in no host name (RFC 1123 2.1), and in real ones.
static bool byte_is_host(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

static void refuse(struct host_list *list, struct str domain, struct str status, struct str text)
{
    list->count = 0;
    list->trouble = answer_permanent(CLIENT_CONNECT, FAILURE_DNS, domain, status, text);
}
