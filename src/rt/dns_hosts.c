// SPDX-License-Identifier: Apache-2.0
// rt/dns_hosts.c: see dns_hosts.h.
#include "rt/dns_hosts.h"

#include "rt/dns_resolver.h"

static struct err read_line(struct arena *a, struct str line, struct dns_hosts *io);
static struct err add_name(
        struct arena *a, struct str text, const struct ip *ip, struct dns_hosts *io);
static bool take_word(struct scan *in, struct str *out);
static bool is_word_byte(uint8_t c);
static struct err collect(const struct dns_hosts *hosts, struct arena *a, struct str name,
        uint16_t type, struct dns_ip_answer *out);

struct err dns_hosts_read(struct arena *a, struct str text, struct dns_hosts *out)
{
    struct scan in = scan_over(text);
    struct dns_hosts hosts = {0};
    struct str line;
    while (scan_line(&in, &line))
        TRY(read_line(a, line, &hosts));
    *out = hosts;
    return OK;
}

// line = [ address 1*( blanks name ) ] [ "#" comment ]        hosts(5)
static struct err read_line(struct arena *a, struct str line, struct dns_hosts *io)
{
    struct str said = line, comment, word;
    struct ip ip;
    (void)str_cut(line, '#', &said, &comment);
    struct scan in = scan_over(said);
    if (!take_word(&in, &word) || !ip_parse(word, &ip))
        return OK;
    ip = ip_unmap(ip);
    while (take_word(&in, &word))
        TRY(add_name(a, word, &ip, io));
    return OK;
}

static bool take_word(struct scan *in, struct str *out)
{
    scan_blanks(in);
    return scan_while(in, is_word_byte, out);
}

static bool is_word_byte(uint8_t c)
{
    return c > ' ' && c != 0x7f;
}

static struct err add_name(
        struct arena *a, struct str text, const struct ip *ip, struct dns_hosts *io)
{
    struct str name;
    struct err e = dns_name_read(a, text, &name);
    if (failed(e) && e.kind == ERR_SYNTAX)
        return OK;
    if (failed(e))
        return e;
    if (io->all.count == DNS_HOSTS_NAMES_MAX)
        return fail(ERR_LIMIT, "more than 65536 names");
    struct dns_host *host = vec_add(a, &io->all);
    if (host == NULL)
        return fail(ERR_LIMIT, "no memory for another name");
    *host = (struct dns_host){name, *ip};
    return OK;
}

struct err dns_addresses_here(struct resolver *r, struct arena *a, struct str host,
        enum dns_families families, struct dns_addresses *out)
{
    const struct dns_hosts *hosts = r->settings.hosts;
    struct dns_addresses all = {.outcome = DNS_ANSWER, .dnssec = DNSSEC_INSECURE};
    struct str name;
    if (hosts == NULL || hosts->all.count == 0)
        return dns_addresses(r, a, host, families, out);
    TRY(dns_name_read(a, host, &name));
    if ((families & DNS_IPV4_ONLY) != 0)
        TRY(collect(hosts, a, name, DNS_A, &all.ipv4));
    if ((families & DNS_IPV6_ONLY) != 0)
        TRY(collect(hosts, a, name, DNS_AAAA, &all.ipv6));
    if (all.ipv4.count + all.ipv6.count == 0)
        return dns_addresses(r, a, host, families, out);
    *out = all;
    return OK;
}

static struct err collect(const struct dns_hosts *hosts, struct arena *a, struct str name,
        uint16_t type, struct dns_ip_answer *out)
{
    VEC(struct ip) found = {0};
    uint8_t family = type == DNS_A ? IP_V4 : IP_V6;
    each_in_vec (h, &hosts->all) {
        if (h->ip.family != family || !str_eq(h->name, name) || found.count == DNS_ADDRESSES_MAX)
            continue;
        struct ip *ip = vec_add(a, &found);
        if (ip == NULL)
            return fail(ERR_LIMIT, "no memory for addresses");
        *ip = h->ip;
    }
    *out = (struct dns_ip_answer){.answer = {.name = name,
                                          .type = type,
                                          .outcome = found.count > 0 ? DNS_ANSWER : DNS_NODATA},
            .at = found.at,
            .count = found.count};
    return OK;
}
