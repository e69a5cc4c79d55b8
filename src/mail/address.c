// SPDX-License-Identifier: Apache-2.0
// mail/address.c: reading and writing the addresses of envelopes. Columns in messages count bytes
// of the address.
#include "mail/address.h"

#include "base/unicode.h"
#include "mail/idna.h"

#define QUOTED_BYTES_MAX (4 * KIB) // of a local part on its way out

static struct err read_dot_string(struct arena *a, struct scan *in, struct mail_address *out);
static struct err read_quoted(struct arena *a, struct scan *in, struct mail_address *out);
static bool take_atext(struct scan *in);
static struct err read_literal(struct arena *a, struct scan *in, struct mail_address *out);
static struct err read_name(struct arena *a, struct scan *in, struct mail_address *out);
static struct err check_labels(struct arena *a, struct str domain);
static bool is_dot_string(struct str local);
static bool byte_is_atext(uint8_t c);
static bool byte_is_domain(uint8_t c);

struct err mail_address_parse(struct arena *a, struct str text, struct mail_address *out)
{
    struct scan in = scan_over(text);
    struct mail_address address;
    if (str_is_empty(text))
        return fail(ERR_SYNTAX, "the address is empty");
    TRY(mail_address_scan(a, &in, &address));
    if (!scan_end(&in))
        return fail_fmt(a, ERR_SYNTAX, "unexpected text at column %zu", scan_column(&in));
    *out = address;
    return OK;
}

// Mailbox = Local-part "@" ( Domain / address-literal )      RFC 5321 4.1.2
struct err mail_address_scan(struct arena *a, struct scan *in, struct mail_address *out)
{
    struct mail_address address = {0};
    size_t start = scan_offset(in);
    if (scan_peek(in) == '"')
        TRY(read_quoted(a, in, &address));
    else
        TRY(read_dot_string(a, in, &address));
    address.local_too_long = scan_since(in, start).len > MAIL_LOCAL_BYTES_MAX;
    if (!scan_byte(in, '@'))
        return fail_fmt(a, ERR_SYNTAX, "expected @ at column %zu", scan_column(in));
    if (scan_peek(in) == '[')
        TRY(read_literal(a, in, &address));
    else
        TRY(read_name(a, in, &address));
    address.text = scan_since(in, start);
    size_t domain_bytes = address.ascii.len;
    if (address.text.len - address.domain.len + domain_bytes > MAIL_ADDRESS_BYTES_MAX)
        return fail(ERR_SYNTAX, "the address is longer than 254 octets");
    address.beyond_ascii = !str_is_ascii(address.text);
    *out = address;
    return OK;
}

