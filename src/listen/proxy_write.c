// SPDX-License-Identifier: Apache-2.0
// listen/proxy_write.c: PROXY headers of ours, for hosts that want to know whose bytes we bring.
#include "listen/proxy.h"

#define V2_VERSION_AND_PROXY 0x21
#define V2_VERSION_AND_LOCAL 0x20
#define V2_TCP4 0x11
#define V2_TCP6 0x21

static bool is_known(const struct endpoint *e);
static bool needs_ip6(const struct endpoint *source, const struct endpoint *to);
static void write_v1(struct buf *out, const struct endpoint *source, const struct endpoint *to);
static void write_v2(struct buf *out, const struct endpoint *source, const struct endpoint *to);
static void add_text(struct buf *out, const struct ip *ip, bool as_ip6);
static void add_bytes(struct buf *out, const struct ip *ip, bool as_ip6);
static void add_be16(struct buf *out, uint16_t value);

void proxy_write(struct buf *out, uint8_t version, const struct endpoint *source,
        const struct endpoint *destination)
{
    assert(version == 1 || version == 2);
    bool known = is_known(source) && is_known(destination);
    if (version == 2)
        write_v2(out, known ? source : NULL, destination);
    else
        write_v1(out, known ? source : NULL, destination);
}

static bool is_known(const struct endpoint *e)
{
    return str_is_null(e->unix_path) && e->ip.family != IP_NONE;
}

// Both ends stand in one family. Of different ones, the IPv4 address is written as an IPv6 one.
static bool needs_ip6(const struct endpoint *source, const struct endpoint *to)
{
    return source->ip.family == IP_V6 || to->ip.family == IP_V6;
}

static void write_v1(struct buf *out, const struct endpoint *source, const struct endpoint *to)
{
    if (source == NULL) {
        buf_add(out, S("PROXY UNKNOWN\r\n"));
        return;
    }
    bool as_ip6 = needs_ip6(source, to);
    buf_add(out, as_ip6 ? S("PROXY TCP6 ") : S("PROXY TCP4 "));
    add_text(out, &source->ip, as_ip6);
    buf_add_byte(out, ' ');
    add_text(out, &to->ip, as_ip6);
    buf_fmt(out, " %u %u\r\n", source->port, to->port);
}

static void add_text(struct buf *out, const struct ip *ip, bool as_ip6)
{
    if (as_ip6 && ip->family == IP_V4)
        buf_add(out, S("::ffff:"));
    ip_add(out, ip);
}

static void write_v2(struct buf *out, const struct endpoint *source, const struct endpoint *to)
{
    buf_add(out, PROXY_V2_SIGNATURE);
    if (source == NULL) {
        buf_add_byte(out, V2_VERSION_AND_LOCAL);
        buf_add_repeat(out, '\0', 3); // no family, no addresses
        return;
    }
    bool as_ip6 = needs_ip6(source, to);
    buf_add_byte(out, V2_VERSION_AND_PROXY);
    buf_add_byte(out, as_ip6 ? V2_TCP6 : V2_TCP4);
    add_be16(out, as_ip6 ? 2 * 16 + 4 : 2 * 4 + 4);
    add_bytes(out, &source->ip, as_ip6);
    add_bytes(out, &to->ip, as_ip6);
    add_be16(out, source->port);
    add_be16(out, to->port);
}

static void add_bytes(struct buf *out, const struct ip *ip, bool as_ip6)
{
    if (as_ip6 && ip->family == IP_V4)
        buf_add(out, S("\0\0\0\0\0\0\0\0\0\0\xff\xff"));
    buf_add(out, str_of((const char *)ip->bytes, ip->family == IP_V4 ? 4 : 16));
}

static void add_be16(struct buf *out, uint16_t value)
{
    buf_add_byte(out, (char)(value >> 8));
    buf_add_byte(out, (char)(value & 0xff));
}
