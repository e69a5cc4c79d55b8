// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/downgrade_oracle.h: what must hold of every message that is converted to 7 bits, for
// the fuzz target and the unit tests: whoever reads the parts finds in each leaf what was in it
// before, no 8-bit octet is left but in headers, and the length is the one foretold.
#pragma once

#include "mail/mail.h"

#define DOWNGRADE_BYTES_MAX (256 * (size_t)MIB)

// Both readings in pieces of this size; `out` is what would be sent, also when nothing is needed.
static inline struct mime_downgrade_plan downgrade_run_as(
        uint32_t wishes, struct str message, size_t piece_bytes, struct buf *out)
{
    struct mime_downgrade *first AUTO(mime_downgrade_auto_free) = mime_downgrade_first(wishes);
    assert(first != NULL);
    for (size_t at = 0; at < message.len; at += piece_bytes)
        assert(!failed(mime_downgrade_add(first, str_part(message, at, piece_bytes), NULL)));
    assert(!failed(mime_downgrade_end(first, NULL)));
    struct mime_downgrade_plan plan = mime_downgrade_plan(first);
    if (!plan.is_possible)
        return plan;
    struct mime_downgrade *second AUTO(mime_downgrade_auto_free) = mime_downgrade_second(&plan);
    struct buf piece AUTO(buf_done) = {0};
    assert(second != NULL);
    for (size_t at = 0; at < message.len; at += piece_bytes) {
        struct str bytes = str_part(message, at, piece_bytes);
        buf_done(&piece);
        buf_init(&piece, MIME_DOWNGRADE_BYTES_MAX(bytes.len));
        assert(!failed(mime_downgrade_add(second, bytes, &piece)));
        buf_add(out, buf_str(&piece));
    }
    buf_done(&piece);
    buf_init(&piece, MIME_DOWNGRADE_BYTES_MAX(0));
    assert(!failed(mime_downgrade_end(second, &piece)));
    buf_add(out, buf_str(&piece));
    assert(out->len == plan.bytes);
    return plan;
}

static inline struct mime_downgrade_plan downgrade_run(
        struct str message, size_t piece_bytes, struct buf *out)
{
    return downgrade_run_as(MIME_WISH_7BIT, message, piece_bytes, out);
}

static inline size_t downgrade_8bit_count(struct str bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.len; i++)
        count += (uint8_t)bytes.ptr[i] >= 0x80;
    return count;
}

// Lines of the message must end in CRLF.
static inline void downgrade_check(struct str before, struct str after)
{
    struct arena a AUTO(arena_done);
    struct mime_tree was, is;
    size_t left = downgrade_8bit_count(after);
    arena_init(&a, DOWNGRADE_BYTES_MAX);
    if (failed(mime_read(&a, before, &was)) || failed(mime_read(&a, after, &is)))
        return; // no memory
    assert(was.count == is.count);
    bool odd_boundaries = false;
    for (size_t i = 0; i < is.count; i++) {
        const struct mime_part *part = &is.parts[i];
        struct buf content AUTO(buf_done), converted AUTO(buf_done);
        buf_init(&content, DOWNGRADE_BYTES_MAX);
        buf_init(&converted, DOWNGRADE_BYTES_MAX);
        assert(was.parts[i].is_leaf == part->is_leaf && str_eq(was.parts[i].path, part->path));
        if (part->is_leaf) {
            mime_content_add(&content, &was.parts[i]);
            mime_content_add(&converted, part);
            assert(str_eq(buf_str(&content), buf_str(&converted)));
        }
        odd_boundaries |= !str_is_ascii(mail_type_param(&part->type, S("boundary")));
        if (part->head.ptr >= after.ptr && part->body.ptr <= after.ptr + after.len)
            left -= downgrade_8bit_count(
                    str_of(part->head.ptr, (size_t)(part->body.ptr - part->head.ptr)));
    }
    assert(left == 0 || odd_boundaries || is.truncated);
}
