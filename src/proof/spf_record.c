// SPDX-License-Identifier: Apache-2.0
// proof/spf_record.c: reading SPF records, RFC 7208 4.5, 4.6 and 12. A record is read whole before
// anything of it is evaluated, since a mistake anywhere in it makes all of it void.
#include "proof/spf.h"

#include "proof/spf_macro.h"

#define VERSION "v=spf1"

struct reading {
    struct arena *a;
    struct str text;
    VEC(struct spf_term) terms;
    struct spf_record record;
};

static struct err check_octets(struct arena *a, struct str text);
static struct err read_term(struct reading *rd, struct str term);
static bool is_name_byte(uint8_t c);
static struct err read_modifier(struct reading *rd, struct str name, struct str value);
static struct err read_once(struct reading *rd, struct str value, struct str *out);
static struct err read_mechanism(
        struct reading *rd, struct spf_term *t, struct str name, struct str rest);
static bool mechanism_find(struct str name, enum spf_mechanism *out);
static struct err read_target(struct reading *rd, struct spf_term *t, struct str rest);
static struct err read_prefixes(struct reading *rd, struct spf_term *t, struct str *rest);
static bool cut_prefix(struct str *rest, struct str slashes, struct str *out_digits);
static bool read_prefix(struct str digits, uint8_t bits, uint8_t *out);
static struct err read_net(struct reading *rd, struct spf_term *t, struct str rest);
static struct err read_domain_spec(struct reading *rd, struct str spec, struct str *out);
static struct err bad(const struct reading *rd, struct str at, const char *what);

bool spf_record_begins(struct str text)
{
    struct str rest = str_from(text, sizeof(VERSION) - 1);
    return str_starts_nocase(text, S(VERSION)) && (str_is_empty(rest) || str_starts(rest, S(" ")));
}

// record = version *( 1*SP ( directive / modifier ) ) *SP
struct err spf_record_parse(struct arena *a, struct str text, struct spf_record *out)
{
    struct reading rd = {.a = a, .text = text};
    struct str rest = str_from(text, sizeof(VERSION) - 1), term;
    if (!spf_record_begins(text))
        return fail(ERR_SYNTAX, "column 1: no record of SPF: it does not begin with \"v=spf1\"");
    if (text.len > SPF_RECORD_BYTES_MAX)
        return fail_fmt(a, ERR_SYNTAX, "column %d: the record is longer than %d octets",
                SPF_RECORD_BYTES_MAX + 1, SPF_RECORD_BYTES_MAX);
    TRY(check_octets(a, text));
    while (str_split(&rest, ' ', &term)) {
        if (!str_is_empty(term))
            TRY(read_term(&rd, term));
    }
    rd.record.terms = rd.terms.at;
    rd.record.term_count = rd.terms.count;
    *out = rd.record;
    return OK;
}

static struct err check_octets(struct arena *a, struct str text)
{
    struct scan in = scan_over(text);
    for (uint8_t c; scan_any(&in, &c);) {
        if (c < ' ' || c > '~')
            return fail_fmt(a, ERR_SYNTAX, "column %zu: octet 0x%02x is not allowed",
                    scan_column(&in) - 1, c);
    }
    return OK;
}

// directive = [ qualifier ] mechanism; modifier = name "=" macro-string
static struct err read_term(struct reading *rd, struct str term)
{
    struct spf_term t = {.text = term, .prefix4 = 32, .prefix6 = 128};
    struct scan in = scan_over(term);
    struct str name;
    static const char qualifiers[] = {'+', '-', '~', '?'};
    bool qualified = false;
    for (size_t i = 0; i < COUNT_OF(qualifiers) && !qualified; i++) {
        qualified = scan_byte(&in, qualifiers[i]);
        t.qualifier = qualified ? (enum spf_qualifier)i : SPF_PLUS;
    }
    size_t name_at = scan_offset(&in);
    if (!byte_is_alpha((uint8_t)(scan_end(&in) ? 0 : scan_peek(&in))))
        return bad(rd, scan_rest(&in), "expected the name of a mechanism or modifier");
    (void)scan_while(&in, is_name_byte, &name);
    if (!qualified && scan_byte(&in, '='))
        return read_modifier(rd, name, scan_rest(&in));
    if (!scan_end(&in) && scan_peek(&in) != ':' && scan_peek(&in) != '/')
        return bad(rd, scan_rest(&in), "expected ':' or a blank");
    TRY(read_mechanism(rd, &t, str_part(term, name_at, name.len), scan_rest(&in)));
    struct spf_term *added = vec_add(rd->a, &rd->terms);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for an SPF record");
    *added = t;
    return OK;
}

static bool is_name_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

// RFC 7208 6, and the modifiers of RFC 6652 4, whose malformed values are nobody's mistake.
static struct err read_modifier(struct reading *rd, struct str name, struct str value)
{
    size_t offset;
    struct spf_record *record = &rd->record;
    if (str_eq_nocase(name, S("redirect")))
        return read_once(rd, value, &record->redirect);
    if (str_eq_nocase(name, S("exp")))
        return read_once(rd, value, &record->exp);
    if (!spf_macro_check(value, SPF_MACRO_IN_RECORD, &offset))
        return bad(rd, str_from(value, offset), "a malformed macro");
    if (str_eq_nocase(name, S("ra")) && str_is_null(record->ra))
        record->ra = value;
    if (str_eq_nocase(name, S("rp")) && str_is_null(record->rp))
        record->rp = value;
    if (str_eq_nocase(name, S("rr")) && str_is_null(record->rr))
        record->rr = value;
    return OK;
}

