// SPDX-License-Identifier: Apache-2.0
// listen/bind.c: the forms of a bind element, tried in the order of listeners.md 3.1, and what
// follows from two of them together. The numbers in the comments are the rows of that table.
#include "listen/bind.h"

static struct err unix_parse(struct arena *a, struct str path, struct bind *out);
static struct err systemd_parse(struct arena *a, struct str name, struct bind *out);
static bool bracket_parse(struct str text, uint16_t default_port, struct bind *out);
static bool ip4_port_parse(struct str text, struct bind *out);
static bool wildcard_parse(struct str text, struct bind *out);
static bool port_parse(struct str text, uint16_t *out);
static void keep_in(struct arena *a, struct bind *b);
static struct str port_trap(struct arena *a, struct str text, uint16_t default_port);
static struct str hint_for(struct str text);
static bool is_host_byte(uint8_t c);
static bool is_wildcard(const struct bind *b, uint8_t family);

struct str listen_protocol_name(enum listen_protocol protocol)
{
    switch (protocol) {
    case LISTEN_SMTP:
        return S("smtp");
    case LISTEN_LMTP:
        return S("lmtp");
    case LISTEN_HTTP:
        return S("http");
    case LISTEN_IMAP:
        return S("imap");
    case LISTEN_POP3:
        return S("pop3");
    case LISTEN_MANAGESIEVE:
        return S("managesieve");
    }
    return S("");
}

// listeners.md 3.2
uint16_t listen_default_port(enum listen_protocol protocol, bool tls_implicit)
{
    switch (protocol) {
    case LISTEN_SMTP:
        return tls_implicit ? 465 : 25;
    case LISTEN_LMTP:
        return 24;
    case LISTEN_HTTP:
        return tls_implicit ? 443 : 80;
    case LISTEN_IMAP:
        return tls_implicit ? 993 : 143;
    case LISTEN_POP3:
        return tls_implicit ? 995 : 110;
    case LISTEN_MANAGESIEVE:
        return 4190;
    }
    return 0;
}

struct err bind_parse(struct arena *a, struct str written, uint16_t default_port, struct bind *out,
        struct bind_advice *out_advice)
{
    struct str text = str_trim(written);
    struct bind b = {.form = BIND_IP, .at.port = default_port};
    *out_advice = (struct bind_advice){0};
    if (str_starts(text, S("unix:")))
        return unix_parse(a, str_from(text, 5), out);
    if (str_starts(text, S("systemd:")))
        return systemd_parse(a, str_from(text, 8), out);
    if (ip6_parse(text, &b.at.ip) || ip4_parse(text, &b.at.ip)) { // 5 and 7
        b.port_by_default = true;
        if (b.at.ip.family == IP_V6)
            out_advice->warning = port_trap(a, text, default_port);
    } else if (!bracket_parse(text, default_port, &b) && !ip4_port_parse(text, &b) &&
               !wildcard_parse(text, &b)) {
        out_advice->hint = hint_for(text);
        return fail_fmt(a, ERR_SYNTAX,
                "invalid socket address \"%.*s\" (expected \"address:port\" or \"[ipv6]:port\")",
                ARG(text));
    }
    b.at.ip = ip_unmap(b.at.ip);
    keep_in(a, &b);
    *out = b;
    return OK;
}

bool bind_is_wildcard4(const struct bind *b)
{
    return is_wildcard(b, IP_V4);
}

bool bind_is_wildcard6(const struct bind *b)
{
    return is_wildcard(b, IP_V6);
}

// listeners.md 3.3. The kernel chooses the port for 0: two of these never meet.
enum bind_relation bind_relate(const struct bind *a, const struct bind *b)
{
    if (a->form != b->form)
        return BIND_APART;
    if (a->form == BIND_UNIX)
        return str_eq(a->at.unix_path, b->at.unix_path) ? BIND_SAME : BIND_APART;
    if (a->form == BIND_SYSTEMD)
        return str_eq(a->name, b->name) ? BIND_SAME : BIND_APART;
    if (a->at.port != b->at.port || a->at.port == 0)
        return BIND_APART;
    if (ip_eq(&a->at.ip, &b->at.ip))
        return str_eq(a->zone, b->zone) ? BIND_SAME : BIND_APART;
    if (bind_is_wildcard6(a) || bind_is_wildcard6(b))
        return BIND_COVERED;
    bool one_family = a->at.ip.family == b->at.ip.family;
    return one_family && (bind_is_wildcard4(a) || bind_is_wildcard4(b)) ? BIND_COVERED : BIND_APART;
}

// listeners.md 3.4
bool bind_v6only(const struct bind *b, int forced, bool wildcard4_on_port)
{
    if (!bind_is_wildcard6(b))
        return true;
    return forced >= 0 ? forced == 1 : wildcard4_on_port;
}

struct str bind_text(struct arena *a, const struct bind *b)
{
    if (b->form == BIND_SYSTEMD)
        return arena_fmt(a, "systemd:%.*s", ARG(b->name));
    if (b->form == BIND_UNIX)
        return arena_fmt(a, "unix:%.*s", ARG(b->at.unix_path));
    if (str_is_null(b->zone))
        return endpoint_text(a, &b->at);
    return arena_fmt(
            a, "[%.*s%%%.*s]:%d", ARG(ip_text(a, &b->at.ip)), ARG(b->zone), (int)b->at.port);
}

