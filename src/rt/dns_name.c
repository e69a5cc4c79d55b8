// SPDX-License-Identifier: Apache-2.0
// rt/dns_name.c: names of the DNS and of its types, as text and on the wire. Text is always in the
// one spelling of rt/dns.h, so that two names are equal exactly when their texts are.
#include "rt/dns_wire.h"

#define POINTER_BITS 0xc0 // RFC 1035 4.1.4
#define POINTER_MASK 0x3fff

static bool take_octet(struct scan *in, uint8_t *out, bool *out_escaped);
static bool take_decimal(struct scan *in, uint8_t *out);
static bool copy_label(struct str message, size_t at, size_t len, struct dns_wire_name *out);
static void add_label(struct buf *out, const uint8_t *label, size_t len);

static const struct {
    struct str name;
    uint16_t number;
} types[] = {
#define DNS_TYPE(type_name, type_number, about) {S_INIT(#type_name), (type_number)},
#include "rt/dns_types.def"
};

struct err dns_name_read(struct arena *a, struct str text, struct str *out)
{
    struct dns_wire_name wire;
    TRY(dns_wire_from_text(text, &wire));
    struct str normal = dns_wire_text(a, &wire);
    if (str_is_null(normal))
        return fail(ERR_LIMIT, "no memory for a name");
    *out = normal;
    return OK;
}

// name = "." / label *( "." label ) [ "." ], with the escapes of RFC 1035 5.1
struct err dns_wire_from_text(struct str text, struct dns_wire_name *out)
{
    struct scan in = scan_over(text);
    size_t length_at = 0;
    out->len = 1;
    out->bytes[0] = 0;
    if (str_is_empty(text) || str_eq(text, S(".")))
        return str_is_empty(text) ? fail(ERR_SYNTAX, "the name is empty") : OK;
    while (!scan_end(&in)) {
        uint8_t c;
        bool escaped;
        if (!take_octet(&in, &c, &escaped))
            return fail(ERR_SYNTAX, "a bad escape in a name");
        bool dot = c == '.' && !escaped;
        if (dot && out->len == length_at + 1)
            return fail(ERR_SYNTAX, "an empty label in a name");
        if (out->len == DNS_NAME_BYTES_MAX)
            return fail(ERR_SYNTAX, "a name of more than 255 octets");
        if (dot) {
            out->bytes[length_at] = (uint8_t)(out->len - length_at - 1);
            length_at = out->len;
        } else if (out->len - length_at > DNS_LABEL_BYTES_MAX) {
            return fail(ERR_SYNTAX, "a label of more than 63 octets in a name");
        }
        out->bytes[out->len++] = dot ? 0 : byte_to_lower(c);
    }
    if (out->len == length_at + 1)
        return OK; // it ended in a dot: the root's length stands already
    if (out->len == DNS_NAME_BYTES_MAX)
        return fail(ERR_SYNTAX, "a name of more than 255 octets");
    out->bytes[length_at] = (uint8_t)(out->len - length_at - 1);
    out->bytes[out->len++] = 0;
    return OK;
}

static bool take_octet(struct scan *in, uint8_t *out, bool *out_escaped)
{
    *out_escaped = scan_byte(in, '\\');
    if (*out_escaped && byte_is_digit((uint8_t)scan_peek(in)))
        return take_decimal(in, out);
    return scan_any(in, out);
}

static bool take_decimal(struct scan *in, uint8_t *out)
{
    struct str digits;
    uint64_t value;
    if (!scan_take(in, 3, &digits) || !str_to_u64(digits, 255, &value))
        return false;
    *out = (uint8_t)value;
    return true;
}

struct str dns_wire_text(struct arena *a, const struct dns_wire_name *name)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, DNS_NAME_TEXT_MAX);
    for (size_t at = 0; name->bytes[at] != 0; at += 1 + (size_t)name->bytes[at]) {
        if (at > 0)
            buf_add_byte(&text, '.');
        add_label(&text, &name->bytes[at + 1], name->bytes[at]);
    }
    if (text.overflow)
        return STR_NULL;
    return arena_str(a, text.len == 0 ? S(".") : buf_str(&text));
}

