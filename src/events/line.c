// SPDX-License-Identifier: Apache-2.0
// events/line.c: growing a line to its limit, and escaping. Nothing that is added can end the line
// or speak to a terminal: each piece is shown either as it is, when it is harmless, or by name.
#include "events/line.h"

#include "base/encode.h"
#include "base/id.h"

#define PIECE_BYTES 32 // the longest piece: a number or an escape
#define PLAIN_RUN_BYTES 64
#define NOT_UTF8 UINT32_MAX
#define FOUR_DIGITS_END_MS INT64_C(253402300800000) // year 10000

static struct str escape_piece(struct str *rest, char out[PIECE_BYTES]);
static struct str json_piece(struct str *rest, char out[PIECE_BYTES]);
static struct str take_piece(struct str *rest, uint32_t *out_code);
static struct str named_escape(uint32_t code);
static struct str take_plain(struct str *rest);
static bool is_unshowable(uint32_t code);
static struct str hex_piece(
        char out[PIECE_BYTES], struct str before, uint32_t code, size_t digits, struct str behind);
static void put_digits(char *at, size_t count, unsigned value);
static bool add_small(struct line *line, const struct buf *small);

struct line line_begin(struct buf *buf)
{
    return (struct line){.buf = buf, .start = buf->len};
}

bool line_add(struct line *line, struct str piece)
{
    size_t used = line->buf->len - line->start;
    if (line->cut || piece.len > LINE_BYTES_MAX - LINE_RESERVE_BYTES - used) {
        line->cut = true;
        return false;
    }
    buf_add(line->buf, piece);
    return true;
}

void line_close(struct line *line, struct str piece)
{
    size_t used = line->buf->len - line->start;
    if (used + piece.len <= LINE_BYTES_MAX)
        buf_add(line->buf, piece);
}

size_t line_mark(const struct line *line)
{
    return line->buf->len;
}

void line_back(struct line *line, size_t mark)
{
    line->buf->len = mark;
}

bool line_add_escaped(struct line *line, struct str bytes)
{
    char piece[PIECE_BYTES];
    while (bytes.len > 0)
        if (!line_add(line, escape_piece(&bytes, piece)))
            return false;
    return true;
}

bool line_add_json(struct line *line, struct str bytes)
{
    char piece[PIECE_BYTES];
    while (bytes.len > 0)
        if (!line_add(line, json_piece(&bytes, piece)))
            return false;
    return true;
}

// Takes the next code point, or run of harmless ASCII, off *rest.
static struct str escape_piece(struct str *rest, char out[PIECE_BYTES])
{
    uint32_t code;
    struct str shown = take_piece(rest, &code);
    if (code == NOT_UTF8)
        return hex_piece(out, S("\\x"), (uint8_t)shown.ptr[0], 2, S(""));
    return is_unshowable(code) ? hex_piece(out, S("\\u{"), code, 2, S("}")) : shown;
}

static struct str json_piece(struct str *rest, char out[PIECE_BYTES])
{
    uint32_t code;
    struct str shown = take_piece(rest, &code);
    if (code != NOT_UTF8 && !is_unshowable(code))
        return shown;
    if (code < 0x10000)
        return hex_piece(out, S("\\u"), code, 4, S(""));
    return S("\xef\xbf\xbd"); // no UTF-8, or tag characters: nothing that a log needs
}

// What both forms of lines show alike, as the code of a letter; else the bytes as they are and
// their code point, or NOT_UTF8 and one byte.
static struct str take_piece(struct str *rest, uint32_t *out_code)
{
    *out_code = 'a';
    struct str plain = take_plain(rest);
    if (plain.len > 0)
        return plain;
    size_t len = str_utf8_next(*rest, out_code);
    if (len == 0)
        *out_code = NOT_UTF8;
    struct str taken = str_upto(*rest, len == 0 ? 1 : len);
    *rest = str_from(*rest, taken.len);
    struct str named = named_escape(*out_code);
    if (str_is_null(named))
        return taken;
    *out_code = 'a';
    return named;
}

static struct str named_escape(uint32_t code)
{
    switch (code) {
    case '"':
        return S("\\\"");
    case '\\':
        return S("\\\\");
    case '\r':
        return S("\\r");
    case '\n':
        return S("\\n");
    case '\t':
        return S("\\t");
    default:
        return STR_NULL;
    }
}

