// SPDX-License-Identifier: Apache-2.0
// base/ip.c: addresses and networks as text and back. Reading is strict: "010.0.0.1", "1.2.3" and
// "1::2::3" are no addresses, because programs disagree about what they mean. Ends of sockets are
// in endpoint.c.
#define POSTHASTE_BASE_ROOM
#include "base/ip.h"

#define GROUPS 8 // of 16 bits in an IPv6 address
#define MAPPED_BITS 96

static bool take_quad(struct scan *in, uint8_t out[4]);
static bool take_number(struct scan *in, uint64_t max, uint64_t *out);
static bool take_groups(struct scan *in, uint8_t out[16], size_t *out_bytes, size_t *out_gap);
static bool take_group(struct scan *in, uint8_t out[16], size_t *bytes);
static void ip4_add(struct buf *out, struct str front, const uint8_t bytes[4]);
static void ip6_add(struct buf *out, const uint8_t bytes[16]);
static void longest_zeros(const uint8_t bytes[16], size_t *out_start, size_t *out_count);
static unsigned group_at(const uint8_t bytes[16], size_t group);
static bool is_mapped(const struct ip *ip);
static uint8_t bits_of(const struct ip *ip);
static bool within(const struct ip *ip, const char *bytes, uint8_t prefix);

bool ip_parse(struct str text, struct ip *out)
{
    return ip4_parse(text, out) || ip6_parse(text, out);
}

// IPv4-address-literal = Snum 3("." Snum)      RFC 5321 4.1.3; Snum without leading zeros
bool ip4_parse(struct str text, struct ip *out)
{
    struct scan in = scan_over(text);
    struct ip ip = {.family = IP_V4};
    if (!take_quad(&in, ip.bytes) || !scan_end(&in))
        return false;
    *out = ip;
    return true;
}

static bool take_quad(struct scan *in, uint8_t out[4])
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t value;
        if ((i > 0 && !scan_byte(in, '.')) || !take_number(in, 255, &value))
            return false;
        out[i] = (uint8_t)value;
    }
    return true;
}

// A decimal number that has only one spelling.
static bool take_number(struct scan *in, uint64_t max, uint64_t *out)
{
    bool leading_zero = scan_peek(in) == '0' && byte_is_digit((uint8_t)scan_peek_at(in, 1));
    return !leading_zero && scan_u64(in, max, out);
}

// Eight groups of one to four hex digits; "::" once for one or more groups of zeros; the last two
// groups may be a dotted quad. RFC 4291 2.2
bool ip6_parse(struct str text, struct ip *out)
{
    struct scan in = scan_over(text);
    struct ip ip = {.family = IP_V6};
    size_t bytes = 0, gap = SIZE_MAX;
    if (!take_groups(&in, ip.bytes, &bytes, &gap) || !scan_end(&in))
        return false;
    if (gap == SIZE_MAX ? bytes != 16 : bytes > 14)
        return false;
    if (gap != SIZE_MAX) { // what stands behind the gap belongs at the end
        memmove(ip.bytes + 16 - (bytes - gap), ip.bytes + gap, bytes - gap);
        memset(ip.bytes + gap, 0, 16 - bytes);
    }
    *out = ip;
    return true;
}

// Takes groups one behind the other; *out_gap is where "::" stood among the bytes.
static bool take_groups(struct scan *in, uint8_t out[16], size_t *out_bytes, size_t *out_gap)
{
    if (scan_lit(in, S("::")))
        *out_gap = 0;
    while (!scan_end(in)) {
        if (!take_group(in, out, out_bytes))
            return false;
        if (scan_lit(in, S("::"))) {
            if (*out_gap != SIZE_MAX)
                return false;
            *out_gap = *out_bytes;
        } else if (!scan_end(in) && (!scan_byte(in, ':') || scan_end(in))) {
            return false;
        }
    }
    return true;
}

// One group, or the dotted quad that ends an address.
static bool take_group(struct scan *in, uint8_t out[16], size_t *bytes)
{
    struct scan ahead = *in;
    uint8_t quad[4];
    if (*bytes <= 12 && take_quad(&ahead, quad) && scan_end(&ahead)) {
        memcpy(out + *bytes, quad, 4);
        *bytes += 4;
        *in = ahead;
        return true;
    }
    uint64_t group;
    if (*bytes > 14 || !scan_hex_u64(in, 4, &group))
        return false;
    out[(*bytes)++] = (uint8_t)(group >> 8);
    out[(*bytes)++] = (uint8_t)group;
    return true;
}

void ip_add(struct buf *out, const struct ip *ip)
{
    const uint8_t *b = ip->bytes;
    if (ip->family == IP_V4)
        ip4_add(out, S(""), b);
    else if (is_mapped(ip))
        ip4_add(out, S("::ffff:"), b + 12); // RFC 5952 5
    else if (ip->family == IP_V6)
        ip6_add(out, b);
    else
        buf_add(out, S("unknown"));
}

static void ip4_add(struct buf *out, struct str front, const uint8_t bytes[4])
{
    buf_add(out, front);
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            buf_add_byte(out, '.');
        buf_add_u64(out, bytes[i]);
    }
}

