// SPDX-License-Identifier: Apache-2.0
// proof/uris.c: lists of URIs. Their schemes are for those to judge who use them.
#include "proof/uris.h"

static bool uri_trim(struct str text, struct str *out);
static bool is_scheme_byte(uint8_t c);
static bool is_uri_byte(uint8_t c);

// dmarc-uris = uri *( *WSP "," *WSP uri )
struct err uris_read(struct arena *a, struct str text, struct uris *out, bool *out_fine)
{
    VEC(struct str) uris = {0};
    struct str rest = text, piece, uri;
    *out_fine = !str_is_empty(text);
    while (uris.count < URIS_MAX && str_split(&rest, ',', &piece)) {
        if (!uri_trim(str_trim(piece), &uri)) {
            *out_fine = false;
            continue;
        }
        struct str *added = vec_add(a, &uris);
        if (added == NULL)
            return fail(ERR_LIMIT, "no memory for a list of URIs");
        *added = uri;
    }
    out->at = uris.at;
    out->count = uris.count;
    return OK;
}

// uri = scheme ":" 1*octet [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ], the limit as in RFC 7489 6.3
static bool uri_trim(struct str text, struct str *out)
{
    struct scan in = scan_over(text);
    struct str ignored;
    uint64_t size;
    if (!byte_is_alpha((uint8_t)(scan_end(&in) ? 0 : scan_peek(&in))))
        return false;
    if (!scan_while(&in, is_scheme_byte, &ignored) || !scan_byte(&in, ':') ||
            !scan_while(&in, is_uri_byte, &ignored))
        return false;
    size_t end = scan_offset(&in);
    if (scan_byte(&in, '!')) {
        if (!scan_u64(&in, UINT64_MAX, &size))
            return false;
        int unit = byte_to_lower((uint8_t)(scan_end(&in) ? 0 : scan_peek(&in)));
        if (unit == 'k' || unit == 'm' || unit == 'g' || unit == 't')
            (void)scan_skip(&in, 1);
    }
    *out = str_upto(text, end);
    return scan_end(&in);
}

static bool is_scheme_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '+' || c == '-' || c == '.';
}

static bool is_uri_byte(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != '!' && c != ',' && c != ';';
}
