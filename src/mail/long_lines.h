// SPDX-License-Identifier: Apache-2.0
// mail/long_lines.h: lines that are longer than hosts take, folded by CRLF and a blank, wherever
// they stand (outbound.md 7.1). It sees the octets as they go by, and says where a fold comes; a
// letter of UTF-8 is not cut.
//
//     struct long_lines lines = {.bytes_max = 998};
//     size_t now = long_lines_pass(&lines, piece);
//     ... send the first `now` octets of the piece; if there are more, LONG_LINES_FOLD before them
#pragma once

#include "base/base.h"

#define LONG_LINES_FOLD S("\r\n ")

struct long_lines {
    size_t bytes_max; // of a line, without its end
    size_t column;
    size_t letter_left; // octets of the letter that has begun
};

// How many octets of the piece go before the next fold; all of them: none comes. What is asked
// about next is what stands behind these.
size_t long_lines_pass(struct long_lines *l, struct str piece);
