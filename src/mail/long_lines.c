// SPDX-License-Identifier: Apache-2.0
// mail/long_lines.c: see mail/long_lines.h. A CR alone and a LF alone end a line, too: that is what
// becomes of them on their way out.
#include "mail/long_lines.h"

static size_t letter_bytes(uint8_t first);

size_t long_lines_pass(struct long_lines *l, struct str piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        uint8_t c = (uint8_t)piece.ptr[i];
        if (c == '\r' || c == '\n') {
            l->column = l->letter_left = 0;
            continue;
        }
        bool goes_on = (c & 0xc0) == 0x80 && l->letter_left > 0;
        size_t bytes = goes_on ? 1 : letter_bytes(c);
        if (!goes_on && l->column + bytes > l->bytes_max) {
            l->column = 1; // the fold's blank
            l->letter_left = 0;
            return i;
        }
        l->letter_left = goes_on ? l->letter_left - 1 : bytes - 1;
        l->column++;
    }
    return piece.len;
}

static size_t letter_bytes(uint8_t first)
{
    if (first < 0xc2 || first > 0xf4)
        return 1;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : 4;
}
