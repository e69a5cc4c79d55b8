// SPDX-License-Identifier: Apache-2.0
// mail/address.c: reading and writing the addresses of envelopes. Columns in messages count bytes
// of the address.
#include "mail/address.h"

#include "base/idna.h"
#include "base/unicode.h"

#define QUOTED_BYTES_MAX (4 * KIB) // of a local part on its way out

static struct err read_dot_string(struct arena *a, struct scan *in, struct mail_address *out);
static struct err read_quoted(struct arena *a, struct scan *in, struct mail_address *out);
static bool take_dot_string(struct scan *in);
static bool take_atom(struct scan *in);
static struct err read_literal(struct arena *a, struct scan *in, struct mail_address *out);
static struct err read_name(struct arena *a, struct scan *in, struct mail_address *out);
static struct err check_labels(struct arena *a, struct str domain);
static struct err check_label(struct arena *a, struct str label);
static bool is_dot_string(struct str local);
static struct str normal_ascii(struct arena *a, struct str local, struct str domain);
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
    if (!take_dot_string(in))
        return fail_fmt(a, ERR_SYNTAX, "expected a local part at column %zu", scan_column(in));
    out->local = arena_str(a, scan_since(in, start));
    return str_is_null(out->local) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

// Where it fails the scan stands at the fault.
static bool take_dot_string(struct scan *in)
{
    do {
        if (!take_atom(in))
            return false;
    } while (scan_byte(in, '.'));
    return true;
}

// Atom = 1*( atext / UTF8-non-ascii ), RFC 6531 3.3: whole well-formed sequences, no stray byte.
static bool take_atom(struct scan *in)
{
    struct str rest = scan_rest(in);
    uint32_t code;
    size_t len = 0, more = 1;
    while (len < rest.len && more > 0) {
        uint8_t c = (uint8_t)rest.ptr[len];
        if (c < 0x80)
            more = byte_is_atext(c) ? 1 : 0;
        else
            more = str_utf8_next(str_from(rest, len), &code);
        len += more;
    }
    scan_skip(in, len);
    return len > 0;
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

static struct err read_literal(struct arena *a, struct scan *in, struct mail_address *out)
{
    struct str inside;
    size_t start = scan_offset(in);
    if (!scan_until_past(in, ']', &inside))
        return fail(ERR_SYNTAX, "the address literal does not end");
    out->domain = scan_since(in, start);
    if (!mail_literal_parse(out->domain, &out->literal))
        return fail(ERR_SYNTAX, "expected [192.0.2.1] or [IPv6:2001:db8::1]");
    out->ascii = arena_str_lower(a, out->domain);
    return str_is_null(out->ascii) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

// address-literal = "[" ( IPv4-address / "IPv6:" IPv6-addr ) "]"      RFC 5321 4.1.3
bool mail_literal_parse(struct str text, struct ip *out)
{
    if (!str_starts(text, S("[")) || !str_ends(text, S("]")))
        return false;
    struct str inside = str_part(text, 1, text.len - 2);
    if (str_starts_nocase(inside, S("IPv6:")))
        return ip6_parse(str_from(inside, S("IPv6:").len), out);
    return ip4_parse(inside, out);
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

static struct err check_labels(struct arena *a, struct str domain)
{
    struct str rest = domain, label;
    if (domain.len > MAIL_DOMAIN_BYTES_MAX)
        return fail(ERR_SYNTAX, "the domain is longer than 255 octets");
    while (str_split(&rest, '.', &label))
        TRY(check_label(a, label));
    return OK;
}

// sub-domain = Let-dig [ *( ALPHA / DIGIT / "-" ) Let-dig ]
static struct err check_label(struct arena *a, struct str label)
{
    if (str_is_empty(label))
        return fail(ERR_SYNTAX, "the domain has an empty label");
    if (label.len > MAIL_LABEL_BYTES_MAX)
        return fail(ERR_SYNTAX, "a label of the domain is longer than 63 octets");
    if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return fail(ERR_SYNTAX, "a label of the domain begins or ends with a hyphen");
    for (size_t i = 0; i < label.len; i++) {
        if (!byte_is_alnum((uint8_t)label.ptr[i]) && label.ptr[i] != '-')
            return fail_fmt(a, ERR_SYNTAX, "\"%.*s\" is no label of a domain", ARG(label));
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
    return take_dot_string(&in) && scan_end(&in);
}

struct str mail_address_normal(struct arena *a, const struct mail_address *address)
{
    struct str local = address->local;
    // All that was not quoted is a dot-string.
    if (str_is_ascii(local) && (!address->quoted || is_dot_string(local)))
        return normal_ascii(a, local, address->ascii);
    struct buf folded AUTO(buf_done), normal AUTO(buf_done), text AUTO(buf_done);
    buf_init(&folded, 2 * QUOTED_BYTES_MAX);
    buf_init(&normal, 4 * QUOTED_BYTES_MAX);
    buf_init(&text, 8 * QUOTED_BYTES_MAX);
    for (uint32_t code; unicode_next(&local, &code);)
        buf_add_utf8(&folded, unicode_fold(code)); // the local part was well-formed
    unicode_add_nfc(&normal, buf_str(&folded));
    mail_local_add(&text, buf_str(&normal));
    buf_add_byte(&text, '@');
    buf_add(&text, address->ascii);
    bool full = folded.overflow || normal.overflow || text.overflow;
    return full ? STR_NULL : arena_str(a, buf_str(&text));
}

struct err mail_address_ascii(struct arena *a, struct str text, struct str *out)
{
    struct str local, domain;
    struct idna_result ascii;
    *out = text;
    if (str_is_ascii(text))
        return OK;
    *out = STR_NULL;
    if (!str_rcut(text, '@', &local, &domain) || !str_is_ascii(local))
        return OK;
    TRY(idna_to_ascii(a, domain, &ascii));
    if (ascii.fault != IDNA_FINE)
        return OK;
    *out = arena_fmt(a, "%.*s@%.*s", ARG(local), ARG(ascii.text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for an address") : OK;
}

// Nearly all addresses are like this, and each recipient is asked: one copy and no more.
static struct str normal_ascii(struct arena *a, struct str local, struct str domain)
{
    size_t bytes = local.len + 1 + domain.len;
    char *text = arena_bytes(a, bytes);
    if (text == NULL)
        return STR_NULL;
    for (size_t i = 0; i < local.len; i++)
        text[i] = (char)byte_to_lower((uint8_t)local.ptr[i]);
    text[local.len] = '@';
    memcpy(&text[local.len + 1], domain.ptr, domain.len);
    return str_of(text, bytes);
}

bool mail_local_split(
        struct str local, struct str delimiters, struct str *out_base, struct str *out_detail)
{
    size_t at = 0;
    while (at < local.len && str_find_byte(delimiters, local.ptr[at]) == STR_NOT_FOUND)
        at++;
    if (at == 0 || at == local.len)
        return false;
    *out_base = str_upto(local, at);
    *out_detail = str_from(local, at + 1);
    return true;
}

static bool byte_is_atext(uint8_t c) // RFC 5322 3.2.3
{
    static const bool atext[128] = {['!'] = true,
            ['#' ... '\''] = true,
            ['*'] = true,
            ['+'] = true,
            ['-'] = true,
            ['/' ... '9'] = true,
            ['='] = true,
            ['?'] = true,
            ['A' ... 'Z'] = true,
            ['^' ... '~'] = true};
    return c < 128 && atext[c];
}

static bool byte_is_domain(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '.' || c >= 0x80;
}
