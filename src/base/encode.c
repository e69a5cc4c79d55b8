// SPDX-License-Identifier: Apache-2.0
// base/encode.c: hex, base64 in two alphabets, and text made fit to be looked at.
#define POSTHASTE_BASE_ROOM
#include "base/encode.h"

#define PIECE_BYTES 12       // the longest escape is \u{10FFFF}
#define QUOTED_LINE_BYTES 76 // RFC 2045 6.7, rule 5

static const char hex_digits[] = "0123456789abcdef";
static const char alphabet_std[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t base64_digits(const char *alphabet, const uint8_t *from, size_t len, char out[4]);
static bool base64_decode(struct buf *out, struct str digits, const char *alphabet);
static bool base64_group(const char *from, size_t count, const char *alphabet, uint32_t *out_bits);
static int base64_value(uint8_t c, const char *alphabet);
static void quoted_put(struct quoted_printable *q, struct buf *out, int next);
static struct str escape_next(struct str *rest, enum escape_for how, char piece[PIECE_BYTES]);
static bool is_unshowable(uint32_t code);
static struct str escape_code(uint32_t code, char piece[PIECE_BYTES]);

void encode_hex(struct buf *out, struct str bytes)
{
    if (bytes.len > SIZE_MAX / 2 || !buf_reserve(out, bytes.len * 2)) {
        out->overflow = true;
        return;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = (uint8_t)bytes.ptr[i];
        buf_add_byte(out, hex_digits[c >> 4]);
        buf_add_byte(out, hex_digits[c & 15]);
    }
}

bool decode_hex(struct buf *out, struct str text)
{
    size_t before = out->len;
    bool good = text.len % 2 == 0;
    for (size_t i = 0; good && i < text.len; i += 2) {
        int high = byte_hex_value((uint8_t)text.ptr[i]);
        int low = byte_hex_value((uint8_t)text.ptr[i + 1]);
        good = high >= 0 && low >= 0;
        if (good)
            buf_add_byte(out, (char)(high << 4 | low));
    }
    if (!good)
        out->len = before;
    return good;
}

void encode_base64(struct buf *out, struct str bytes)
{
    char digits[4];
    for (size_t at = 0; at < bytes.len; at += 3) {
        struct str group = str_part(bytes, at, 3);
        size_t count = base64_digits(alphabet_std, (const uint8_t *)group.ptr, group.len, digits);
        buf_add(out, str_of(digits, count));
        buf_add_repeat(out, '=', 4 - count);
    }
}

void encode_base64url(struct buf *out, struct str bytes)
{
    char digits[4];
    for (size_t at = 0; at < bytes.len; at += 3) {
        struct str group = str_part(bytes, at, 3);
        size_t count = base64_digits(alphabet_url, (const uint8_t *)group.ptr, group.len, digits);
        buf_add(out, str_of(digits, count));
    }
}

// One to three bytes become two to four digits.
static size_t base64_digits(const char *alphabet, const uint8_t *from, size_t len, char out[4])
{
    uint32_t bits = (uint32_t)from[0] << 16;
    if (len > 1)
        bits |= (uint32_t)from[1] << 8;
    if (len > 2)
        bits |= from[2];
    for (size_t i = 0; i <= len; i++)
        out[i] = alphabet[bits >> (18 - 6 * i) & 63];
    return len + 1;
}

bool decode_base64(struct buf *out, struct str text)
{
    if (text.len % 4 != 0)
        return false;
    struct str digits = text;
    for (int i = 0; i < 2 && str_ends(digits, S("=")); i++)
        digits.len--;
    return base64_decode(out, digits, alphabet_std);
}

bool decode_base64url(struct buf *out, struct str text)
{
    struct str digits = text;
    for (int i = 0; i < 2 && text.len % 4 == 0 && str_ends(digits, S("=")); i++)
        digits.len--;
    return base64_decode(out, digits, alphabet_url);
}

// RFC 4648 3.5: the bits that the last digit has too many must be zero, or two texts would mean the
// same bytes. Without room for all of it nothing is written, and `out` has overflowed.
static bool base64_decode(struct buf *out, struct str digits, const char *alphabet)
{
    size_t rest = digits.len % 4, whole = digits.len - rest;
    if (rest == 1 || digits.len == 0)
        return digits.len == 0;
    bool room = buf_reserve(out, whole / 4 * 3 + (rest > 0 ? rest - 1 : 0));
    char *to = room ? out->ptr + out->len : NULL;
    uint32_t bits;
    for (size_t i = 0; i < whole; i += 4) {
        if (!base64_group(digits.ptr + i, 4, alphabet, &bits))
            return false;
        if (room) {
            *to++ = (char)(bits >> 16);
            *to++ = (char)(bits >> 8);
            *to++ = (char)bits;
        }
    }
    if (!base64_group(digits.ptr + whole, rest, alphabet, &bits))
        return false;
    if ((rest == 2 && (bits & 15) != 0) || (rest == 3 && (bits & 3) != 0))
        return false;
    if (room && rest == 2)
        *to++ = (char)(bits >> 4);
    if (room && rest == 3) {
        *to++ = (char)(bits >> 10);
        *to++ = (char)(bits >> 2);
    }
    if (room)
        out->len = (size_t)(to - out->ptr);
    return true;
}

// False: one of them is no digit.
static bool base64_group(const char *from, size_t count, const char *alphabet, uint32_t *out_bits)
{
    uint32_t bits = 0;
    int all = 0;
    for (size_t i = 0; i < count; i++) {
        int value = base64_value((uint8_t)from[i], alphabet);
        bits = bits << 6 | (uint32_t)(value & 63);
        all |= value; // one that is negative makes it so
    }
    *out_bits = bits;
    return all >= 0;
}

int base64_digit(uint8_t c)
{
    return base64_value(c, alphabet_std);
}

static int base64_value(uint8_t c, const char *alphabet)
{
    if (byte_is_upper(c))
        return c - 'A';
    if (byte_is_lower(c))
        return c - 'a' + 26;
    if (byte_is_digit(c))
        return c - '0' + 52;
    if (c == (uint8_t)alphabet[62])
        return 62;
    return c == (uint8_t)alphabet[63] ? 63 : -1;
}

void encode_quoted_printable(struct buf *out, struct str text)
{
    struct scan in = scan_over(text);
    struct quoted_printable q = {0};
    struct str line;
    while (scan_line(&in, &line)) {
        quoted_printable_add(&q, out, line);
        quoted_printable_end_line(&q, out);
        buf_add(out, S("\r\n"));
    }
}

// One octet is held back, for what it becomes depends on the one behind it.
void quoted_printable_add(struct quoted_printable *q, struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (q->holds)
            quoted_put(q, out, (uint8_t)bytes.ptr[i]);
        q->held = (uint8_t)bytes.ptr[i];
        q->holds = true;
    }
}

