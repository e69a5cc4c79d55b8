// SPDX-License-Identifier: Apache-2.0
// server/plan_dns.c: whom to ask, how long, what to believe, how much to keep.
#include "server/plan_dns.h"

#include "rt/dns_hosts.h"
#include "rt/file.h"

#define RESOLV_CONF_PATH "/etc/resolv.conf"
#define RESOLV_CONF_BYTES_MAX (64 * KIB)
#define HOSTS_PATH "/etc/hosts"
#define SERVERS_MAX 16
#define PORT_DNS_OVER_TLS 853 // RFC 7858 3.1
#define TRY_S_MAX 30          // of resolv.conf(5), as libc bounds it
#define TRIES_MAX 5

static bool servers_make(
        const struct conf *conf, struct findings *f, struct arena *a, struct dns_settings *io);
static bool custom_make(
        const struct conf *conf, struct findings *f, struct arena *a, struct dns_settings *io);
static struct err system_make(const struct conf *conf, struct arena *a, struct dns_settings *io);
static struct err resolv_conf_read(struct arena *a, struct dns_settings *io);
static struct err trust_check(const struct dns_settings *s);
static bool same_servers(const struct dns_settings *a, const struct dns_settings *b);
static bool public_make(struct arena *a, struct str type, struct dns_settings *io);
static bool anchor_make(const struct conf *conf, struct findings *f, struct dns_settings *io);
static bool hosts_make(
        const struct conf *conf, struct findings *f, struct arena *a, struct dns_settings *io);
static void kept_make(const struct conf *conf, struct dns_settings *io);
static uint32_t seconds(const struct conf *conf, struct str key);
static void read_options(struct str words, struct dns_settings *io);
static bool number_behind(struct str word, struct str key, uint64_t *out);

struct public_service {
    struct str name, auth_name;
    struct str addresses[4];
};
static const struct public_service services[] = {
        {S_INIT("cloudflare"), S_INIT("cloudflare-dns.com"),
                {S_INIT("1.1.1.1"), S_INIT("1.0.0.1"), S_INIT("2606:4700:4700::1111"),
                        S_INIT("2606:4700:4700::1001")}},
        {S_INIT("quad9"), S_INIT("dns.quad9.net"),
                {S_INIT("9.9.9.9"), S_INIT("149.112.112.112"), S_INIT("2620:fe::fe"),
                        S_INIT("2620:fe::9")}},
        {S_INIT("google"), S_INIT("dns.google"),
                {S_INIT("8.8.8.8"), S_INIT("8.8.4.4"), S_INIT("2001:4860:4860::8888"),
                        S_INIT("2001:4860:4860::8844")}},
};

bool plan_dns_make(const struct conf *conf, struct findings *findings, struct arena *a,
        struct dns_settings *out)
{
    static const enum dns_validation validations[] = {
            DNS_VALIDATE_AUTO, DNS_VALIDATE, DNS_VALIDATE_OFF, DNS_TRUST_AD};
    struct dns_settings s = dns_settings_default();
    int dnssec = conf_enum(conf, S("resolver.dnssec"));
    s.try_ms = conf_duration_ms(conf, S("resolver.timeout"));
    s.retry_count = (uint32_t)conf_u64(conf, S("resolver.attempts"));
    s.ttl_min_s = seconds(conf, S("resolver.min-ttl"));
    s.ttl_max_s = seconds(conf, S("resolver.max-ttl"));
    s.ttl_negative_max_s = seconds(conf, S("resolver.negative-ttl"));
    s.stale_max_s = seconds(conf, S("resolver.serve-stale"));
    s.inflight_max = conf_u64(conf, S("resolver.max-inflight"));
    if (dnssec >= 0 && dnssec < (int)COUNT_OF(validations))
        s.validation = validations[dnssec];
    kept_make(conf, &s);
    if (s.ttl_min_s > s.ttl_max_s) {
        conf_error(conf, findings, S("resolver.min-ttl"), -1, S("resolver-ttl"),
                "resolver.min-ttl is longer than resolver.max-ttl");
        return false;
    }
    bool good = anchor_make(conf, findings, &s);
    good &= hosts_make(conf, findings, a, &s);
    if (!servers_make(conf, findings, a, &s) || !good)
        return false;
    struct err e = trust_check(&s);
    if (failed(e)) {
        conf_error(conf, findings, S("resolver.dnssec"), -1, S("bad-resolver"), "%.*s",
                ARG(err_text(e)));
        return false;
    }
    *out = s;
    return true;
}