static void add_label(struct buf *out, const uint8_t *label, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = label[i];
        if (c > ' ' && c < 0x7f && c != '.' && c != '\\')
            buf_add_byte(out, (char)c);
        else
            buf_fmt(out, "\\%03u", c);
    }
}

// Pointers must lead before the place where the name, or the piece before it, began; so the walk
// ends, and what an attacker may make us do is bounded by the message (RFC 9267 2).
bool dns_wire_read(struct str message, size_t *at, struct dns_wire_name *out)
{
    size_t here = *at, piece_at = *at, behind = 0;
    out->len = 0;
    while (here < message.len) {
        uint8_t len = (uint8_t)message.ptr[here];
        if ((len & POINTER_BITS) == POINTER_BITS) {
            if (message.len - here < 2)
                return false;
            size_t target = (((size_t)len << 8) | (uint8_t)message.ptr[here + 1]) & POINTER_MASK;
            if (target >= piece_at)
                return false;
            behind = behind == 0 ? here + 2 : behind;
            here = piece_at = target;
            continue;
        }
        if (!copy_label(message, here, len, out))
            return false;
        here += 1 + (size_t)len;
        if (len == 0) {
            *at = behind == 0 ? here : behind;
            return true;
        }
    }
    return false;
}

static bool copy_label(struct str message, size_t at, size_t len, struct dns_wire_name *out)
{
    if (len > DNS_LABEL_BYTES_MAX || message.len - at < 1 + len ||
            out->len + 1 + len > DNS_NAME_BYTES_MAX)
        return false;
    out->bytes[out->len++] = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        out->bytes[out->len++] = byte_to_lower((uint8_t)message.ptr[at + 1 + i]);
    return true;
}

struct str dns_reverse_name(struct arena *a, const struct ip *ip)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, DNS_NAME_TEXT_MAX);
    if (ip->family == IP_V4) {
        for (size_t i = 4; i-- > 0;)
            buf_fmt(&text, "%u.", ip->bytes[i]);
        buf_add(&text, S("in-addr.arpa"));
    } else {
        for (size_t i = 16; i-- > 0;)
            buf_fmt(&text, "%x.%x.", ip->bytes[i] & 0xfu, ip->bytes[i] >> 4);
        buf_add(&text, S("ip6.arpa"));
    }
    return arena_str(a, buf_str(&text));
}

void dns_type_add(struct buf *out, uint16_t type)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (types[i].number == type) {
            buf_add(out, types[i].name);
            return;
        }
    }
    buf_fmt(out, "TYPE%u", type);
}

bool dns_type_parse(struct str text, uint16_t *out)
{
    uint64_t number;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_eq_nocase(types[i].name, text)) {
            *out = types[i].number;
            return true;
        }
    }
    if (!str_starts_nocase(text, S("TYPE")) || !str_to_u64(str_from(text, 4), UINT16_MAX, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}

struct str dns_outcome_name(enum dns_outcome outcome)
{
    switch (outcome) {
    case DNS_ANSWER:
        return S("NOERROR");
    case DNS_NODATA:
        return S("NODATA");
    case DNS_NXDOMAIN:
        return S("NXDOMAIN");
    case DNS_SERVFAIL:
        return S("SERVFAIL");
    case DNS_TIMEOUT:
        return S("TIMEOUT");
    case DNS_BOGUS:
        return S("BOGUS");
    }
    return S("");
}

struct str dnssec_name(enum dnssec status)
{
    switch (status) {
    case DNSSEC_INSECURE:
        return S("insecure");
    case DNSSEC_SECURE:
        return S("secure");
    case DNSSEC_BOGUS:
        return S("bogus");
    }
    return S("");
}