void quoted_printable_end_line(struct quoted_printable *q, struct buf *out)
{
    if (q->holds)
        quoted_put(q, out, -1);
    *q = (struct quoted_printable){0};
}

// Blanks at the end of a line would get lost, and a line that begins with "--" may be taken for a
// boundary: of a long line any octet may be the first one behind a soft break.
static void quoted_put(struct quoted_printable *q, struct buf *out, int next)
{
    uint8_t c = q->held;
    size_t room = QUOTED_LINE_BYTES - (next < 0 ? 0 : 1); // the "=" of a soft break
    bool must = byte_is_blank(c) ? next < 0 : c < ' ' || c > '~' || c == '=';
    if (q->column + (must ? 3 : 1) > room) {
        buf_add(out, S("=\r\n"));
        q->column = 0;
    }
    must |= q->column == 0 && c == '-' && next == '-';
    if (must)
        buf_fmt(out, "=%02X", c);
    else
        buf_add_byte(out, (char)c);
    q->column += must ? 3 : 1;
}

void escape_text(struct buf *out, struct str bytes, size_t bytes_max, enum escape_for how)
{
    char piece[PIECE_BYTES];
    size_t added = 0;
    while (bytes.len > 0) {
        struct str next = escape_next(&bytes, how, piece);
        if (next.len > bytes_max - added) {
            buf_add(out, S("\xe2\x80\xa6"));
            return;
        }
        buf_add(out, next);
        added += next.len;
    }
}

static struct str escape_next(struct str *rest, enum escape_for how, char piece[PIECE_BYTES])
{
    uint32_t code = 0;
    size_t len = str_utf8_next(*rest, &code);
    struct str taken = str_upto(*rest, len == 0 ? 1 : len);
    *rest = str_from(*rest, taken.len);
    uint8_t c = (uint8_t)taken.ptr[0];
    if (len == 0)
        return str_of(piece, (size_t)snprintf(piece, PIECE_BYTES, "\\x%02x", c));
    if (is_unshowable(code))
        return escape_code(code, piece);
    if (how == ESCAPE_QUOTED && (c == '"' || c == '\\'))
        return str_of(piece, (size_t)snprintf(piece, PIECE_BYTES, "\\%c", c));
    return taken;
}

// Code points that a terminal obeys or that change the order or the lines of the text around them:
// controls, bidi marks, embeddings, overrides and isolates, separators, tags, the BOM.
static bool is_unshowable(uint32_t code)
{
    return code < ' ' || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff ||
           (code >= 0xe0000 && code <= 0xe007f);
}

static struct str escape_code(uint32_t code, char piece[PIECE_BYTES])
{
    if (code == '\n')
        return S("\\n");
    if (code == '\r')
        return S("\\r");
    if (code == '\t')
        return S("\\t");
    return str_of(piece, (size_t)snprintf(piece, PIECE_BYTES, "\\u{%02x}", (unsigned)code));
}
