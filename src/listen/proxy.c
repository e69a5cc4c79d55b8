// SPDX-License-Identifier: Apache-2.0
// listen/proxy.c: reading PROXY headers. Nothing is kept between calls: the whole header is read
// again from its first byte each time more has come, which for at most PROXY_BYTES_MAX bytes is
// cheaper than remembering where one was, and makes the answer independent of how it was cut.
#include "listen/proxy.h"

#include "base/hash.h"

#define V1_START S("PROXY ")
#define CRC_BYTES 4

static bool is_beginning_of(struct str bytes, struct str whole);
static enum proxy_state v1_parse(
        struct str bytes, struct proxy_header *out, struct str *out_reason);
static struct err v1_line(struct str line, struct proxy_header *h);
static struct err v1_addresses(struct scan *in, struct proxy_header *h);
static bool v1_ip(struct scan *in, enum proxy_family family, struct ip *out);
static bool v1_port(struct scan *in, uint16_t *out);
static bool is_word_byte(uint8_t c);
static enum proxy_state v2_parse(
        struct str bytes, struct proxy_header *out, struct str *out_reason);
static struct err v2_head(struct str bytes, struct proxy_header *h, size_t *out_rest_bytes);
static struct err v2_family(uint8_t byte, struct proxy_header *h);
static struct err v2_rest(struct str whole, struct str rest, struct proxy_header *h);
static bool v2_addresses(struct scan *in, struct proxy_header *h);
static bool v2_ip(struct scan *in, uint8_t family, struct ip *out);
static struct err v2_tlvs(struct str whole, struct proxy_header *h);
static struct err v2_tlv(struct str whole, const struct proxy_tlv *tlv, struct proxy_header *h);
static bool crc_is_right(struct str whole, struct str value);
static struct err ssl_parse(struct str value, struct proxy_ssl *out);

enum proxy_state proxy_parse(struct str bytes, struct proxy_header *out, struct str *out_reason)
{
    if (str_starts(bytes, PROXY_V2_SIGNATURE))
        return v2_parse(bytes, out, out_reason);
    if (str_starts(bytes, V1_START))
        return v1_parse(bytes, out, out_reason);
    if (is_beginning_of(bytes, PROXY_V2_SIGNATURE) || is_beginning_of(bytes, V1_START))
        return PROXY_NEED_MORE;
    *out_reason = S("the first bytes are not a PROXY header");
    return PROXY_ABSENT;
}

bool proxy_tlv_next(struct scan *tlvs, struct proxy_tlv *out)
{
    struct scan ahead = *tlvs;
    struct proxy_tlv tlv;
    uint16_t bytes;
    if (!scan_any(&ahead, &tlv.type) || !scan_be16(&ahead, &bytes) ||
            !scan_take(&ahead, bytes, &tlv.value))
        return false;
    *tlvs = ahead;
    *out = tlv;
    return true;
}

bool proxy_signature_is_there(struct str bytes)
{
    return str_starts(bytes, PROXY_V2_SIGNATURE) || str_starts(bytes, S("PROXY TCP")) ||
           str_starts(bytes, S("PROXY UNKNOWN"));
}

struct str proxy_command_name(enum proxy_command command)
{
    return command == PROXY_LOCAL ? S("LOCAL") : S("PROXY");
}

struct str proxy_family_name(enum proxy_family family)
{
    switch (family) {
    case PROXY_UNSPEC:
        return S("unspec");
    case PROXY_TCP4:
        return S("tcp4");
    case PROXY_UDP4:
        return S("udp4");
    case PROXY_TCP6:
        return S("tcp6");
    case PROXY_UDP6:
        return S("udp6");
    case PROXY_UNIX_STREAM:
        return S("unix-stream");
    case PROXY_UNIX_DGRAM:
        return S("unix-dgram");
    case PROXY_OTHER:
        return S("other");
    }
    return S("other");
}

