// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_mime.c: any bytes have a tree of parts; depths grow by one at most,
// bodies lie inside the message (or the arena), texts come out as UTF-8.
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(const struct mime_part *part);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct mime_tree tree;
    arena_init(&a, 64 * MIB);
    struct err e = mime_read(&a, str_of((const char *)data, size), &tree);
    if (failed(e)) {
        assert(e.kind == ERR_LIMIT);
    } else {
        assert(tree.count > 0 && tree.count <= MIME_PARTS_MAX && tree.parts[0].depth == 0);
        for (size_t i = 1; i < tree.count; i++) {
            assert(tree.parts[i].depth > 0 && tree.parts[i].depth <= MIME_DEPTH_MAX);
            assert(tree.parts[i].depth <= tree.parts[i - 1].depth + 1);
        }
        for (size_t i = 0; i < tree.count && i < 20; i++)
            check_part(&tree.parts[i]);
    }
    arena_done(&a);
    return 0;
}

static void check_part(const struct mime_part *part)
{
    struct buf content, text;
    buf_init(&content, 16 * MIB);
    buf_init(&text, 64 * MIB);
    mime_content_add(&content, part);
    if (mime_text_add(&text, part, buf_str(&content)))
        assert(str_is_utf8(buf_str(&text)));
    assert(part->encoding != MIME_BASE64 || content.len <= part->body.len);
    buf_done(&content);
    buf_done(&text);
}
