// SPDX-License-Identifier: Apache-2.0
// http/uri.c: is this text a request target, and where are its parts? Strict by RFC 3986, but for
// a few octets that browsers do not encode.
#include "http/uri.h"

#include "base/ip.h"

static struct http_problem authority_form(struct str target, struct http_target *out);
static struct http_problem asterisk_form(enum http_method method, struct http_target *out);
static struct http_problem absolute_form(struct scan *in, struct http_target *out);
static struct http_problem path_and_query(struct scan *in, struct http_target *out);
static struct http_problem stray_octet(const struct scan *in);
static bool host_split(struct scan *in, struct str *out);
static struct str take_uri_text(struct scan *in, byte_class *is);
static bool is_authority_byte(uint8_t c);
static bool is_name_byte(uint8_t c);
static bool is_path_byte(uint8_t c);
static bool is_query_byte(uint8_t c);

// request-target = origin-form / absolute-form / authority-form / asterisk-form  RFC 9112 3.2
struct http_problem http_target_split(
        enum http_method method, struct str target, struct http_target *out)
{
    struct scan in = scan_over(target);
    struct http_target parts = {.form = HTTP_ORIGIN};
    if (method == HTTP_CONNECT)
        TRY_HTTP(authority_form(target, &parts));
    else if (str_eq(target, S("*")))
        TRY_HTTP(asterisk_form(method, &parts));
    else if (scan_lit_nocase(&in, S("http://")) || scan_lit_nocase(&in, S("https://")))
        TRY_HTTP(absolute_form(&in, &parts));
    else if (scan_peek(&in) == '/')
        TRY_HTTP(path_and_query(&in, &parts));
    else
        return http_problem(400, "the request target is neither a path nor an http URI");
    *out = parts;
    return HTTP_FINE;
}

// authority-form = uri-host ":" port                    RFC 9112 3.2.3, CONNECT and nothing else
static struct http_problem authority_form(struct str target, struct http_target *out)
{
    struct str host, port;
    if (!http_authority_split(target, HTTP_PORT_REQUIRED, &host, &port) || host.len == 0)
        return http_problem(400, "CONNECT needs host:port");
    *out = (struct http_target){.form = HTTP_AUTHORITY, .authority = target, .path = S("")};
    return HTTP_FINE;
}

// RFC 9112 3.2.4 has it for OPTIONS only. What a method that RFC 9110 does not define may ask for
// is its own affair: M-SEARCH of UPnP uses it.
static struct http_problem asterisk_form(enum http_method method, struct http_target *out)
{
    if (method != HTTP_OPTIONS && method != HTTP_OTHER)
        return http_problem(400, "the target * goes with OPTIONS only");
    *out = (struct http_target){.form = HTTP_ASTERISK, .path = S("*")};
    return HTTP_FINE;
}

// absolute-form = "http" "://" authority path-abempty [ "?" query ]   RFC 9112 3.2.2, RFC 9110 4.2
static struct http_problem absolute_form(struct scan *in, struct http_target *out)
{
    struct str host, port;
    out->form = HTTP_ABSOLUTE;
    scan_while0(in, is_authority_byte, &out->authority);
    if (str_find_byte(out->authority, '@') != STR_NOT_FOUND)
        return http_problem(400, "user information in the request target"); // RFC 9110 4.2.4
    if (!http_authority_split(out->authority, HTTP_PORT_OPTIONAL, &host, &port) || host.len == 0)
        return http_problem(400, "the host in the request target is malformed");
    return path_and_query(in, out);
}

static struct http_problem path_and_query(struct scan *in, struct http_target *out)
{
    out->path = take_uri_text(in, is_path_byte);
    if (out->path.len == 0)
        out->path = S("/");
    if (scan_byte(in, '?'))
        out->query = take_uri_text(in, is_query_byte);
    return scan_end(in) ? HTTP_FINE : stray_octet(in);
}

static struct http_problem stray_octet(const struct scan *in)
{
    if (scan_peek(in) == '#')
        return http_problem(400, "a fragment in the request target");
    if (scan_peek(in) == '%')
        return http_problem(400, "a % without two hexadecimal digits in the request target");
    return http_problem(400, "an octet that must be percent-encoded in the request target");
}

bool http_authority_split(
        struct str text, enum http_port port, struct str *out_host, struct str *out_port)
{
    struct scan in = scan_over(text);
    struct str host, digits = STR_NULL;
    uint64_t number;
    if (!host_split(&in, &host))
        return false;
    if (scan_byte(&in, ':'))
        scan_while0(&in, byte_is_digit, &digits); // RFC 3986 3.2.3: may be empty
    if (!scan_end(&in))
        return false;
    if (digits.len > 0 ? !str_to_u64(digits, UINT16_MAX, &number) : port == HTTP_PORT_REQUIRED)
        return false;
    *out_host = host;
    *out_port = digits;
    return true;
}

// uri-host = IP-literal / IPv4address / reg-name        RFC 3986 3.2.2; IPvFuture is not served
static bool host_split(struct scan *in, struct str *out)
{
    if (scan_peek(in) != '[') {
        *out = take_uri_text(in, is_name_byte);
        return true;
    }
    struct str inside;
    struct ip ip;
    size_t start = scan_offset(in);
    if (!scan_byte(in, '[') || !scan_until_past(in, ']', &inside) || !ip6_parse(inside, &ip))
        return false;
    *out = scan_since(in, start);
    return true;
}

// *( one of the class / pct-encoded ), stopping at what is neither.
static struct str take_uri_text(struct scan *in, byte_class *is)
{
    size_t start = scan_offset(in);
    for (;;) {
        int c = scan_peek(in), high = scan_peek_at(in, 1), low = scan_peek_at(in, 2);
        if (c >= 0 && is((uint8_t)c))
            scan_skip(in, 1);
        else if (c == '%' && high >= 0 && low >= 0 && byte_is_hex((uint8_t)high) &&
                 byte_is_hex((uint8_t)low))
            scan_skip(in, 3);
        else
            return scan_since(in, start);
    }
}

static bool is_authority_byte(uint8_t c)
{
    return c != '/' && c != '?' && c != '#';
}

// unreserved / sub-delims                               RFC 3986 2.2, 2.3
static bool is_name_byte(uint8_t c)
{
    return byte_is_alnum(c) ||
           (c != 0 && c < 0x80 && str_find_byte(S("-._~!$&'()*+,;="), (char)c) != STR_NOT_FOUND);
}

// pchar / "/", and what RFC 3986 3.3 forbids but browsers leave as it is in a path (the URL
// standard they follow encodes neither of these): there is no doubt where such a path ends.
static bool is_path_byte(uint8_t c)
{
    return is_name_byte(c) || c == ':' || c == '@' || c == '/' || c == '[' || c == ']' ||
           c == '|' || c == '^';
}

// The same for a query, where browsers also leave braces and the grave accent.
static bool is_query_byte(uint8_t c)
{
    return is_path_byte(c) || c == '?' || c == '{' || c == '}' || c == '`';
}
