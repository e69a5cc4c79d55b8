// SPDX-License-Identifier: Apache-2.0
// base/endpoint.c: ends of sockets as text and back. An IPv6 address stands in brackets, with its
// zone as a number (RFC 4007 11.2), so that the port's colon is unmistakable.
#define POSTHASTE_BASE_ROOM
#include "base/ip.h"

static bool unix_parse(struct str path, struct endpoint *out);
static bool take_ip6(struct scan *in, struct endpoint *e);
static bool number_parse(struct str digits, uint64_t max, uint64_t *out);

void endpoint_add(struct buf *out, const struct endpoint *e)
{
    if (!str_is_null(e->unix_path)) {
        buf_add(out, S("unix:"));
        buf_add(out, e->unix_path);
        return;
    }
    bool v6 = e->ip.family == IP_V6;
    if (v6)
        buf_add_byte(out, '[');
    ip_add(out, &e->ip);
    if (v6 && e->scope != 0)
        buf_fmt(out, "%%%u", e->scope);
    if (v6)
        buf_add_byte(out, ']');
    buf_fmt(out, ":%u", e->port);
}

struct str endpoint_text(struct arena *a, const struct endpoint *e)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 64 + e->unix_path.len);
    endpoint_add(&text, e);
    return arena_str(a, buf_str(&text));
}

bool endpoint_parse(struct str text, struct endpoint *out)
{
    if (str_starts(text, S("unix:")))
        return unix_parse(str_from(text, 5), out);
    struct scan in = scan_over(text);
    struct endpoint e = {0};
    uint64_t port;
    if (scan_peek(&in) == '[') {
        if (!take_ip6(&in, &e))
            return false;
    } else {
        struct str address;
        if (!scan_until(&in, ':', &address) || !ip4_parse(address, &e.ip))
            return false;
    }
    if (!scan_byte(&in, ':') || !number_parse(scan_rest(&in), UINT16_MAX, &port))
        return false;
    e.port = (uint16_t)port;
    *out = e;
    return true;
}

static bool unix_parse(struct str path, struct endpoint *out)
{
    bool abstract = str_starts(path, S("@"));
    if (path.len < 2 || path.len > UNIX_PATH_BYTES_MAX || (!abstract && path.ptr[0] != '/'))
        return false;
    if (!abstract && str_find_byte(path, '\0') != STR_NOT_FOUND)
        return false;
    *out = (struct endpoint){.unix_path = path};
    return true;
}

// "[" IPv6-address [ "%" zone ] "]"
static bool take_ip6(struct scan *in, struct endpoint *e)
{
    struct str inside, address, zone;
    if (!scan_byte(in, '[') || !scan_until_past(in, ']', &inside))
        return false;
    address = inside;
    if (str_cut(inside, '%', &address, &zone)) {
        uint64_t scope;
        if (!number_parse(zone, UINT32_MAX, &scope) || scope == 0)
            return false;
        e->scope = (uint32_t)scope;
    }
    return ip6_parse(address, &e->ip);
}

// A decimal number that has only one spelling.
static bool number_parse(struct str digits, uint64_t max, uint64_t *out)
{
    return (digits.len == 1 || !str_starts(digits, S("0"))) && str_to_u64(digits, max, out);
}

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b)
{
    if (str_is_null(a->unix_path) != str_is_null(b->unix_path))
        return false;
    if (!str_is_null(a->unix_path))
        return str_eq(a->unix_path, b->unix_path);
    return a->port == b->port && a->scope == b->scope && ip_eq(&a->ip, &b->ip);
}
