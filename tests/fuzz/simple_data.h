// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/simple_data.h: the simplest reader of a message that could be written, for comparing
// with the one that works in pieces (smtp/data.h): an octet at a time over the whole text.
#pragma once

#include "smtp/data.h"

// RFC 5321 4.5.2 and the policies. What is still held back at the end of an unfinished DATA is not
// looked at. `out_left`: octets behind the end of the message.
static inline void simple_data(struct str in, enum newline_policy policy, bool dotted,
        struct buf *out, bool *out_ended, size_t *out_left)
{
    bool at_line = true;
    *out_ended = false;
    *out_left = 0;
    for (size_t i = 0; i < in.len; i++) {
        struct str rest = str_from(in, i);
        size_t crs = 0;
        if (dotted && at_line && str_starts(rest, S(".\r\n"))) {
            *out_ended = true;
            *out_left = rest.len - 3;
            return;
        }
        if (dotted && at_line && rest.ptr[0] == '.') {
            at_line = false;
            continue;
        }
        at_line = false;
        while (crs < rest.len && rest.ptr[crs] == '\r')
            crs++;
        bool line = crs > 0 && crs < rest.len && rest.ptr[crs] == '\n';
        if (line) {
            if (policy != NEWLINES_NORMALIZE)
                buf_add_repeat(out, '\r', crs - 1);
            buf_add(out, S("\r\n"));
            i += crs;
            at_line = crs == 1;
        } else if (crs > 0) {
            buf_add_repeat(out, policy == NEWLINES_NORMALIZE ? ' ' : '\r', crs);
            i += crs - 1;
        } else if (rest.ptr[0] == '\n') {
            buf_add(out, policy == NEWLINES_NORMALIZE ? S("\r\n") : S("\n"));
        } else if (rest.ptr[0] == '\0') {
            if (policy != NEWLINES_NORMALIZE)
                buf_add_byte(out, '\0');
        } else {
            buf_add_byte(out, rest.ptr[0]);
        }
    }
}
