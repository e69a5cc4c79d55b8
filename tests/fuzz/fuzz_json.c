// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_json.c: JSON read, written and read again is the same tree; a refusal says where
// and why; every value stands inside the text, in order.
#include "base/json.h"

#define ARENA_BYTES (16 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct json *doc, enum json_style style);
static void check_same(const struct json *a, const struct json *b);
static void check_positions(const struct json *v, uint32_t *line, uint32_t *column);
static void check_forward(uint32_t at_line, uint32_t at_column, uint32_t *line, uint32_t *column);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct json_error bad = {0};
    uint32_t line = 1, column = 0;
    arena_init(&a, ARENA_BYTES);
    struct json *doc = json_parse(&a, str_of((const char *)data, size), &bad);
    if (doc == NULL) {
        assert(bad.line >= 1);
        assert(bad.column >= 1 && bad.column <= size + 1);
        assert(bad.message.len > 0);
    } else {
        check_positions(doc, &line, &column);
        check_again(doc, JSON_COMPACT);
        check_again(doc, JSON_PRETTY);
    }
    arena_done(&a);
    return 0;
}

static void check_again(const struct json *doc, enum json_style style)
{
    struct arena a;
    struct buf text;
    struct json_error bad;
    arena_init(&a, 2 * ARENA_BYTES);
    buf_init(&text, 2 * ARENA_BYTES);
    struct json_out o = json_begin(&text, style);
    json_tree(&o, doc);
    assert(!text.overflow);
    assert(o.depth == 0);
    struct json *again = json_parse(&a, buf_str(&text), &bad);
    assert(again != NULL);
    check_same(doc, again);
    buf_done(&text);
    arena_done(&a);
}

// As deep as the reader goes, JSON_DEPTH_MAX.
static void check_same(const struct json *a, const struct json *b)
{
    size_t count = 0;
    assert(a->type == b->type);
    assert(a->count == b->count);
    assert(str_eq(a->key, b->key));
    assert(str_eq(a->text, b->text));
    const struct json *other = b->first;
    for (const struct json *v = a->first; v != NULL; v = v->next, other = other->next) {
        assert(other != NULL);
        check_same(v, other);
        count++;
    }
    assert(other == NULL);
    assert(count == a->count);
}

static void check_positions(const struct json *v, uint32_t *line, uint32_t *column)
{
    if (v->key_line != 0)
        check_forward(v->key_line, v->key_column, line, column);
    check_forward(v->line, v->column, line, column);
    for (const struct json *child = v->first; child != NULL; child = child->next) {
        assert((child->key_line != 0) == (v->type == JSON_OBJECT));
        check_positions(child, line, column);
    }
}

static void check_forward(uint32_t at_line, uint32_t at_column, uint32_t *line, uint32_t *column)
{
    assert(at_line > *line || (at_line == *line && at_column > *column));
    assert(at_column >= 1);
    *line = at_line;
    *column = at_column;
}
