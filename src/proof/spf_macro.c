// SPDX-License-Identifier: Apache-2.0
// proof/spf_macro.c: macros, their syntax and what they stand for.
#include "proof/spf_macro.h"

#define DELIMITERS ".-+,/_="

struct macro {
    uint8_t letter; // in lower case; of an escape the byte behind the '%'
    bool escape;    // "%%", "%_", "%-"
    bool url;       // the letter was in upper case
    bool reverse;   // "r"
    uint64_t parts; // rightmost ones to keep; 0: all
    struct str delimiters;
};

static bool macro_take(struct scan *in, struct macro *out);
static bool is_delimiter(uint8_t c);
static bool is_allowed(const struct macro *m, enum spf_macro_place place);
static bool ends_in_toplabel(struct str tail);
static bool is_toplabel(struct str label);
static void macro_expand(
        struct buf *out, const struct spf_macro_values *values, const struct macro *m);
static void add_value(struct buf *out, const struct spf_macro_values *values, uint8_t letter);
static void add_nibbles(struct buf *out, const struct ip *ip);
static void add_transformed(struct buf *out, struct str value, const struct macro *m);
static struct str first_parts(struct str value, const struct macro *m);
static struct str last_parts(struct str value, const struct macro *m);
static bool take_last_part(struct str *rest, struct str delimiters, struct str *out);
static void add_url(struct buf *out, struct str text);

// macro-string = *( macro-expand / macro-literal ), macro-literal = %x21-24 / %x26-7E
bool spf_macro_check(struct str text, enum spf_macro_place place, size_t *out_offset)
{
    struct scan in = scan_over(text);
    while (!scan_end(&in)) {
        struct macro m;
        *out_offset = scan_offset(&in);
        int c = scan_peek(&in);
        bool literal = (c > ' ' || (c == ' ' && place == SPF_MACRO_IN_EXPLANATION)) && c < 0x7f;
        if (c == '%' ? !macro_take(&in, &m) || !is_allowed(&m, place) : !literal)
            return false;
        if (c != '%')
            (void)scan_skip(&in, 1);
    }
    return true;
}

// macro-expand = "%{" ALPHA *DIGIT [ "r" ] *delimiter "}" / "%%" / "%_" / "%-"
static bool macro_take(struct scan *in, struct macro *out)
{
    struct scan at = *in;
    struct macro m = {0};
    if (!scan_byte(&at, '%') || !scan_any(&at, &m.letter))
        return false;
    if (m.letter == '%' || m.letter == '_' || m.letter == '-') {
        m.escape = true;
        *in = at;
        *out = m;
        return true;
    }
    if (m.letter != '{' || !scan_any(&at, &m.letter))
        return false;
    m.url = byte_is_upper(m.letter);
    m.letter = byte_to_lower(m.letter);
    if (str_find_byte(S("slodiphcrtv"), (char)m.letter) == STR_NOT_FOUND)
        return false;
    struct str digits;
    if (scan_while(&at, byte_is_digit, &digits)) {
        // A number that is too large for anything keeps all parts, however it is spelt.
        if (!str_to_u64(digits, UINT64_MAX, &m.parts))
            m.parts = UINT64_MAX;
        if (m.parts == 0)
            return false;
    }
    m.reverse = scan_lit_nocase(&at, S("r"));
    (void)scan_while0(&at, is_delimiter, &m.delimiters);
    if (!scan_byte(&at, '}'))
        return false;
    *in = at;
    *out = m;
    return true;
}

static bool is_delimiter(uint8_t c)
{
    return str_find_byte(S(DELIMITERS), (char)c) != STR_NOT_FOUND;
}

static bool is_allowed(const struct macro *m, enum spf_macro_place place)
{
    bool explains = m->letter == 'c' || m->letter == 'r' || m->letter == 't';
    return m->escape || !explains || place == SPF_MACRO_IN_EXPLANATION;
}

bool spf_domain_spec_check(struct str text, size_t *out_offset)
{
    struct scan in = scan_over(text);
    size_t tail_at = 0;
    if (!spf_macro_check(text, SPF_MACRO_IN_RECORD, out_offset))
        return false;
    while (!scan_end(&in)) {
        struct macro m;
        if (macro_take(&in, &m))
            tail_at = scan_offset(&in);
        else
            (void)scan_skip(&in, 1);
    }
    *out_offset = text.len;
    if (tail_at == text.len)
        return tail_at > 0;
    return ends_in_toplabel(str_from(text, tail_at));
}

// The literal text behind the last macro.
static bool ends_in_toplabel(struct str tail)
{
    struct str before, label;
    if (str_ends(tail, S(".")))
        tail = str_upto(tail, tail.len - 1);
    return str_rcut(tail, '.', &before, &label) && is_toplabel(label);
}

// toplabel = letters, digits and inner hyphens, of which one at least is no digit
static bool is_toplabel(struct str label)
{
    struct scan in = scan_over(label);
    bool only_digits = true;
    for (uint8_t c; scan_any(&in, &c);) {
        if (!byte_is_alnum(c) && c != '-')
            return false;
        only_digits = only_digits && byte_is_digit(c);
    }
    return !only_digits && !str_starts(label, S("-")) && !str_ends(label, S("-"));
}

bool spf_macro_uses(struct str text, char letter)
{
    struct scan in = scan_over(text);
    while (!scan_end(&in)) {
        struct macro m;
        if (!macro_take(&in, &m))
            (void)scan_skip(&in, 1);
        else if (!m.escape && m.letter == (uint8_t)letter)
            return true;
    }
    return false;
}

