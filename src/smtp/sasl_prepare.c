// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_prepare.c: names and secrets in one spelling (SASLprep, RFC 4013): blanks are made one,
// what nobody sees is dropped, and what does not belong in a name is refused.
//
// Texts become NFC, which RFC 8265 took in the place of 4013's NFKC: what only resembles (a letter
// of full width) stays another letter. Left out are the rules for text from right to left (4013
// 2.3) and for code points without a meaning yet (2.5). Where that matters a login fails that might
// have succeeded, never the other way round.
#include "smtp/sasl_parts.h"

#include "base/unicode.h"

#define PREPARED_BYTES_MAX 1024 // RFC 4616 2 asks for 255; and normalizing takes its time

struct code_range {
    uint32_t first, last;
};

static bool is_listed(uint32_t code, const struct code_range *ranges, size_t count);
static bool is_forbidden(uint32_t code);
static enum sasl_prepared normalize(struct arena *a, struct str text, struct str *out);
static struct str unescape(struct sasl *s, struct str text);

// RFC 3454 B.1, commonly mapped to nothing
static const struct code_range unseen[] = {{0xad, 0xad}, {0x34f, 0x34f}, {0x1806, 0x1806},
        {0x180b, 0x180d}, {0x200b, 0x200d}, {0x2060, 0x2060}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}};
// RFC 3454 C.1.2, blanks beyond ASCII
static const struct code_range blanks[] = {{0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a},
        {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
// RFC 3454 C.2 to C.9: controls, private use, no characters, not in plain text, not canonical,
// changes of display, tags. Surrogates (C.5) are no UTF-8.
static const struct code_range forbidden[] = {{0x0, 0x1f}, {0x7f, 0x9f}, {0x340, 0x341},
        {0x6dd, 0x6dd}, {0x70f, 0x70f}, {0x180e, 0x180e}, {0x200e, 0x200f}, {0x2028, 0x202e},
        {0x2061, 0x2063}, {0x206a, 0x206f}, {0x2ff0, 0x2ffb}, {0xe000, 0xf8ff}, {0xfdd0, 0xfdef},
        {0xfff9, 0xffff}, {0x1d173, 0x1d17a}, {0xe0001, 0xe0001}, {0xe0020, 0xe007f},
        {0xf0000, 0x10ffff}};

enum sasl_prepared sasl_prepare(struct arena *a, struct str text, struct str *out)
{
    uint32_t code;
    size_t len = 0;
    if (text.len > PREPARED_BYTES_MAX)
        return SASL_FORBIDDEN;
    char *made = arena_bytes(a, text.len + 1); // nothing gets longer
    if (made == NULL)
        return SASL_NO_ROOM;
    for (struct str rest = text; rest.len > 0;) {
        size_t taken = str_utf8_next(rest, &code);
        if (taken == 0)
            return SASL_FORBIDDEN;
        rest = str_from(rest, taken);
        if (is_listed(code, unseen, COUNT_OF(unseen)))
            continue;
        if (is_listed(code, blanks, COUNT_OF(blanks)))
            code = ' ';
        if (is_forbidden(code))
            return SASL_FORBIDDEN;
        len += utf8_put(code, made + len);
    }
    return normalize(a, str_of(made, len), out);
}

static enum sasl_prepared normalize(struct arena *a, struct str text, struct str *out)
{
    struct buf normal;
    *out = text;
    if (str_is_ascii(text))
        return SASL_PREPARED;
    buf_init(&normal, 3 * PREPARED_BYTES_MAX); // Unicode's UAX 15 has no worse factor
    if (buf_reserve(&normal, 3 * PREPARED_BYTES_MAX)) {
        unicode_add_nfc(&normal, text);
        *out = normal.overflow ? STR_NULL : arena_str(a, buf_str(&normal));
        mem_wipe(normal.ptr, normal.cap);
    } else {
        *out = STR_NULL;
    }
    buf_done(&normal);
    return str_is_null(*out) ? SASL_NO_ROOM : SASL_PREPARED;
}

static bool is_forbidden(uint32_t code)
{
    return (code & 0xfffe) == 0xfffe || is_listed(code, forbidden, COUNT_OF(forbidden));
}

static bool is_listed(uint32_t code, const struct code_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

bool sasl_take_name(struct sasl *s, struct str text, struct str *out)
{
    struct str name;
    enum sasl_prepared done = sasl_prepare(&s->arena, text, &name);
    s->state->full = done == SASL_NO_ROOM;
    if (done != SASL_PREPARED || str_is_empty(name))
        return false;
    *out = name;
    return true;
}

// saslname = 1*(value-safe-char / "=2C" / "=3D")            RFC 5802 5.1
bool sasl_take_saslname(struct sasl *s, struct str text, struct str *out)
{
    struct str name = unescape(s, text);
    return !str_is_null(name) && sasl_take_name(s, name, out);
}

// Null for any other escape, and without memory.
static struct str unescape(struct sasl *s, struct str text)
{
    struct scan in = scan_over(text);
    size_t len = 0;
    uint8_t c;
    char *made = arena_bytes(&s->arena, text.len + 1);
    s->state->full = made == NULL;
    if (made == NULL)
        return STR_NULL;
    while (scan_any(&in, &c)) {
        if (c == ',')
            return STR_NULL;
        if (c == '=') {
            if (scan_lit(&in, S("2C")))
                c = ',';
            else if (!scan_lit(&in, S("3D")))
                return STR_NULL;
        }
        made[len++] = (char)c;
    }
    return str_of(made, len);
}

struct sasl_step sasl_bad_name(struct sasl *s)
{
    if (s->state->full)
        return sasl_no_room(s);
    return sasl_fail(s, SASL_MALFORMED, S("a name that can be none"));
}