// RFC 5952 4: lower case, no leading zeros, "::" for the first of the longest runs of two or more.
static void ip6_add(struct buf *out, const uint8_t bytes[16])
{
    size_t zeros_at, zeros;
    longest_zeros(bytes, &zeros_at, &zeros);
    size_t group = 0;
    while (group < GROUPS) {
        if (zeros >= 2 && group == zeros_at) {
            buf_add(out, S("::"));
            group += zeros;
            continue;
        }
        buf_fmt(out, "%x", group_at(bytes, group));
        group++;
        if (group < GROUPS && !(zeros >= 2 && group == zeros_at))
            buf_add_byte(out, ':');
    }
}

static void longest_zeros(const uint8_t bytes[16], size_t *out_start, size_t *out_count)
{
    size_t run = 0;
    *out_start = *out_count = 0;
    for (size_t group = 0; group < GROUPS; group++) {
        run = group_at(bytes, group) == 0 ? run + 1 : 0;
        if (run > *out_count) {
            *out_count = run;
            *out_start = group + 1 - run;
        }
    }
}

static unsigned group_at(const uint8_t bytes[16], size_t group)
{
    return (unsigned)bytes[2 * group] << 8 | bytes[2 * group + 1];
}

struct str ip_text(struct arena *a, const struct ip *ip)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, IP_TEXT_BYTES_MAX);
    ip_add(&text, ip);
    return arena_str(a, buf_str(&text));
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return ip_compare(a, b) == 0;
}

int ip_compare(const struct ip *a, const struct ip *b)
{
    if (a->family != b->family)
        return a->family - b->family;
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct ip ip_unmap(struct ip ip)
{
    if (!is_mapped(&ip))
        return ip;
    struct ip v4 = {.family = IP_V4};
    memcpy(v4.bytes, ip.bytes + 12, 4);
    return v4;
}

static bool is_mapped(const struct ip *ip)
{
    return ip->family == IP_V6 &&
           memcmp(ip->bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", MAPPED_BITS / 8) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
    struct ip plain = ip_unmap(*ip);
    if (plain.family == IP_V4)
        return within(&plain, "\x7f", 8);
    return plain.family == IP_V6 && within(&plain, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 128);
}

bool ip_is_private(const struct ip *ip)
{
    struct ip plain = ip_unmap(*ip);
    if (ip_is_loopback(&plain))
        return true;
    if (plain.family == IP_V4)
        return within(&plain, "\x0a", 8) || within(&plain, "\xac\x10", 12) ||
               within(&plain, "\xc0\xa8", 16) || within(&plain, "\xa9\xfe", 16);
    return plain.family == IP_V6 &&
           (within(&plain, "\xfc", 7) ||
                   within(&plain, "\xfe\x80", 10)); // RFC 4193 3.1; 4291 2.5.6
}

// Whether the address begins with these bits, of which as many bytes as they fill are given.
static bool within(const struct ip *ip, const char *bytes, uint8_t prefix)
{
    size_t whole = prefix / 8;
    if (memcmp(ip->bytes, bytes, whole) != 0)
        return false;
    if (prefix % 8 == 0)
        return true;
    return ((ip->bytes[whole] ^ (uint8_t)bytes[whole]) & (uint8_t)(0xff00 >> prefix % 8)) == 0;
}

bool ip_is_unspecified(const struct ip *ip)
{
    static const uint8_t zeros[16];
    struct ip plain = ip_unmap(*ip);
    return plain.family != IP_NONE && memcmp(plain.bytes, zeros, sizeof(zeros)) == 0;
}

struct ip ip_network_of(struct ip ip, uint8_t prefix)
{
    for (size_t i = 0; i < sizeof(ip.bytes); i++) {
        if (i * 8 >= prefix)
            ip.bytes[i] = 0;
        else if (i * 8 + 8 > prefix)
            ip.bytes[i] &= (uint8_t)(0xff00 >> prefix % 8);
    }
    return ip;
}

// The prefix in decimal, 0 to 32 or 128. RFC 4632 3.1, RFC 4291 2.3
bool ip_net_parse(struct str text, struct ip_net *out, bool *out_cleared)
{
    struct str address = text, digits = STR_NULL;
    struct ip ip;
    bool has_prefix = str_cut(text, '/', &address, &digits);
    if (!ip_parse(address, &ip))
        return false;
    uint64_t prefix = bits_of(&ip);
    struct scan in = scan_over(digits);
    if (has_prefix && (!take_number(&in, prefix, &prefix) || !scan_end(&in)))
        return false;
    if (is_mapped(&ip) && prefix >= MAPPED_BITS) {
        ip = ip_unmap(ip);
        prefix -= MAPPED_BITS;
    }
    struct ip_net net = {.ip = ip_network_of(ip, (uint8_t)prefix), .prefix = (uint8_t)prefix};
    *out_cleared = !ip_eq(&net.ip, &ip);
    *out = net;
    return true;
}

static uint8_t bits_of(const struct ip *ip)
{
    return ip->family == IP_V4 ? 32 : 128;
}

bool ip_net_contains(const struct ip_net *net, const struct ip *ip)
{
    struct ip plain = ip_unmap(*ip);
    return plain.family == net->ip.family &&
           within(&plain, (const char *)net->ip.bytes, net->prefix);
}

void ip_net_add(struct buf *out, const struct ip_net *net)
{
    ip_add(out, &net->ip);
    buf_fmt(out, "/%u", net->prefix);
}