// Dot-string = Atom *( "." Atom )
static struct err read_dot_string(struct arena *a, struct scan *in, struct mail_address *out)
{
    size_t start = scan_offset(in);
    do {
        if (!take_atext(in))
            return fail_fmt(a, ERR_SYNTAX, "expected a local part at column %zu", scan_column(in));
        while (take_atext(in))
            continue;
    } while (scan_byte(in, '.'));
    out->local = arena_str(a, scan_since(in, start));
    return str_is_null(out->local) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

// atext / UTF8-non-ascii, RFC 6531 3.3: a whole well-formed sequence, no stray byte.
static bool take_atext(struct scan *in)
{
    uint32_t code;
    int c = scan_peek(in);
    if (c < 0)
        return false;
    if (c < 0x80)
        return byte_is_atext((uint8_t)c) && scan_skip(in, 1);
    size_t len = str_utf8_next(scan_rest(in), &code);
    return len > 0 && scan_skip(in, len);
}

// Quoted-string = DQUOTE *( qtextSMTP / "\" ( SP - "~" ) / UTF8-non-ascii ) DQUOTE
static struct err read_quoted(struct arena *a, struct scan *in, struct mail_address *out)
{
    struct buf local AUTO(buf_done);
    uint32_t code;
    uint8_t c;
    buf_init(&local, QUOTED_BYTES_MAX);
    scan_skip(in, 1);
    while (!scan_end(in) && scan_peek(in) != '"') {
        bool paired = scan_byte(in, '\\');
        struct str rest = scan_rest(in);
        size_t len = !paired && scan_peek(in) >= 0x80 ? str_utf8_next(rest, &code) : 1;
        if (len == 1 && (scan_peek(in) < ' ' || scan_peek(in) > '~'))
            len = 0;
        if (len == 0)
            return fail_fmt(
                    a, ERR_SYNTAX, "a byte that cannot be quoted at column %zu", scan_column(in));
        for (; len > 0 && scan_any(in, &c); len--)
            buf_add_byte(&local, (char)c);
    }
    if (!scan_byte(in, '"'))
        return fail(ERR_SYNTAX, "the quoted local part does not end");
    if (local.overflow)
        return fail(ERR_SYNTAX, "the address is longer than 254 octets");
    out->quoted = true;
    out->local = arena_str(a, buf_str(&local));
    return str_is_null(out->local) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

// address-literal = "[" ( IPv4-address / "IPv6:" IPv6-addr ) "]"      RFC 5321 4.1.3
static struct err read_literal(struct arena *a, struct scan *in, struct mail_address *out)
{
    struct str inside;
    size_t start = scan_offset(in);
    scan_skip(in, 1);
    if (!scan_until_past(in, ']', &inside))
        return fail(ERR_SYNTAX, "the address literal does not end");
    bool tagged = str_starts_nocase(inside, S("IPv6:"));
    if (tagged ? !ip6_parse(str_from(inside, S("IPv6:").len), &out->literal)
               : !ip4_parse(inside, &out->literal))
        return fail(ERR_SYNTAX, "expected [192.0.2.1] or [IPv6:2001:db8::1]");
    out->domain = scan_since(in, start);
    out->ascii = arena_str_lower(a, out->domain);
    return str_is_null(out->ascii) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

static struct err read_name(struct arena *a, struct scan *in, struct mail_address *out)
{
    if (!scan_while(in, byte_is_domain, &out->domain))
        return fail_fmt(a, ERR_SYNTAX, "expected a domain at column %zu", scan_column(in));
    return mail_domain_read(a, out->domain, &out->ascii);
}

struct err mail_domain_read(struct arena *a, struct str text, struct str *out_ascii)
{
    struct str ascii = STR_NULL;
    struct idna_result converted;
    if (str_is_ascii(text)) {
        ascii = arena_str_lower(a, text); // also of what only looks like an A-label
    } else {
        TRY(idna_to_ascii(a, text, &converted));
        if (converted.fault != IDNA_FINE)
            return fail_fmt(a, ERR_SYNTAX, "the domain cannot be written in ASCII (%.*s)",
                    ARG(idna_fault_name(converted.fault)));
        ascii = converted.text;
    }
    if (str_is_null(ascii))
        return fail(ERR_LIMIT, "no memory for a domain");
    TRY(check_labels(a, ascii));
    *out_ascii = ascii;
    return OK;
}

// sub-domain = Let-dig [ *( ALPHA / DIGIT / "-" ) Let-dig ]
static struct err check_labels(struct arena *a, struct str domain)
{
    struct str rest = domain, label;
    if (domain.len > MAIL_DOMAIN_BYTES_MAX)
        return fail(ERR_SYNTAX, "the domain is longer than 255 octets");
    while (str_split(&rest, '.', &label)) {
        struct scan in = scan_over(label);
        if (str_is_empty(label))
            return fail(ERR_SYNTAX, "the domain has an empty label");
        if (label.len > MAIL_LABEL_BYTES_MAX)
            return fail(ERR_SYNTAX, "a label of the domain is longer than 63 octets");
        if (str_starts(label, S("-")) || str_ends(label, S("-")))
            return fail(ERR_SYNTAX, "a label of the domain begins or ends with a hyphen");
        for (uint8_t c; scan_any(&in, &c);) {
            if (!byte_is_alnum(c) && c != '-')
                return fail_fmt(a, ERR_SYNTAX, "\"%.*s\" is no label of a domain", ARG(label));
        }
    }
    return OK;
}

void mail_local_add(struct buf *out, struct str local)
{
    struct scan in = scan_over(local);
    if (is_dot_string(local)) {
        buf_add(out, local);
        return;
    }
    buf_add_byte(out, '"');
    for (uint8_t c; scan_any(&in, &c);) {
        if (c == '"' || c == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

static bool is_dot_string(struct str local)
{
    struct scan in = scan_over(local);
    do {
        if (!take_atext(&in))
            return false;
        while (take_atext(&in))
            continue;
    } while (scan_byte(&in, '.'));
    return scan_end(&in);
}

struct str mail_address_normal(struct arena *a, const struct mail_address *address)
{
    struct buf lower AUTO(buf_done), text AUTO(buf_done);
    struct str rest = address->local;
    buf_init(&lower, 2 * QUOTED_BYTES_MAX);
    buf_init(&text, 4 * QUOTED_BYTES_MAX);
    for (uint32_t code; unicode_next(&rest, &code);)
        buf_add_utf8(&lower, unicode_lower(code)); // the local part was well-formed
    mail_local_add(&text, buf_str(&lower));
    buf_add_byte(&text, '@');
    buf_add(&text, address->ascii);
    return text.overflow || lower.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}

static bool byte_is_atext(uint8_t c) // RFC 5322 3.2.3
{
    return byte_is_alnum(c) || str_find_byte(S("!#$%&'*+-/=?^_`{|}~"), (char)c) != STR_NOT_FOUND;
}

static bool byte_is_domain(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '.' || c >= 0x80;
}
