// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/hosts_address.c: the addresses of a host that may be tried, in the order in which
// to try them (outbound.md 5, 6.2).
#include "deliver/hosts/hosts_parts.h"

#include "deliver/answer.h"
#include "rt/clock.h"

#define ADDRESSES_MAX 10 // of routes that say nothing: outbound.md 3.3

struct family { // what is left of an answer
    struct host_address *at;
    size_t count;
    bool had_prohibited, had_ours;
};

static enum dns_families families_of(const struct route *route);
static struct err of_place(const struct hosts_inputs *in, const struct host *host, struct arena *a,
        struct host_addresses *out);
static struct err usable(const struct hosts_inputs *in, const struct host *host, struct arena *a,
        const struct dns_ip_answer *answer, struct family *out);
static bool may_try(const struct hosts_inputs *in, const struct host *host, const struct ip *ip,
        struct family *io);
static bool has(const struct family *f, const struct ip *ip);
static struct err arrange(const struct route *route, const struct host *host, struct arena *a,
        struct family families[2], struct host_addresses *out);
static size_t share_of_first(size_t most, const struct family *first, const struct family *second);
static void read_status(const struct dns_addresses *dns, struct host_addresses *out);
static const struct dns_answer *telling_answer(const struct dns_addresses *dns);
static struct client_answer trouble_of(const struct hosts_inputs *in, const struct host *host,
        struct arena *a, const struct family families[2]);
static struct client_answer no_address(const struct hosts_inputs *in, const struct host *host);

struct err host_addresses_find(const struct hosts_inputs *in, const struct host *host,
        struct arena *a, struct host_addresses *out)
{
    struct host_addresses found = {0};
    struct family families[2] = {0};
    struct host h = *host;
    if (str_is_null(h.name))
        return of_place(in, host, a, out);
    if (h.looked_up == NULL)
        TRY(host_look_up(in, a, &h));
    TRY(usable(in, &h, a, &h.looked_up->ipv4, &families[0]));
    TRY(usable(in, &h, a, &h.looked_up->ipv6, &families[1]));
    TRY(arrange(in->route, &h, a, families, &found));
    read_status(h.looked_up, &found);
    if (found.count == 0)
        found.trouble = trouble_of(in, &h, a, families);
    *out = found;
    return OK;
}

struct err host_look_up(const struct hosts_inputs *in, struct arena *a, struct host *host)
{
    struct dns_addresses *found = arena_make(a, struct dns_addresses);
    if (found == NULL)
        return fail(ERR_LIMIT, "no memory for addresses");
    enum dns_families families = families_of(in->route);
    if (host->is_exempt) // a relay's name
        TRY(dns_addresses_here(in->resolver, a, host->name, families, found));
    else
        TRY(dns_addresses(in->resolver, a, host->name, families, found));
    host->looked_up = found;
    return OK;
}

static enum dns_families families_of(const struct route *route)
{
    switch (route->ip_order) {
    case IP4_ONLY:
        return DNS_IPV4_ONLY;
    case IP6_ONLY:
        return DNS_IPV6_ONLY;
    case IP4_THEN_IP6:
    case IP6_THEN_IP4:
    case IP_ALTERNATE:
        return DNS_BOTH;
    }
    return DNS_BOTH;
}

// A host that is an address, or a Unix socket. That it is not us has been looked at with the list.
static struct err of_place(const struct hosts_inputs *in, const struct host *host, struct arena *a,
        struct host_addresses *out)
{
    struct host_address *one = arena_make(a, struct host_address);
    struct family none = {0};
    struct str shown = endpoint_text(a, &host->at);
    if (one == NULL || str_is_null(shown))
        return fail(ERR_LIMIT, "no memory for addresses");
    *one = (struct host_address){.at = host->at, .dnssec = DNSSEC_INSECURE};
    *out = (struct host_addresses){.at = one, .count = 1};
    if (str_is_null(host->at.unix_path) && !may_try(in, host, &host->at.ip, &none)) {
        out->count = 0;
        out->trouble = answer_permanent(
                CLIENT_CONNECT, FAILURE_DNS, shown, S("5.4.4"), S("host address not usable"));
    }
    return OK;
}

// Mapped addresses are IPv4: so they are connected to, and so they are prohibited.
static struct err usable(const struct hosts_inputs *in, const struct host *host, struct arena *a,
        const struct dns_ip_answer *answer, struct family *out)
{
    struct family f = {.at = arena_array(a, answer->count + 1, struct host_address)};
    if (f.at == NULL)
        return fail(ERR_LIMIT, "no memory for addresses");
    for (size_t i = 0; i < answer->count; i++) {
        struct ip ip = ip_unmap(answer->at[i]);
        if (!has(&f, &ip) && may_try(in, host, &ip, &f))
            f.at[f.count++] = (struct host_address){
                    .at = {.ip = ip, .port = host->port}, .dnssec = answer->answer.dnssec};
    }
    hosts_shuffle(f.at, f.count, sizeof(*f.at));
    *out = f;
    return OK;
}

