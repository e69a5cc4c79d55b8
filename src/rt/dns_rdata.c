// SPDX-License-Identifier: Apache-2.0
// rt/dns_rdata.c: what stands in a record. Every reader must meet the end of the rdata exactly: a
// record with something behind it, or with a length that lies, is malformed.
#include "rt/dns_wire.h"

#include "base/encode.h"

static bool take_name(struct arena *a, struct scan *in, struct str *out);
static bool take_string(struct scan *in, struct str *out);
static struct str host_or_none(struct str name);
static bool add_known(struct buf *out, struct arena *a, uint16_t type, struct str rdata);
static void add_strings(struct buf *out, const struct dns_txt *txt);

#define OCTET_TEXT_MAX 10 // of an octet that has to be escaped
#define RECORD_MEMORY_MAX (2 * MIB)

// MX = PREFERENCE EXCHANGE      RFC 1035 3.3.9
bool dns_rdata_mx(struct arena *a, struct str rdata, struct dns_mx *out)
{
    struct scan in = scan_over(rdata);
    if (!scan_be16(&in, &out->preference) || !take_name(a, &in, &out->host))
        return false;
    out->host = host_or_none(out->host);
    return scan_end(&in);
}

bool dns_rdata_ip(struct str rdata, uint16_t type, struct ip *out)
{
    size_t want = type == DNS_A ? 4 : 16;
    if (rdata.len != want)
        return false;
    *out = (struct ip){.family = type == DNS_A ? IP_V4 : IP_V6};
    for (size_t i = 0; i < want; i++)
        out->bytes[i] = (uint8_t)rdata.ptr[i];
    return true;
}

// TXT = 1*character-string      RFC 1035 3.3.14
bool dns_rdata_txt(struct arena *a, struct str rdata, struct dns_txt *out)
{
    struct scan in = scan_over(rdata);
    struct str piece;
    size_t count = 0, bytes = 0;
    for (; take_string(&in, &piece); count++)
        bytes += piece.len;
    if (count == 0 || !scan_end(&in))
        return false;
    struct str *strings = arena_array(a, count, struct str);
    char *joined = arena_bytes(a, bytes + 1);
    *out = (struct dns_txt){0};
    if (strings == NULL || joined == NULL)
        return true; // the arena is full: the caller sees no strings
    in = scan_over(rdata);
    out->joined = str_of(joined, 0);
    for (size_t i = 0; i < count; i++) {
        struct str part;
        (void)take_string(&in, &part);
        strings[i] = str_of(joined + out->joined.len, part.len);
        for (size_t k = 0; k < part.len; k++)
            joined[out->joined.len++] = part.ptr[k];
    }
    out->strings = strings;
    out->string_count = count;
    return true;
}

static bool take_string(struct scan *in, struct str *out)
{
    struct scan before = *in;
    uint8_t len;
    if (scan_any(in, &len) && scan_take(in, len, out))
        return true;
    *in = before;
    return false;
}

bool dns_rdata_name(struct arena *a, struct str rdata, struct str *out)
{
    struct scan in = scan_over(rdata);
    return take_name(a, &in, out) && scan_end(&in);
}

// SRV = PRIORITY WEIGHT PORT TARGET      RFC 2782
bool dns_rdata_srv(struct arena *a, struct str rdata, struct dns_srv *out)
{
    struct scan in = scan_over(rdata);
    if (!scan_be16(&in, &out->priority) || !scan_be16(&in, &out->weight) ||
            !scan_be16(&in, &out->port) || !take_name(a, &in, &out->host))
        return false;
    out->host = host_or_none(out->host);
    return scan_end(&in);
}

// TLSA = USAGE SELECTOR MATCHING data      RFC 6698 2.1
bool dns_rdata_tlsa(struct str rdata, struct dns_tlsa *out)
{
    struct scan in = scan_over(rdata);
    if (!scan_any(&in, &out->usage) || !scan_any(&in, &out->selector) ||
            !scan_any(&in, &out->matching))
        return false;
    out->data = scan_rest(&in);
    return true;
}

// The name inside rdata is whole, so a pointer in it is a lie.
static bool take_name(struct arena *a, struct scan *in, struct str *out)
{
    struct str rest = scan_rest(in);
    struct dns_wire_name name;
    size_t at = 0;
    if (!dns_wire_read(rest, &at, &name) || at != name.len)
        return false;
    *out = dns_wire_text(a, &name);
    return scan_skip(in, at);
}

static struct str host_or_none(struct str name)
{
    return str_eq(name, S(".")) ? S("") : name;
}

void dns_record_add(struct buf *out, uint16_t type, struct str rdata)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, RECORD_MEMORY_MAX);
    if (add_known(out, &a, type, rdata))
        return;
    buf_fmt(out, "\\# %zu ", rdata.len); // RFC 3597 5
    encode_hex(out, rdata);
}

static bool add_known(struct buf *out, struct arena *a, uint16_t type, struct str rdata)
{
    struct ip ip;
    struct dns_mx mx;
    struct dns_srv srv;
    struct dns_tlsa tlsa;
    struct dns_txt txt;
    struct str name;
    if ((type == DNS_A || type == DNS_AAAA) && dns_rdata_ip(rdata, type, &ip)) {
        ip_add(out, &ip);
    } else if (type == DNS_MX && dns_rdata_mx(a, rdata, &mx)) {
        buf_fmt(out, "%u %.*s.", mx.preference, ARG(mx.host));
    } else if (type == DNS_TXT && dns_rdata_txt(a, rdata, &txt)) {
        add_strings(out, &txt);
    } else if (type == DNS_SRV && dns_rdata_srv(a, rdata, &srv)) {
        buf_fmt(out, "%u %u %u %.*s.", srv.priority, srv.weight, srv.port, ARG(srv.host));
    } else if (type == DNS_TLSA && dns_rdata_tlsa(rdata, &tlsa)) {
        buf_fmt(out, "%u %u %u ", tlsa.usage, tlsa.selector, tlsa.matching);
        encode_hex(out, tlsa.data);
    } else if ((type == DNS_CNAME || type == DNS_PTR || type == DNS_NS) &&
               dns_rdata_name(a, rdata, &name)) {
        buf_fmt(out, str_eq(name, S(".")) ? "%.*s" : "%.*s.", ARG(name));
    } else {
        return false;
    }
    return true;
}

static void add_strings(struct buf *out, const struct dns_txt *txt)
{
    for (size_t i = 0; i < txt->string_count; i++) {
        buf_add(out, i == 0 ? S("\"") : S(" \""));
        escape_text(out, txt->strings[i], OCTET_TEXT_MAX * txt->strings[i].len, ESCAPE_QUOTED);
        buf_add_byte(out, '"');
    }
}