// 1. unix:/path and unix:@abstract
static struct err unix_parse(struct arena *a, struct str path, struct bind *out)
{
    if (path.len == 0 || (path.ptr[0] != '/' && path.ptr[0] != '@'))
        return fail_fmt(a, ERR_SYNTAX,
                "invalid socket address \"unix:%.*s\" (expected unix:/PATH or unix:@NAME)",
                ARG(path));
    if (path.len > UNIX_PATH_BYTES_MAX)
        return fail_fmt(a, ERR_SYNTAX, "the path of a UNIX socket has at most %d bytes, this %zu",
                UNIX_PATH_BYTES_MAX, path.len);
    *out = (struct bind){.form = BIND_UNIX, .at.unix_path = arena_str(a, path)};
    return OK;
}

// 2. systemd:NAME
static struct err systemd_parse(struct arena *a, struct str name, struct bind *out)
{
    if (name.len == 0)
        return fail(ERR_SYNTAX, "invalid socket address \"systemd:\" (expected systemd:NAME)");
    *out = (struct bind){.form = BIND_SYSTEMD, .name = arena_str(a, name)};
    return OK;
}

// 3 and 4. "[" v6 [ "%" zone ] "]" [ ":" port ]
static bool bracket_parse(struct str text, uint16_t default_port, struct bind *out)
{
    struct scan in = scan_over(text);
    struct bind b = {.form = BIND_IP, .at.port = default_port};
    struct str inside, address, zone = STR_NULL;
    if (!scan_byte(&in, '[') || !scan_until_past(&in, ']', &inside))
        return false;
    if (!str_cut(inside, '%', &address, &zone))
        address = inside;
    if (!ip6_parse(address, &b.at.ip) || (!str_is_null(zone) && zone.len == 0))
        return false;
    b.zone = zone;
    b.port_by_default = scan_end(&in);
    if (!b.port_by_default && (!scan_byte(&in, ':') || !port_parse(scan_rest(&in), &b.at.port)))
        return false;
    *out = b;
    return true;
}

// 6. v4 ":" port
static bool ip4_port_parse(struct str text, struct bind *out)
{
    struct bind b = {.form = BIND_IP};
    struct str address, port;
    if (!str_cut(text, ':', &address, &port) || !ip4_parse(address, &b.at.ip) ||
            !port_parse(port, &b.at.port))
        return false;
    *out = b;
    return true;
}

// 8 and 9. [ [ "*" ] ":" ] port: all addresses, as [::]
static bool wildcard_parse(struct str text, struct bind *out)
{
    struct bind b = {.form = BIND_IP, .at.ip.family = IP_V6};
    struct scan in = scan_over(text);
    if (scan_byte(&in, '*') && scan_peek(&in) != ':')
        return false;
    scan_byte(&in, ':');
    if (!port_parse(scan_rest(&in), &b.at.port))
        return false;
    *out = b;
    return true;
}

static bool port_parse(struct str text, uint16_t *out)
{
    uint64_t port;
    if (!str_to_u64(text, UINT16_MAX, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}

static void keep_in(struct arena *a, struct bind *b)
{
    if (!str_is_null(b->zone))
        b->zone = arena_str(a, b->zone);
}

// 5 has a trap: ::1:25 is an address. Says so when its last group looks like a port that mail
// servers use; otherwise null.
static struct str port_trap(struct arena *a, struct str text, uint16_t default_port)
{
    static const struct str ports[] = {S_INIT("24"), S_INIT("25"), S_INIT("80"), S_INIT("110"),
            S_INIT("143"), S_INIT("443"), S_INIT("465"), S_INIT("587"), S_INIT("993"),
            S_INIT("995"), S_INIT("4190"), S_INIT("8080")};
    struct str address, group = STR_NULL;
    bool is_port = false;
    if (!str_rcut(text, ':', &address, &group))
        return STR_NULL;
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        is_port = is_port || str_eq(group, ports[i]);
    if (!is_port)
        return STR_NULL;
    // "::25" is the end of an abbreviation: without its second colon it would be no address.
    struct str colon = str_ends(address, S(":")) ? S(":") : S("");
    struct ip ip;
    struct str meant = arena_fmt(a, "%.*s%.*s", ARG(address), ARG(colon));
    if (!ip6_parse(meant, &ip))
        meant = S("address");
    return arena_fmt(a,
            "read as the address [%.*s] with default port %d; write [%.*s]:%.*s if %.*s is the "
            "port",
            ARG(text), (int)default_port, ARG(meant), ARG(group), ARG(group));
}

static struct str hint_for(struct str text)
{
    struct str host, port;
    uint64_t number;
    if (!str_rcut(text, ':', &host, &port)) {
        host = text;
        port = text;
    }
    if (str_to_u64(port, UINT64_MAX, &number) && number > UINT16_MAX)
        return S("a port is at most 65535");
    struct scan in = scan_over(host);
    struct str name;
    bool letters = false;
    for (size_t i = 0; i < host.len; i++)
        letters = letters || byte_is_alpha((uint8_t)host.ptr[i]);
    if (letters && scan_while(&in, is_host_byte, &name) && scan_end(&in))
        return S("host names are not resolved here: write the address");
    return STR_NULL;
}

static bool is_host_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

static bool is_wildcard(const struct bind *b, uint8_t family)
{
    return b->form == BIND_IP && b->at.ip.family == family && ip_is_unspecified(&b->at.ip);
}
