// SPDX-License-Identifier: Apache-2.0
// mail/downgrade_leaf.c: how a leaf's content is encoded. What is text stays legible; what is said
// to be encoded already, and has octets that no such encoding has, is mended: a reader finds in it
// what it found before.
#include "mail/downgrade_leaf.h"

#define QUOTED_LINE_BYTES 76 // RFC 2045 6.7, rule 5

static void base64_add(struct leaf_encoder *l, struct buf *out, struct str bytes);
static void base64_flush(struct leaf_encoder *l, struct buf *out);
static void mend_quoted(struct leaf_encoder *l, struct buf *out, struct str bytes);
static void mend_base64(struct buf *out, struct str bytes);

// An encoding that nobody knows is "8bits", "utf-8" or the like in practice: none.
enum leaf_way leaf_way_of(const struct mime_part *part)
{
    if (part->encoding == MIME_QUOTED_PRINTABLE)
        return LEAF_MEND_QUOTED;
    if (part->encoding == MIME_BASE64)
        return LEAF_MEND_BASE64;
    bool text = str_starts(part->type.type, S("text/"));
    return text || str_starts(part->type.type, S("message/")) ? LEAF_QUOTED : LEAF_BASE64;
}

struct str leaf_encoding_name(enum leaf_way way)
{
    switch (way) {
    case LEAF_AS_IS:
        break;
    case LEAF_QUOTED:
    case LEAF_MEND_QUOTED:
        return S("quoted-printable");
    case LEAF_BASE64:
    case LEAF_MEND_BASE64:
        return S("base64");
    }
    return S("7bit");
}

void leaf_add(struct leaf_encoder *l, struct buf *out, struct str bytes)
{
    switch (l->way) {
    case LEAF_AS_IS:
        buf_add(out, bytes);
        break;
    case LEAF_QUOTED:
        quoted_printable_add(&l->quoted, out, bytes);
        break;
    case LEAF_BASE64:
        base64_add(l, out, bytes);
        break;
    case LEAF_MEND_QUOTED:
        mend_quoted(l, out, bytes);
        break;
    case LEAF_MEND_BASE64:
        mend_base64(out, bytes);
        break;
    }
}

void leaf_add_line_end(struct leaf_encoder *l, struct buf *out)
{
    if (l->way == LEAF_BASE64) {
        base64_add(l, out, S("\r\n"));
        return;
    }
    if (l->way == LEAF_QUOTED)
        quoted_printable_end_line(&l->quoted, out);
    l->column = 0;
    buf_add(out, S("\r\n"));
}

void leaf_end(struct leaf_encoder *l, struct buf *out, bool message_ends)
{
    if (l->way == LEAF_QUOTED)
        quoted_printable_end_line(&l->quoted, out);
    if (l->way != LEAF_BASE64)
        return;
    base64_flush(l, out);
    if (message_ends && l->has_lines)
        buf_add(out, S("\r\n"));
}

static void base64_add(struct leaf_encoder *l, struct buf *out, struct str bytes)
{
    while (bytes.len > 0) {
        struct str now = str_upto(bytes, BASE64_LINE_OCTETS - l->held_count);
        memcpy(l->held + l->held_count, now.ptr, now.len);
        l->held_count += now.len;
        bytes = str_from(bytes, now.len);
        if (l->held_count == BASE64_LINE_OCTETS)
            base64_flush(l, out);
    }
}

// Line ends stand between the lines: what ends the last one is the boundary's.
static void base64_flush(struct leaf_encoder *l, struct buf *out)
{
    if (l->held_count == 0)
        return;
    if (l->has_lines)
        buf_add(out, S("\r\n"));
    encode_base64(out, str_of(l->held, l->held_count));
    l->held_count = 0;
    l->has_lines = true;
}

// A "-" at the beginning of a line goes, too: "--x" and an 8-bit octet is no boundary line, but
// what it becomes may be one.
static void mend_quoted(struct leaf_encoder *l, struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = (uint8_t)bytes.ptr[i];
        if (c < 0x80 && !(c == '-' && l->column == 0)) {
            buf_add_byte(out, (char)c);
            l->column = c == '\n' ? 0 : l->column + 1;
            continue;
        }
        if (l->column + 4 > QUOTED_LINE_BYTES) { // the "=" of the next break has room
            buf_add(out, S("=\r\n"));
            l->column = 0;
        }
        buf_fmt(out, "=%02X", c);
        l->column += 3;
    }
}

// RFC 2045 6.8: what is outside of the alphabet is ignored by who decodes. "-" is, too.
static void mend_base64(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if ((uint8_t)bytes.ptr[i] < 0x80 && bytes.ptr[i] != '-')
            buf_add_byte(out, bytes.ptr[i]);
}