static bool is_beginning_of(struct str bytes, struct str whole)
{
    return bytes.len < whole.len && str_starts(whole, bytes);
}

// One line with its CR LF in PROXY_V1_BYTES_MAX bytes.
static enum proxy_state v1_parse(struct str bytes, struct proxy_header *out, struct str *out_reason)
{
    struct str room = str_upto(bytes, PROXY_V1_BYTES_MAX);
    size_t end = str_find(room, S("\r\n"));
    if (end == STR_NOT_FOUND && room.len < PROXY_V1_BYTES_MAX)
        return PROXY_NEED_MORE;
    if (end == STR_NOT_FOUND) {
        *out_reason = S("no CR LF within the 107 bytes of a version 1 header");
        return PROXY_MALFORMED;
    }
    struct proxy_header h = {.version = 1, .command = PROXY_PROXY, .consumed = end + 2};
    struct err e = v1_line(str_upto(room, end), &h);
    if (failed(e)) {
        *out_reason = err_text(e);
        return PROXY_MALFORMED;
    }
    *out = h;
    return PROXY_OK;
}

// "PROXY" SP ( "TCP4" | "TCP6" ) SP src SP dst SP sport SP dport  |  "PROXY" SP "UNKNOWN" [SP ...]
static struct err v1_line(struct str line, struct proxy_header *h)
{
    struct scan in = scan_over(line);
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] < ' ' || line.ptr[i] > '~')
            return fail(ERR_SYNTAX, "a byte in the version 1 header is not printable ASCII");
    scan_lit(&in, V1_START);
    if (scan_lit(&in, S("UNKNOWN")))
        return scan_end(&in) || scan_byte(&in, ' ')
                       ? OK
                       : fail(ERR_SYNTAX, "unknown family in the version 1 header");
    if (scan_lit(&in, S("TCP4 ")))
        h->family = PROXY_TCP4;
    else if (scan_lit(&in, S("TCP6 ")))
        h->family = PROXY_TCP6;
    else
        return fail(ERR_SYNTAX, "unknown family in the version 1 header");
    TRY(v1_addresses(&in, h));
    h->has_addresses = true;
    return OK;
}

static struct err v1_addresses(struct scan *in, struct proxy_header *h)
{
    if (!v1_ip(in, h->family, &h->source.ip))
        return fail(ERR_SYNTAX, "bad source address in the version 1 header");
    if (!v1_ip(in, h->family, &h->destination.ip))
        return fail(ERR_SYNTAX, "bad destination address in the version 1 header");
    if (!v1_port(in, &h->source.port) || !scan_byte(in, ' '))
        return fail(ERR_SYNTAX, "bad source port in the version 1 header");
    if (!v1_port(in, &h->destination.port) || !scan_end(in))
        return fail(ERR_SYNTAX, "bad destination port in the version 1 header");
    return OK;
}

// An address of just this family and the one blank behind it.
static bool v1_ip(struct scan *in, enum proxy_family family, struct ip *out)
{
    struct str text;
    struct ip ip;
    if (!scan_while(in, is_word_byte, &text) || !scan_byte(in, ' '))
        return false;
    if (family == PROXY_TCP4 ? !ip4_parse(text, &ip) : !ip6_parse(text, &ip))
        return false;
    *out = ip_unmap(ip);
    return true;
}