struct err plan_dns_default(struct arena *a, struct dns_settings *out)
{
    struct dns_settings s = dns_settings_default();
    TRY(resolv_conf_read(a, &s));
    *out = s;
    return OK;
}

static uint32_t seconds(const struct conf *conf, struct str key)
{
    int64_t s = conf_duration_ms(conf, key) / SECOND_MS;
    return s > INT32_MAX ? INT32_MAX : (uint32_t)s;
}

static void kept_make(const struct conf *conf, struct dns_settings *io)
{
    static const struct {
        enum dns_kept kind;
        struct str key;
    } sizes[] = {
            {DNS_KEPT_TXT, S_INIT("cache.dns.txt.size")},
            {DNS_KEPT_MX, S_INIT("cache.dns.mx.size")},
            {DNS_KEPT_IPV4, S_INIT("cache.dns.ipv4.size")},
            {DNS_KEPT_IPV6, S_INIT("cache.dns.ipv6.size")},
            {DNS_KEPT_PTR, S_INIT("cache.dns.ptr.size")},
            {DNS_KEPT_TLSA, S_INIT("cache.dns.tlsa.size")},
            {DNS_KEPT_BLOCKLIST, S_INIT("cache.dns.rbl.size")},
    };
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        io->kept_bytes[sizes[i].kind] = conf_u64(conf, sizes[i].key);
}

// Workers open it, perhaps when nobody looks any more: whether they can is found out now.
static bool anchor_make(const struct conf *conf, struct findings *f, struct dns_settings *io)
{
    struct str key = S("resolver.trust-anchor");
    io->trust_anchor = conf_str(conf, key);
    if (str_is_empty(io->trust_anchor)) {
        io->trust_anchor = STR_NULL;
        return true;
    }
    struct arena a AUTO(arena_done);
    struct str text;
    arena_init(&a, MIB);
    struct err e = file_read(&a, io->trust_anchor, MIB / 2, &text, NULL);
    if (failed(e))
        conf_error(conf, f, key, -1, S("unreadable-file"), "%.*s", ARG(err_text(e)));
    return !failed(e);
}

static bool hosts_make(
        const struct conf *conf, struct findings *f, struct arena *a, struct dns_settings *io)
{
    struct str key = S("resolver.hosts-file"), text = STR_NULL;
    if (!conf_bool(conf, key))
        return true;
    struct dns_hosts *hosts = arena_make(a, struct dns_hosts);
    struct err e = hosts == NULL ? fail(ERR_LIMIT, "no memory for its names") : OK;
    if (!failed(e))
        e = file_read(a, S(HOSTS_PATH), DNS_HOSTS_BYTES_MAX, &text, NULL);
    if (!failed(e))
        e = dns_hosts_read(a, text, hosts);
    if (failed(e))
        conf_error(conf, f, key, -1, S("unreadable-file"), HOSTS_PATH ": %.*s", ARG(err_text(e)));
    io->hosts = hosts;
    return !failed(e);
}

static bool servers_make(
        const struct conf *conf, struct findings *f, struct arena *a, struct dns_settings *io)
{
    struct str key = S("resolver.type"), type = conf_str(conf, key);
    if (str_eq(type, S("custom")))
        return custom_make(conf, f, a, io);
    if (!str_eq(type, S("system")))
        return public_make(a, type, io);
    struct err e = system_make(conf, a, io);
    if (failed(e))
        conf_error(conf, f, key, -1, S("no-resolver"),
                "%.*s; write a server there, or name one with resolver.type = \"custom\"",
                ARG(err_text(e)));
    return !failed(e);
}

