// SPDX-License-Identifier: Apache-2.0
// mail/transfer.c: transfer encodings undone, RFC 2045 6.7 and 6.8, the way they are found in mail:
// nothing is refused.
#include "base/encode.h"
#include "mail/token.h"

static bool hex_pair(const struct scan *in, uint8_t *out);
static void add_line(struct buf *out, struct str line, bool ended);

// What is outside the alphabet is skipped; padding ends a group, and the next one begins anew, for
// some programs glue encoded pieces together.
void transfer_base64(struct buf *out, struct str text)
{
    struct scan in = scan_over(text);
    uint32_t bits = 0;
    uint32_t count = 0; // of characters in this group
    for (uint8_t c; scan_any(&in, &c);) {
        int value = base64_digit(c);
        if (c == '=')
            bits = count = 0;
        if (value < 0)
            continue;
        bits = (bits << 6) | (uint32_t)value;
        count++;
        if (count > 1)
            buf_add_byte(out, (char)(bits >> (8 - 2 * count)));
        if (count == 4)
            bits = count = 0;
    }
}

void transfer_quoted_printable(struct buf *out, struct str text)
{
    struct scan in = scan_over(text);
    struct str line;
    while (scan_until_past(&in, '\n', &line))
        add_line(out, line, true);
    add_line(out, scan_rest(&in), false);
}

// White space at the end of a line was added on the way (rule 3); "=" there joins lines (rule 5).
static void add_line(struct buf *out, struct str line, bool ended)
{
    bool crlf = str_ends(line, S("\r"));
    if (crlf)
        line.len--;
    if (ended)
        while (line.len > 0 && byte_is_blank((uint8_t)line.ptr[line.len - 1]))
            line.len--;
    bool soft = str_ends(line, S("=")) && ended;
    if (soft || (!ended && str_ends(line, S("="))))
        line.len--;
    struct scan in = scan_over(line);
    for (uint8_t c; scan_any(&in, &c);) {
        uint8_t octet;
        if (c == '=' && hex_pair(&in, &octet) && scan_skip(&in, 2))
            buf_add_byte(out, (char)octet);
        else
            buf_add_byte(out, (char)c);
    }
    if (ended && !soft)
        buf_add(out, crlf ? S("\r\n") : S("\n"));
}

static bool hex_pair(const struct scan *in, uint8_t *out)
{
    if (scan_rest(in).len < 2)
        return false;
    int high = byte_hex_value((uint8_t)scan_peek(in));
    int low = byte_hex_value((uint8_t)scan_peek_at(in, 1));
    *out = (uint8_t)(high * 16 + low);
    return high >= 0 && low >= 0;
}