static struct err read_once(struct reading *rd, struct str value, struct str *out)
{
    if (!str_is_null(*out))
        return bad(rd, value, "this modifier is given twice");
    return read_domain_spec(rd, value, out);
}

static struct err read_mechanism(
        struct reading *rd, struct spf_term *t, struct str name, struct str rest)
{
    if (!mechanism_find(name, &t->mechanism))
        return bad(rd, name, "an unknown mechanism");
    switch (t->mechanism) {
    case SPF_ALL:
        return str_is_empty(rest) ? OK : bad(rd, rest, "\"all\" stands alone");
    case SPF_A:
    case SPF_MX:
        TRY(read_prefixes(rd, t, &rest));
        return str_is_empty(rest) ? OK : read_target(rd, t, rest);
    case SPF_PTR:
        return str_is_empty(rest) ? OK : read_target(rd, t, rest);
    case SPF_INCLUDE:
    case SPF_EXISTS:
        return read_target(rd, t, rest);
    case SPF_IP4:
    case SPF_IP6:
        return read_net(rd, t, rest);
    }
    return OK;
}

static bool mechanism_find(struct str name, enum spf_mechanism *out)
{
    static const struct {
        struct str name;
        enum spf_mechanism mechanism;
    } all[] = {
            {S_INIT("all"), SPF_ALL},
            {S_INIT("include"), SPF_INCLUDE},
            {S_INIT("a"), SPF_A},
            {S_INIT("mx"), SPF_MX},
            {S_INIT("ptr"), SPF_PTR},
            {S_INIT("ip4"), SPF_IP4},
            {S_INIT("ip6"), SPF_IP6},
            {S_INIT("exists"), SPF_EXISTS},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (str_eq_nocase(all[i].name, name)) {
            *out = all[i].mechanism;
            return true;
        }
    }
    return false;
}

static struct err read_target(struct reading *rd, struct spf_term *t, struct str rest)
{
    if (!str_starts(rest, S(":")))
        return bad(rd, rest, "expected ':' and a domain");
    return read_domain_spec(rd, str_from(rest, 1), &t->domain);
}

// dual-cidr-length = [ "/" ip4-prefix ] [ "//" ip6-prefix ], taken from the end, since a slash may
// also be text of a domain-spec; it cannot be of its last label.
static struct err read_prefixes(struct reading *rd, struct spf_term *t, struct str *rest)
{
    struct str digits;
    if (cut_prefix(rest, S("//"), &digits) && !read_prefix(digits, 128, &t->prefix6))
        return bad(rd, digits, "expected a prefix of 0 to 128");
    if (cut_prefix(rest, S("/"), &digits) && !read_prefix(digits, 32, &t->prefix4))
        return bad(rd, digits, "expected a prefix of 0 to 32");
    return OK;
}

static bool cut_prefix(struct str *rest, struct str slashes, struct str *out_digits)
{
    size_t at = rest->len;
    while (at > 0 && byte_is_digit((uint8_t)rest->ptr[at - 1]))
        at--;
    if (at == rest->len || !str_ends(str_upto(*rest, at), slashes))
        return false;
    *out_digits = str_from(*rest, at);
    *rest = str_upto(*rest, at - slashes.len);
    return true;
}

// No leading zeros, RFC 7208 12.
static bool read_prefix(struct str digits, uint8_t bits, uint8_t *out)
{
    uint64_t value;
    if (!str_to_u64(digits, bits, &value) || (digits.len > 1 && str_starts(digits, S("0"))))
        return false;
    *out = (uint8_t)value;
    return true;
}

static struct err read_net(struct reading *rd, struct spf_term *t, struct str rest)
{
    bool four = t->mechanism == SPF_IP4;
    struct str text = str_from(rest, 1), address = text, digits = STR_NULL;
    struct ip ip;
    uint8_t bits = four ? 32 : 128, prefix = bits;
    if (!str_starts(rest, S(":")))
        return bad(rd, rest, "expected ':' and a network");
    bool has_prefix = str_cut(text, '/', &address, &digits);
    if (four ? !ip4_parse(address, &ip) : !ip6_parse(address, &ip))
        return bad(rd, address, four ? "no IPv4 address" : "no IPv6 address");
    if (has_prefix && !read_prefix(digits, bits, &prefix))
        return bad(rd, digits, four ? "expected a prefix of 0 to 32" : "expected one of 0 to 128");
    t->net = (struct ip_net){.ip = ip_network_of(ip, prefix), .prefix = prefix};
    return OK;
}

static struct err read_domain_spec(struct reading *rd, struct str spec, struct str *out)
{
    size_t offset = 0;
    if (str_is_empty(spec))
        return bad(rd, spec, "expected a domain");
    if (!spf_domain_spec_check(spec, &offset)) {
        bool at_end = offset == spec.len;
        return bad(rd, str_from(spec, offset),
                at_end ? "a domain must end in a top label or a macro" : "a malformed macro");
    }
    *out = spec;
    return OK;
}

static struct err bad(const struct reading *rd, struct str at, const char *what)
{
    size_t column = (size_t)(at.ptr - rd->text.ptr) + 1;
    return fail_fmt(rd->a, ERR_SYNTAX, "column %zu: %s", column, what);
}
