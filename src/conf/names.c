// SPDX-License-Identifier: Apache-2.0
// conf/names.c: host names, domains, mail addresses and URIs as settings. Names become lower-case
// A-labels (RFC 5890), so that everything behind the configuration compares bytes.
#include "conf/types.h"

#include "base/idna.h"

#define HOST_BYTES_MAX 253 // RFC 1035 2.3.4 without the root's dot
#define LABEL_BYTES_MAX 63
#define LOCAL_BYTES_MAX 64 // RFC 5321 4.5.3.1.1
#define EMAIL_DOMAIN_BYTES_MAX 255

static bool host_to_ascii(struct arena *a, struct str text, struct str *out, struct str *out_why);
static bool labels_ok(struct str host, struct str *out_why);
static bool byte_is_label(uint8_t c);
static bool byte_is_scheme(uint8_t c);
static bool scheme_in(struct str schemes, struct str scheme);
static bool byte_is_local(uint8_t c);

bool value_host(struct arena *a, struct str text, struct str *out, struct str *out_why)
{
    struct str host = text;
    if (host.len > 1 && str_ends(host, S(".")))
        host = str_upto(host, host.len - 1);
    if (host.len == 0) {
        *out_why = S("it is empty");
        return false;
    }
    struct ip ip;
    if (ip_parse(host, &ip)) {
        *out_why = S("it is an IP address");
        return false;
    }
    if (!str_is_ascii(host) && !host_to_ascii(a, host, &host, out_why))
        return false;
    if (!labels_ok(host, out_why))
        return false;
    *out = arena_str_lower(a, host);
    *out_why = S("out of memory");
    return !str_is_null(*out);
}

bool value_host_pattern(struct arena *a, struct str text, struct str *out, struct str *out_why)
{
    struct ip ip;
    if (ip_parse(text, &ip)) {
        *out = ip_text(a, &ip);
        return !str_is_null(*out);
    }
    if (!str_starts(text, S("*.")))
        return value_host(a, text, out, out_why);
    struct str host;
    if (!value_host(a, str_from(text, 2), &host, out_why))
        return false;
    *out = arena_join(a, S("*."), host);
    return !str_is_null(*out);
}

// RFC 5321 4.1.2 without quoted strings and address literals: nobody configures those.
bool value_email(struct arena *a, struct str text, struct str *out)
{
    struct str local, domain, host, why;
    if (!str_rcut(text, '@', &local, &domain))
        return false;
    if (local.len == 0 || local.len > LOCAL_BYTES_MAX || domain.len > EMAIL_DOMAIN_BYTES_MAX)
        return false;
    struct scan in = scan_over(local);
    struct str atom;
    do {
        if (!scan_while(&in, byte_is_local, &atom))
            return false;
    } while (scan_byte(&in, '.'));
    if (!scan_end(&in) || !value_host(a, domain, &host, &why))
        return false;
    *out = arena_fmt(a, "%.*s@%.*s", ARG(local), ARG(host));
    return !str_is_null(*out);
}

// RFC 3986 3, as far as a setting needs it: scheme, then "//" and an authority, or a path that is
// not empty; no blanks or control bytes.
bool value_uri(struct str text, struct str schemes)
{
    struct scan in = scan_over(text);
    struct str scheme;
    if (!byte_is_alpha(text.len > 0 ? (uint8_t)text.ptr[0] : 0) ||
            !scan_while(&in, byte_is_scheme, &scheme) || !scan_byte(&in, ':'))
        return false;
    if (schemes.len > 0 && !scheme_in(schemes, scheme))
        return false;
    if (scan_lit(&in, S("//")) && (scan_peek(&in) == '/' || scan_end(&in)))
        return false;
    if (scan_end(&in))
        return false;
    for (uint8_t c; scan_any(&in, &c);)
        if (c <= ' ' || c == 0x7f || c == '"' || c == '<' || c == '>')
            return false;
    return true;
}

static bool host_to_ascii(struct arena *a, struct str text, struct str *out, struct str *out_why)
{
    struct idna_result ascii;
    if (failed(idna_to_ascii(a, text, &ascii))) {
        *out_why = S("out of memory");
        return false;
    }
    *out_why =
            arena_fmt(a, "it cannot be written in ASCII (%.*s)", ARG(idna_fault_name(ascii.fault)));
    *out = ascii.text;
    return ascii.fault == IDNA_FINE;
}

// RFC 1123 2.1: letters, digits and hyphens, none at either end; `_` is common in real names.
static bool labels_ok(struct str host, struct str *out_why)
{
    struct str rest = host, label;
    if (host.len > HOST_BYTES_MAX) {
        *out_why = S("it is longer than 253 bytes");
        return false;
    }
    while (str_split(&rest, '.', &label)) {
        struct scan in = scan_over(label);
        struct str taken;
        if (label.len == 0 || label.len > LABEL_BYTES_MAX) {
            *out_why = S("each label has 1 to 63 bytes");
            return false;
        }
        if (!scan_while(&in, byte_is_label, &taken) || !scan_end(&in) || label.ptr[0] == '-' ||
                str_ends(label, S("-"))) {
            *out_why = S("labels are letters, digits and inner hyphens");
            return false;
        }
    }
    return true;
}

static bool byte_is_label(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '_';
}

static bool byte_is_scheme(uint8_t c)
{
    return byte_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool scheme_in(struct str schemes, struct str scheme)
{
    struct str one;
    while (str_split(&schemes, ' ', &one))
        if (str_eq_nocase(one, scheme))
            return true;
    return false;
}

static bool byte_is_local(uint8_t c)
{
    return byte_is_alnum(c) || c >= 0x80 ||
           str_find_byte(S("!#$%&'*+-/=?^_`{|}~"), (char)c) != STR_NOT_FOUND;
}