void spf_macro_expand(struct buf *out, const struct spf_macro_values *values, struct str text)
{
    struct scan in = scan_over(text);
    while (!scan_end(&in) && !out->overflow) {
        struct str literal;
        struct macro m;
        if (!scan_until(&in, '%', &literal)) {
            buf_add(out, scan_rest(&in));
            return;
        }
        buf_add(out, literal);
        bool taken = macro_take(&in, &m);
        assert(taken); // the string was checked
        macro_expand(out, values, &m);
    }
}

static void macro_expand(
        struct buf *out, const struct spf_macro_values *values, const struct macro *m)
{
    struct buf value AUTO(buf_done), parts AUTO(buf_done);
    buf_init(&value, out->limit_bytes);
    buf_init(&parts, out->limit_bytes);
    if (m->escape) {
        if (m->letter == '-')
            buf_add(out, S("%20"));
        else
            buf_add_byte(out, m->letter == '_' ? ' ' : '%');
        return;
    }
    add_value(&value, values, m->letter);
    add_transformed(&parts, buf_str(&value), m);
    if (m->url)
        add_url(out, buf_str(&parts));
    else
        buf_add(out, buf_str(&parts));
    out->overflow = out->overflow || value.overflow || parts.overflow;
}

// RFC 7208 7.2 and 7.3
static void add_value(struct buf *out, const struct spf_macro_values *values, uint8_t letter)
{
    switch (letter) {
    case 's':
        buf_add(out, values->sender);
        return;
    case 'l':
        buf_add(out, values->local);
        return;
    case 'o':
        buf_add(out, values->sender_domain);
        return;
    case 'd':
        buf_add(out, values->domain);
        return;
    case 'p':
        buf_add(out, str_is_empty(values->pointer) ? S("unknown") : values->pointer);
        return;
    case 'h':
        buf_add(out, values->helo);
        return;
    case 'r':
        buf_add(out, str_is_empty(values->receiver) ? S("unknown") : values->receiver);
        return;
    case 'i':
        add_nibbles(out, &values->ip);
        return;
    case 'v':
        buf_add(out, values->ip.family == IP_V4 ? S("in-addr") : S("ip6"));
        return;
    case 'c':
        ip_add(out, &values->ip);
        return;
    case 't':
        buf_add_i64(out, values->now_s);
        return;
    }
}

// In upper case, as the community's test suite has them in explanations; names of the DNS do not
// care.
static void add_nibbles(struct buf *out, const struct ip *ip)
{
    if (ip->family == IP_V4) {
        ip_add(out, ip);
        return;
    }
    for (size_t i = 0; i < sizeof(ip->bytes); i++)
        buf_fmt(out, "%s%X.%X", i == 0 ? "" : ".", ip->bytes[i] >> 4, ip->bytes[i] & 0xfu);
}

// Split, reverse, keep the rightmost, join with dots. Of the reversed parts the rightmost ones are
// the first ones of the value.
static void add_transformed(struct buf *out, struct str value, const struct macro *m)
{
    struct str delimiters = str_is_empty(m->delimiters) ? S(".") : m->delimiters, rest, part;
    struct macro plain = *m;
    plain.delimiters = delimiters;
    if (m->reverse) {
        rest = first_parts(value, &plain);
        for (bool first = true; take_last_part(&rest, delimiters, &part); first = false) {
            buf_add(out, first ? S("") : S("."));
            buf_add(out, part);
        }
        return;
    }
    struct scan in = scan_over(last_parts(value, &plain));
    for (uint8_t c; scan_any(&in, &c);) {
        bool is_end = str_find_byte(delimiters, (char)c) != STR_NOT_FOUND;
        buf_add_byte(out, is_end ? '.' : (char)c);
    }
}

static struct str first_parts(struct str value, const struct macro *m)
{
    struct scan in = scan_over(value);
    uint64_t left = m->parts;
    for (uint8_t c; scan_any(&in, &c);) {
        bool is_end = str_find_byte(m->delimiters, (char)c) != STR_NOT_FOUND;
        left -= is_end && left > 0 ? 1 : 0;
        if (is_end && m->parts > 0 && left == 0)
            return str_upto(value, scan_offset(&in) - 1);
    }
    return value;
}

static struct str last_parts(struct str value, const struct macro *m)
{
    struct str rest = value, part = value;
    for (uint64_t i = 0; i < m->parts; i++) {
        if (!take_last_part(&rest, m->delimiters, &part))
            break;
    }
    return m->parts == 0 ? value : str_of(part.ptr, (size_t)(value.ptr + value.len - part.ptr));
}

// False when *rest was null, that is, when the first part was taken.
static bool take_last_part(struct str *rest, struct str delimiters, struct str *out)
{
    if (str_is_null(*rest))
        return false;
    size_t at = rest->len;
    while (at > 0 && str_find_byte(delimiters, rest->ptr[at - 1]) == STR_NOT_FOUND)
        at--;
    *out = str_from(*rest, at);
    *rest = at == 0 ? STR_NULL : str_upto(*rest, at - 1);
    return true;
}

// RFC 3986 2.3
static void add_url(struct buf *out, struct str text)
{
    struct scan in = scan_over(text);
    for (uint8_t c; scan_any(&in, &c);) {
        if (byte_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
            buf_add_byte(out, (char)c);
        else
            buf_fmt(out, "%%%02X", c);
    }
}
