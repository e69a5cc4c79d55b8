// SPDX-License-Identifier: Apache-2.0
// listen/pem.c: finding the BEGIN and END lines and decoding what stands between them.
#include "listen/pem.h"

#include "base/encode.h"

#define PEM_BODY_BYTES_MAX (256 * KIB) // a certificate with a hundred names has 8 KiB

static bool next_line(struct pem_reader *r, struct str *out);
static bool boundary(struct str line, struct str word, struct str *out_label);

struct pem_reader pem_begin(struct str text)
{
    return (struct pem_reader){.in = scan_over(text), .line = 1};
}

bool pem_next(struct pem_reader *r, struct pem_block *out)
{
    struct str line, label;
    while (next_line(r, &line)) {
        struct pem_block block = {.line = r->line - 1};
        if (!boundary(line, S("-----BEGIN "), &block.label))
            continue;
        block.number = ++r->number;
        size_t from = scan_offset(&r->in), end = from;
        while (!block.complete && next_line(r, &line)) {
            block.complete = boundary(line, S("-----END "), &label) && str_eq(label, block.label);
            if (!block.complete)
                end = scan_offset(&r->in);
        }
        block.body = str_of(r->in.start + from, end - from);
        *out = block;
        return true;
    }
    return false;
}

bool pem_decode(struct arena *a, const struct pem_block *block, struct str *out)
{
    struct buf text AUTO(buf_done), bytes AUTO(buf_done);
    buf_init(&text, PEM_BODY_BYTES_MAX);
    buf_init(&bytes, PEM_BODY_BYTES_MAX);
    for (size_t i = 0; i < block->body.len; i++)
        if (!byte_is_space((uint8_t)block->body.ptr[i]))
            buf_add_byte(&text, block->body.ptr[i]);
    if (!block->complete || text.len == 0 || text.overflow ||
            !decode_base64(&bytes, buf_str(&text)) || bytes.overflow)
        return false;
    *out = arena_str(a, buf_str(&bytes));
    return !str_is_null(*out);
}

static bool next_line(struct pem_reader *r, struct str *out)
{
    if (!scan_line(&r->in, out))
        return false;
    r->line++;
    *out = str_trim(*out);
    return true;
}

// "-----BEGIN " label "-----"
static bool boundary(struct str line, struct str word, struct str *out_label)
{
    struct str dashes = S("-----");
    if (!str_starts(line, word) || !str_ends(line, dashes) || line.len <= word.len + dashes.len)
        return false;
    *out_label = str_part(line, word.len, line.len - word.len - dashes.len);
    return true;
}