static bool may_try(const struct hosts_inputs *in, const struct host *host, const struct ip *ip,
        struct family *io)
{
    const struct route *route = in->route;
    if (host->is_exempt)
        return true;
    if (in->settings->detect_self && self_has_address(in->self, ip, host->port)) {
        io->had_ours = true;
        return false;
    }
    bool prohibited = route->prohibited != NULL && nets_contains(route->prohibited, ip, wall_ms());
    io->had_prohibited |= prohibited;
    return !prohibited;
}

static bool has(const struct family *f, const struct ip *ip)
{
    for (size_t i = 0; i < f->count; i++)
        if (ip_eq(&f->at[i].at.ip, ip))
            return true;
    return false;
}

// families: IPv4, IPv6.
static struct err arrange(const struct route *route, const struct host *host, struct arena *a,
        struct family families[2], struct host_addresses *out)
{
    bool alternate = route->ip_order == IP_ALTERNATE;
    bool first_is_6 = route->ip_order == IP6_THEN_IP4 || route->ip_order == IP6_ONLY ||
                      (alternate && host->worked_last == IP_V6);
    const struct family *first = &families[first_is_6], *second = &families[!first_is_6];
    size_t most = route->addresses_max > 0 ? route->addresses_max : ADDRESSES_MAX;
    size_t of_first = share_of_first(most, first, second), i = 0, k = 0;
    struct host_address *at = arena_array(a, first->count + second->count + 1, struct host_address);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for addresses");
    while (out->count < most && (i < of_first || k < second->count)) {
        bool is_seconds_turn = alternate ? i > k : i == of_first;
        if (i == of_first || (is_seconds_turn && k < second->count))
            at[out->count++] = second->at[k++];
        else
            at[out->count++] = first->at[i++];
    }
    out->at = at;
    return OK;
}

// One place is left to the second family, so that mail goes on when the first is blocked.
static size_t share_of_first(size_t most, const struct family *first, const struct family *second)
{
    if (most >= 2 && second->count > 0)
        most--;
    return first->count < most ? first->count : most;
}

static void read_status(const struct dns_addresses *dns, struct host_addresses *out)
{
    const struct dns_answer *telling = telling_answer(dns);
    out->chain = telling->chain;
    out->chain_count = telling->chain_count;
    out->dnssec = telling->outcome == DNS_ANSWER ? telling->dnssec : dns->dnssec;
}

// The CNAMEs are the same for both families; of two answers the signed one tells more.
static const struct dns_answer *telling_answer(const struct dns_addresses *dns)
{
    bool has4 = dns->ipv4.count > 0, has6 = dns->ipv6.count > 0;
    if (has4 && has6 && dns->ipv4.answer.dnssec != DNSSEC_SECURE)
        return &dns->ipv6.answer;
    return has6 && !has4 ? &dns->ipv6.answer : &dns->ipv4.answer;
}

// --- None is left --------------------------------------------------------------------------------

static struct client_answer trouble_of(const struct hosts_inputs *in, const struct host *host,
        struct arena *a, const struct family families[2])
{
    const struct dns_answer *of4 = &host->looked_up->ipv4.answer;
    const struct dns_answer *of6 = &host->looked_up->ipv6.answer;
    enum dns_families asked = families_of(in->route);
    struct err mute = OK;
    if ((asked & DNS_IPV4_ONLY) != 0 && dns_is_temporary(of4->outcome))
        mute = dns_trouble(a, of4);
    else if ((asked & DNS_IPV6_ONLY) != 0 && dns_is_temporary(of6->outcome))
        mute = dns_trouble(a, of6);
    if (failed(mute))
        return answer_temporary(
                CLIENT_CONNECT, FAILURE_DNS, host->name, S("4.4.3"), err_text(mute));
    if (families[0].had_ours || families[1].had_ours)
        return answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION, host->name, S("4.4.6"),
                S("the host is this server itself"));
    if (families[0].had_prohibited || families[1].had_prohibited)
        return answer_permanent(
                CLIENT_CONNECT, FAILURE_DNS, host->name, S("5.4.4"), S("host address not usable"));
    return no_address(in, host);
}

// A relay without an address is a mistake of ours, which no sender should hear of: its mail waits.
static struct client_answer no_address(const struct hosts_inputs *in, const struct host *host)
{
    struct str status = S("5.4.4"), text = S("MX host has no address");
    if (in->route->ip_order == IP4_ONLY)
        text = S("host has no IPv4 address");
    else if (in->route->ip_order == IP6_ONLY)
        text = S("host has no IPv6 address");
    else if (host->is_implicit)
        text = S("the domain has neither an MX nor an address");
    if (host->is_implicit && families_of(in->route) == DNS_BOTH)
        status = S("5.1.2");
    if (host->is_exempt)
        return answer_temporary(CLIENT_CONNECT, FAILURE_DNS, host->name, S("4.4.3"),
                S("the relay has no address in the DNS"));
    return answer_permanent(CLIENT_CONNECT, FAILURE_DNS, host->name, status, text);
}
