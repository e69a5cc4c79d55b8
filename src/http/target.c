// SPDX-License-Identifier: Apache-2.0
// http/target.c: decoding paths and queries, once. See http/target.h.
#include "http/target.h"

#include "http/limits.h"

static int percent_octet(struct scan *in);
static struct http_problem pair_parse(struct arena *a, struct str pair, struct http_query *q);

struct http_problem http_percent_decode(
        struct arena *a, struct str text, enum http_plus plus, struct str *out)
{
    struct scan in = scan_over(text);
    char *decoded = arena_bytes(a, text.len + 1);
    size_t len = 0;
    if (decoded == NULL)
        return http_problem(414, "the request target needs too much memory");
    for (uint8_t c; scan_any(&in, &c);) {
        int octet = c == '%' ? percent_octet(&in) : c;
        if (octet < 0)
            return http_problem(400, "a % without two hexadecimal digits");
        if (octet == 0)
            return http_problem(400, "an encoded NUL");
        decoded[len++] = c == '+' && plus == HTTP_PLUS_IS_BLANK ? ' ' : (char)octet;
    }
    *out = str_of(decoded, len);
    return HTTP_FINE;
}

static int percent_octet(struct scan *in)
{
    uint8_t high, low;
    if (!scan_any(in, &high) || !scan_any(in, &low) || !byte_is_hex(high) || !byte_is_hex(low))
        return -1;
    return byte_hex_value(high) * 16 + byte_hex_value(low);
}

struct http_problem http_path_decode(struct arena *a, struct str raw, struct str *out)
{
    struct str path, rest, segment;
    TRY_HTTP(http_percent_decode(a, raw, HTTP_PLUS_IS_PLUS, &path));
    if (!str_is_utf8(path))
        return http_problem(400, "the path is not UTF-8");
    rest = path;
    while (str_split(&rest, '/', &segment))
        if (str_eq(segment, S("..")))
            return http_problem(400, "a .. in the path");
    *out = path;
    return HTTP_FINE;
}

bool http_path_next(struct str *rest, struct str *out_segment)
{
    struct scan in = scan_over(*rest);
    if (!scan_byte(&in, '/'))
        return false;
    if (!scan_until(&in, '/', out_segment)) {
        *out_segment = scan_rest(&in);
        *rest = S("");
        return true;
    }
    *rest = scan_rest(&in);
    return true;
}

struct http_problem http_query_parse(struct arena *a, struct str text, struct http_query *out)
{
    struct http_query query = {0};
    struct str pair;
    while (str_split(&text, '&', &pair))
        if (pair.len > 0)
            TRY_HTTP(pair_parse(a, pair, &query));
    *out = query;
    return HTTP_FINE;
}

// The first of a name wins: management.md 1.1. Later ones are decoded all the same, so that what
// is malformed is refused wherever it stands.
static struct http_problem pair_parse(struct arena *a, struct str pair, struct http_query *q)
{
    struct str name = pair, value = S("");
    struct http_parameter decoded;
    str_cut(pair, '=', &name, &value);
    TRY_HTTP(http_percent_decode(a, name, HTTP_PLUS_IS_BLANK, &decoded.name));
    TRY_HTTP(http_percent_decode(a, value, HTTP_PLUS_IS_BLANK, &decoded.value));
    if (!str_is_null(http_query_get(q, decoded.name)))
        return HTTP_FINE;
    if (q->parameters.count >= HTTP_QUERY_PARAMETERS_MAX)
        return http_problem(400, "too many query parameters");
    struct http_parameter *p = vec_add(a, &q->parameters);
    if (p == NULL)
        return http_problem(414, "the query needs too much memory");
    *p = decoded;
    return HTTP_FINE;
}

struct str http_query_get(const struct http_query *q, struct str name)
{
    each_in_vec (p, &q->parameters)
        if (str_eq(p->name, name))
            return p->value;
    return STR_NULL;
}