// Most texts are nothing else. Short runs, so that a long text still fills the line to its end.
static struct str take_plain(struct str *rest)
{
    size_t len = 0;
    for (; len < rest->len && len < PLAIN_RUN_BYTES; len++) {
        uint8_t c = (uint8_t)rest->ptr[len];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
            break;
    }
    struct str plain = str_upto(*rest, len);
    *rest = str_from(*rest, len);
    return plain;
}

// Code points that a terminal obeys, or that change the order or the lines of what stands around
// them: controls, C1, bidi marks and overrides, separators, tags, the BOM, noncharacters.
static bool is_unshowable(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || code == 0x200e ||
           code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff || (code & 0xfffe) == 0xfffe ||
           (code >= 0xe0000 && code <= 0xe007f);
}

static struct str hex_piece(
        char out[PIECE_BYTES], struct str before, uint32_t code, size_t digits, struct str behind)
{
    static const char hex[] = "0123456789abcdef";
    size_t count = digits;
    while (count < 8 && code >> (4 * count) != 0)
        count++;
    memcpy(out, before.ptr, before.len);
    for (size_t i = 0; i < count; i++)
        out[before.len + i] = hex[code >> (4 * (count - 1 - i)) & 15];
    memcpy(out + before.len + count, behind.ptr, behind.len);
    return str_of(out, before.len + count + behind.len);
}

bool line_add_base64(struct line *line, struct str bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    size_t used = line->buf->len - line->start;
    if (line->cut || len > LINE_BYTES_MAX - LINE_RESERVE_BYTES - used) {
        line->cut = true;
        return false;
    }
    encode_base64(line->buf, bytes);
    return true;
}

// Numbers and addresses are short: they may use the room for closing marks while they are weighed.
bool line_add_u64(struct line *line, uint64_t value)
{
    char digits[PIECE_BYTES];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return line_add(line, str_of(digits + at, sizeof(digits) - at));
}

bool line_add_i64(struct line *line, int64_t value)
{
    if (value >= 0)
        return line_add_u64(line, (uint64_t)value);
    return line_add(line, S("-")) && line_add_u64(line, 0 - (uint64_t)value);
}

bool line_add_double(struct line *line, double value)
{
    struct buf small;
    buf_init(&small, 64);
    if (value - value == 0) // neither infinite nor NaN
        buf_add_double(&small, value);
    else
        buf_add(&small, S("null"));
    return add_small(line, &small);
}

bool line_add_id(struct line *line, uint64_t id)
{
    static const char hex[] = "0123456789abcdef";
    char digits[ID_DIGITS];
    for (size_t i = 0; i < ID_DIGITS; i++)
        digits[i] = hex[id >> (4 * (ID_DIGITS - 1 - i)) & 15];
    return line_add(line, str_of(digits, ID_DIGITS));
}

// 2025-03-01T10:00:00.123Z. Every line has one; years beyond four digits go the general way.
bool line_add_time(struct line *line, int64_t at_ms, enum date_precision precision)
{
    char text[] = "0000-00-00T00:00:00.000Z";
    struct civil c;
    if (at_ms < 0 || at_ms >= FOUR_DIGITS_END_MS) {
        struct buf small;
        buf_init(&small, 128);
        date_add_rfc3339(&small, at_ms, precision);
        return add_small(line, &small);
    }
    civil_from_ms(at_ms, &c);
    put_digits(text, 4, (unsigned)c.year);
    put_digits(text + 5, 2, c.month);
    put_digits(text + 8, 2, c.day);
    put_digits(text + 11, 2, c.hour);
    put_digits(text + 14, 2, c.minute);
    put_digits(text + 17, 2, c.second);
    put_digits(text + 20, 3, c.ms);
    if (precision == DATE_MS)
        return line_add(line, str_of(text, sizeof(text) - 1));
    text[19] = 'Z';
    return line_add(line, str_of(text, 20));
}

static void put_digits(char *at, size_t count, unsigned value)
{
    while (count-- > 0) {
        at[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

bool line_add_ip(struct line *line, const struct ip *ip)
{
    struct buf small;
    buf_init(&small, 64);
    ip_add(&small, ip);
    return add_small(line, &small);
}

static bool add_small(struct line *line, const struct buf *small)
{
    bool fits = line_add(line, buf_str(small));
    struct buf done = *small;
    buf_done(&done);
    return fits;
}