static bool custom_make(
        const struct conf *conf, struct findings *f, struct arena *a, struct dns_settings *io)
{
    struct str key = S("resolver.custom");
    struct conf_list list = conf_list(conf, key);
    struct dns_server *servers = arena_array(a, list.count + 1, struct dns_server);
    if (list.count == 0 || servers == NULL) {
        conf_error(conf, f, key, -1, S("no-resolver"),
                "At least one custom resolver must be specified.");
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < list.count; i++) {
        struct err e = plan_dns_server(list.at[i].text, &servers[i]);
        if (!failed(e) && servers[i].protocol != servers[0].protocol)
            e = fail(ERR_SYNTAX, "all servers must be of one protocol");
        if (failed(e))
            conf_error(conf, f, key, (int)i, S("bad-resolver"), "%.*s", ARG(err_text(e)));
        good = good && !failed(e);
    }
    io->servers = servers;
    io->server_count = list.count;
    return good;
}

struct err plan_dns_server(struct str text, struct dns_server *out)
{
    static const struct {
        struct str scheme;
        enum dns_protocol protocol;
        uint16_t port;
    } protocols[] = {
            {S_INIT("udp://"), DNS_UDP, PORT_DNS},
            {S_INIT("tcp://"), DNS_TCP, PORT_DNS},
            {S_INIT("tls://"), DNS_TLS, PORT_DNS_OVER_TLS},
    };
    struct dns_server server = {.protocol = DNS_UDP, .port = PORT_DNS};
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        if (!str_starts_nocase(text, protocols[i].scheme))
            continue;
        server.protocol = protocols[i].protocol;
        server.port = protocols[i].port;
        text = str_from(text, protocols[i].scheme.len);
    }
    struct str before;
    if (str_cut(text, '#', &before, &server.auth_name)) {
        text = before;
        if (server.protocol != DNS_TLS || str_is_empty(server.auth_name))
            return fail(ERR_SYNTAX, "#NAME stands behind a tls:// server only");
    }
    struct endpoint at;
    bool brackets = str_starts(text, S("[")) && str_ends(text, S("]"));
    if (ip_parse(brackets ? str_part(text, 1, text.len - 2) : text, &server.ip)) {
        *out = server;
        return OK;
    }
    if (!endpoint_parse(text, &at) || at.ip.family == IP_NONE || at.scope != 0 || at.port == 0)
        return fail(ERR_SYNTAX, "expected [udp://|tcp://|tls://]IP[:PORT][#NAME], IPv6 with a port "
                                "in brackets");
    server.ip = at.ip;
    server.port = at.port;
    *out = server;
    return OK;
}

static bool public_make(struct arena *a, struct str type, struct dns_settings *io)
{
    struct dns_server *servers = arena_array(a, COUNT_OF(services[0].addresses), struct dns_server);
    bool tls = str_ends(type, S("-tls"));
    struct str name = tls ? str_upto(type, type.len - S("-tls").len) : type;
    for (size_t i = 0; servers != NULL && i < COUNT_OF(services); i++) {
        if (!str_eq(services[i].name, name))
            continue;
        for (size_t k = 0; k < COUNT_OF(services[i].addresses); k++) {
            servers[k] = (struct dns_server){.port = tls ? PORT_DNS_OVER_TLS : PORT_DNS,
                    .protocol = tls ? DNS_TLS : DNS_UDP,
                    .auth_name = tls ? services[i].auth_name : STR_NULL};
            bool read = ip_parse(services[i].addresses[k], &servers[k].ip);
            assert(read);
        }
        io->servers = servers;
        io->server_count = COUNT_OF(services[i].addresses);
        return true;
    }
    return false; // another word was refused where it was read
}

// What the configuration says about time wins over what the system's file does.
static struct err system_make(const struct conf *conf, struct arena *a, struct dns_settings *io)
{
    struct dns_settings s = *io;
    s.try_ms = conf_duration_ms(conf, S("resolver.timeout"));
    s.retry_count = (uint32_t)conf_u64(conf, S("resolver.attempts"));
    int64_t try_ms = s.try_ms;
    uint32_t retry_count = s.retry_count;
    TRY(resolv_conf_read(a, &s));
    if (conf_is_set(conf, S("resolver.timeout")))
        s.try_ms = try_ms;
    if (conf_is_set(conf, S("resolver.attempts")))
        s.retry_count = retry_count;
    *io = s;
    return OK;
}

