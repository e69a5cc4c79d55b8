// SPDX-License-Identifier: Apache-2.0
// mail/downgrade_leaf.h: the content of one leaf on its way to 7 bits, piece by piece; private to
// mail/downgrade*.c.
#pragma once

#include "base/base.h"
#include "base/encode.h"

#include "mail/mime.h"

#define BASE64_LINE_OCTETS 57 // become the 76 characters of a line, RFC 2045 6.8

enum leaf_way {
    LEAF_AS_IS,
    LEAF_QUOTED,
    LEAF_BASE64,
    LEAF_MEND_QUOTED, // is in this encoding already, but not quite: only 8-bit octets change
    LEAF_MEND_BASE64,
};

struct leaf_encoder {
    enum leaf_way way;
    struct quoted_printable quoted;
    size_t column; // of LEAF_MEND_QUOTED
    char held[BASE64_LINE_OCTETS];
    size_t held_count;
    bool has_lines; // of base64
};

// How content of this type is encoded that has an 8-bit octet; and what the header must say then.
enum leaf_way leaf_way_of(const struct mime_part *part);
struct str leaf_encoding_name(enum leaf_way way);

void leaf_add(struct leaf_encoder *l, struct buf *out, struct str bytes);
void leaf_add_line_end(struct leaf_encoder *l, struct buf *out); // CRLF
// `message_ends`: no boundary follows, which would bring its own line end.
void leaf_end(struct leaf_encoder *l, struct buf *out, bool message_ends);
