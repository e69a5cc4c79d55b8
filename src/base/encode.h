// SPDX-License-Identifier: Apache-2.0
// base/encode.h: hex, base64 and escaping. Encoders add to a buf; decoders are strict and say
// false on the first byte that does not belong, leaving the buf as it was. A buf that is full says
// so by `overflow`, as with all additions.
#pragma once

#include "base/base.h"

void encode_hex(struct buf *out, struct str bytes);       // lower case
bool decode_hex(struct buf *out, struct str text);        // either case, pairs only
void encode_base64(struct buf *out, struct str bytes);    // RFC 4648 4, padded
bool decode_base64(struct buf *out, struct str text);     // padded, canonical, no white space
int base64_digit(uint8_t c);                              // 0 to 63; -1: it is none
void encode_base64url(struct buf *out, struct str bytes); // RFC 4648 5, without padding
bool decode_base64url(struct buf *out, struct str text);  // with or without padding, canonical

// RFC 2045 6.7: text whose lines end in CRLF, in lines of at most 76 octets, none of which can be
// taken for a boundary of a multipart.
void encode_quoted_printable(struct buf *out, struct str text);
// The same for text that comes in pieces: the octets of a line, and that it ends. The line end is
// the caller's to add; a line that has none at the end of the text ends all the same.
struct quoted_printable {
    size_t column;
    uint8_t held;
    bool holds;
};
void quoted_printable_add(struct quoted_printable *q, struct buf *out, struct str bytes);
void quoted_printable_end_line(struct quoted_printable *q, struct buf *out);

// What log lines and messages to a terminal may show of a peer's bytes (operations.md 6.2).
// Controls become \n, \r, \t or \u{1b}, as do bidi controls and line separators (\u{202e}), bytes
// that are not UTF-8 \xff; quotes and backslash get a backslash when quoted. At most bytes_max
// bytes are added, and an ellipsis (three bytes more) when that was not all.
enum escape_for { ESCAPE_PLAIN, ESCAPE_QUOTED };
void escape_text(struct buf *out, struct str bytes, size_t bytes_max, enum escape_for how);