struct err plan_dns_again(
        const struct conf *conf, struct arena *a, struct dns_settings *io, bool *out_changed)
{
    struct arena scratch AUTO(arena_done);
    struct dns_settings now = *io;
    arena_init(&scratch, 4 * RESOLV_CONF_BYTES_MAX);
    *out_changed = false;
    if (!str_eq(conf_str(conf, S("resolver.type")), S("system")))
        return OK;
    TRY(system_make(conf, &scratch, &now));
    TRY(trust_check(&now));
    if (same_servers(&now, io))
        return OK;
    struct dns_server *servers = arena_array(a, now.server_count, struct dns_server);
    if (servers == NULL)
        return fail(ERR_LIMIT, "no memory for the servers of the DNS");
    memcpy(servers, now.servers, now.server_count * sizeof(*servers));
    now.servers = servers;
    *io = now;
    *out_changed = true;
    return OK;
}

// Between us and another machine anybody could set the bit.
static struct err trust_check(const struct dns_settings *s)
{
    if (s->validation != DNS_TRUST_AD)
        return OK;
    for (size_t i = 0; i < s->server_count; i++)
        if (!ip_is_loopback(&s->servers[i].ip) || s->servers[i].protocol == DNS_TLS)
            return fail(ERR_CONFIG, "trust-ad believes servers on loopback only, by UDP or TCP");
    return OK;
}

static bool same_servers(const struct dns_settings *a, const struct dns_settings *b)
{
    if (a->server_count != b->server_count || a->try_ms != b->try_ms ||
            a->retry_count != b->retry_count)
        return false;
    for (size_t i = 0; i < a->server_count; i++)
        if (!ip_eq(&a->servers[i].ip, &b->servers[i].ip))
            return false;
    return true;
}

static struct err resolv_conf_read(struct arena *a, struct dns_settings *io)
{
    struct str text;
    TRY(file_read(a, S(RESOLV_CONF_PATH), RESOLV_CONF_BYTES_MAX, &text, NULL));
    TRY(plan_dns_resolv_conf(a, text, io));
    return io->server_count > 0 ? OK : fail(ERR_CONFIG, RESOLV_CONF_PATH " names no server");
}

struct err plan_dns_resolv_conf(struct arena *a, struct str text, struct dns_settings *io)
{
    struct scan in = scan_over(text);
    struct str line, word, rest;
    struct dns_server *servers = arena_array(a, SERVERS_MAX, struct dns_server);
    size_t count = 0;
    if (servers == NULL)
        return fail(ERR_LIMIT, "no memory for the servers of the DNS");
    while (scan_line(&in, &line)) {
        line = str_trim(line);
        struct scan words = scan_over(line);
        if (!scan_until(&words, ' ', &word) && !scan_until(&words, '\t', &word))
            continue;
        scan_blanks(&words);
        rest = scan_rest(&words);
        if (str_eq(word, S("options")))
            read_options(rest, io);
        struct dns_server server = {.port = PORT_DNS};
        if (str_eq(word, S("nameserver")) && count < SERVERS_MAX && ip_parse(rest, &server.ip))
            servers[count++] = server;
    }
    io->servers = servers;
    io->server_count = count;
    return OK;
}

static void read_options(struct str words, struct dns_settings *io)
{
    struct str word;
    uint64_t number;
    while (str_split(&words, ' ', &word)) {
        if (number_behind(word, S("timeout:"), &number))
            io->try_ms = (int64_t)(number > TRY_S_MAX ? TRY_S_MAX : number) * SECOND_MS;
        if (number_behind(word, S("attempts:"), &number)) // all tries, not those after the first
            io->retry_count = (uint32_t)(number > TRIES_MAX ? TRIES_MAX : number) - 1;
    }
}

static bool number_behind(struct str word, struct str key, uint64_t *out)
{
    return str_starts(word, key) && str_to_u64(str_from(word, key.len), UINT32_MAX, out) &&
           *out > 0;
}