static bool v1_port(struct scan *in, uint16_t *out)
{
    uint64_t port;
    bool leading_zero = scan_peek(in) == '0' && scan_peek_at(in, 1) >= '0';
    if (leading_zero || !scan_u64(in, UINT16_MAX, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}

static bool is_word_byte(uint8_t c)
{
    return c != ' ';
}

static enum proxy_state v2_parse(struct str bytes, struct proxy_header *out, struct str *out_reason)
{
    struct proxy_header h = {.version = 2};
    size_t rest_bytes = 0;
    struct err e = v2_head(bytes, &h, &rest_bytes);
    if (!failed(e)) {
        if (bytes.len < PROXY_V2_HEAD_BYTES + rest_bytes)
            return PROXY_NEED_MORE;
        struct str whole = str_upto(bytes, PROXY_V2_HEAD_BYTES + rest_bytes);
        h.consumed = whole.len;
        e = v2_rest(whole, str_from(whole, PROXY_V2_HEAD_BYTES), &h);
    }
    if (failed(e)) {
        *out_reason = err_text(e);
        return PROXY_MALFORMED;
    }
    *out = h;
    return PROXY_OK;
}

// Refuses as early as the byte that is wrong; bytes that have not come yet pass, and leave
// *out_rest_bytes at 0: the caller then lacks bytes in any case.
static struct err v2_head(struct str bytes, struct proxy_header *h, size_t *out_rest_bytes)
{
    struct scan in = scan_over(str_from(bytes, PROXY_V2_SIGNATURE.len));
    uint8_t version_command, family;
    uint16_t rest_bytes;
    if (!scan_any(&in, &version_command))
        return OK;
    if (version_command >> 4 != 2)
        return fail(ERR_SYNTAX, "the version behind the version 2 signature is not 2");
    if ((version_command & 0x0f) > 1)
        return fail(ERR_SYNTAX, "the command is neither LOCAL nor PROXY");
    h->command = (version_command & 0x0f) == 0 ? PROXY_LOCAL : PROXY_PROXY;
    if (!scan_any(&in, &family))
        return OK;
    TRY(v2_family(family, h));
    if (!scan_be16(&in, &rest_bytes))
        return OK;
    if (rest_bytes > PROXY_V2_REST_MAX)
        return fail(ERR_SYNTAX, "the version 2 header is longer than 4096 bytes");
    *out_rest_bytes = rest_bytes;
    return OK;
}

// The protocol's authors: a receiver ignores the family of LOCAL, and refuses unassigned values
// otherwise.
static struct err v2_family(uint8_t byte, struct proxy_header *h)
{
    static const enum proxy_family by_stream[] = {
            PROXY_UNSPEC, PROXY_TCP4, PROXY_TCP6, PROXY_UNIX_STREAM};
    static const enum proxy_family by_dgram[] = {
            PROXY_UNSPEC, PROXY_UDP4, PROXY_UDP6, PROXY_UNIX_DGRAM};
    uint8_t family = byte >> 4, transport = byte & 0x0f;
    bool assigned = family < COUNT_OF(by_stream) && transport <= 2;
    if (!assigned && h->command == PROXY_PROXY)
        return fail(ERR_SYNTAX, "unassigned address family or transport");
    h->family = PROXY_UNSPEC;
    if (!assigned)
        h->family = PROXY_OTHER;
    else if (transport == 1)
        h->family = by_stream[family];
    else if (transport == 2)
        h->family = by_dgram[family];
    return OK;
}

// What gives no addresses that we can use is skipped by its length, unread.
static struct err v2_rest(struct str whole, struct str rest, struct proxy_header *h)
{
    if (h->command == PROXY_LOCAL || (h->family != PROXY_TCP4 && h->family != PROXY_TCP6))
        return OK;
    struct scan in = scan_over(rest);
    if (!v2_addresses(&in, h))
        return fail(ERR_SYNTAX, "the version 2 header is shorter than its addresses");
    h->has_addresses = true;
    h->tlvs = scan_rest(&in);
    return v2_tlvs(whole, h);
}

static bool v2_addresses(struct scan *in, struct proxy_header *h)
{
    uint8_t family = h->family == PROXY_TCP4 ? IP_V4 : IP_V6;
    return v2_ip(in, family, &h->source.ip) && v2_ip(in, family, &h->destination.ip) &&
           scan_be16(in, &h->source.port) && scan_be16(in, &h->destination.port);
}

static bool v2_ip(struct scan *in, uint8_t family, struct ip *out)
{
    struct str bytes;
    struct ip ip = {.family = family};
    if (!scan_take(in, family == IP_V4 ? 4 : 16, &bytes))
        return false;
    memcpy(ip.bytes, bytes.ptr, bytes.len);
    *out = ip_unmap(ip);
    return true;
}

// TLVs must tile the rest exactly. There is at most one of each kind that we look at: with two,
// the sender and we could mean different ones.
static struct err v2_tlvs(struct str whole, struct proxy_header *h)
{
    struct scan in = scan_over(h->tlvs);
    uint64_t seen = 0; // types below 64 hold all that we look at
    struct proxy_tlv tlv;
    while (proxy_tlv_next(&in, &tlv)) {
        uint64_t bit = tlv.type < 64 && tlv.type != PROXY_TLV_NOOP ? UINT64_C(1) << tlv.type : 0;
        if ((seen & bit) != 0)
            return fail(ERR_SYNTAX, "a TLV is given twice");
        seen |= bit;
        TRY(v2_tlv(whole, &tlv, h));
    }
    return scan_end(&in) ? OK : fail(ERR_SYNTAX, "a TLV reaches beyond the end of the header");
}

static struct err v2_tlv(struct str whole, const struct proxy_tlv *tlv, struct proxy_header *h)
{
    switch (tlv->type) {
    case PROXY_TLV_ALPN:
        h->alpn = tlv->value;
        return OK;
    case PROXY_TLV_AUTHORITY:
        h->authority = tlv->value;
        return OK;
    case PROXY_TLV_CRC32C:
        return crc_is_right(whole, tlv->value) ? OK : fail(ERR_SYNTAX, "wrong CRC32C");
    case PROXY_TLV_UNIQUE_ID:
        h->unique_id = tlv->value;
        return tlv->value.len <= PROXY_UNIQUE_ID_BYTES_MAX
                       ? OK
                       : fail(ERR_SYNTAX, "the unique id is longer than 128 bytes");
    case PROXY_TLV_SSL:
        return ssl_parse(tlv->value, &h->ssl);
    default: // a wire number, not an enum of ours: no-ops, name spaces, senders' own
        return OK;
    }
}

// Over the whole header, with zeros where the checksum itself stands.
static bool crc_is_right(struct str whole, struct str value)
{
    uint32_t told;
    struct scan in = scan_over(value);
    if (value.len != CRC_BYTES || !scan_be32(&in, &told))
        return false;
    size_t at = (size_t)(value.ptr - whole.ptr);
    uint32_t crc = hash_crc32c(0, str_upto(whole, at));
    crc = hash_crc32c(crc, S("\0\0\0\0"));
    return hash_crc32c(crc, str_from(whole, at + CRC_BYTES)) == told;
}

static struct err ssl_parse(struct str value, struct proxy_ssl *out)
{
    struct proxy_ssl ssl = {.given = true};
    struct scan in = scan_over(value);
    struct proxy_tlv tlv;
    if (!scan_any(&in, &ssl.client) || !scan_be32(&in, &ssl.verify))
        return fail(ERR_SYNTAX, "the SSL TLV is shorter than its fixed part");
    while (proxy_tlv_next(&in, &tlv)) {
        if (tlv.type == PROXY_TLV_SSL_VERSION)
            ssl.version = tlv.value;
        else if (tlv.type == PROXY_TLV_SSL_CN)
            ssl.common_name = tlv.value;
        else if (tlv.type == PROXY_TLV_SSL_CIPHER)
            ssl.cipher = tlv.value;
        else if (tlv.type == PROXY_TLV_SSL_SIGNATURE)
            ssl.signature = tlv.value;
        else if (tlv.type == PROXY_TLV_SSL_KEY)
            ssl.key = tlv.value;
    }
    if (!scan_end(&in))
        return fail(ERR_SYNTAX, "a part of the SSL TLV reaches beyond its end");
    *out = ssl;
    return OK;
}
