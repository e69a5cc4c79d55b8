// SPDX-License-Identifier: Apache-2.0
// base/json_write.c: the JSON writer. Where it stands (in an object or array, behind a key, with or
// without something before) is all it knows; whoever breaks the grammar meets an assertion.
#define POSTHASTE_BASE_ROOM
#include "base/date.h"
#include "base/json.h"

#define INDENT 2
#define TIME_BYTES_MAX 64

static void value_begin(struct json_out *o);
static void new_line(struct json_out *o);
static bool in_object(const struct json_out *o);
static void level_begin(struct json_out *o, bool object);
static void level_end(struct json_out *o, bool object);
static void word(struct json_out *o, struct str text);
static void quoted(struct buf *b, struct str s);
static void escaped(struct buf *b, uint8_t c);
static bool is_plain(uint8_t c);
static void tree_begin(struct json_out *o, const struct json *v);

struct json_out json_begin(struct buf *b, enum json_style style)
{
    return (struct json_out){.buf = b, .style = style};
}

void json_object_begin(struct json_out *o)
{
    level_begin(o, true);
}

void json_object_end(struct json_out *o)
{
    level_end(o, true);
}

void json_array_begin(struct json_out *o)
{
    level_begin(o, false);
}

void json_array_end(struct json_out *o)
{
    level_end(o, false);
}

static void level_begin(struct json_out *o, bool object)
{
    assert(o->depth < JSON_OUT_DEPTH_MAX);
    value_begin(o);
    uint32_t bit = 1u << o->depth % 32;
    uint32_t *word = &o->objects[o->depth / 32];
    *word = object ? *word | bit : *word & ~bit;
    o->depth++;
    o->need_comma = false;
    buf_add_byte(o->buf, object ? '{' : '[');
}

static void level_end(struct json_out *o, bool object)
{
    assert(o->depth > 0);
    assert(in_object(o) == object);
    assert(!o->after_key);
    o->depth--;
    if (o->need_comma)
        new_line(o);
    buf_add_byte(o->buf, object ? '}' : ']');
    o->need_comma = true;
}

static bool in_object(const struct json_out *o)
{
    return o->depth > 0 && (o->objects[(o->depth - 1) / 32] >> (o->depth - 1) % 32 & 1) != 0;
}

// What stands before a value: nothing behind a key, a comma behind another value.
static void value_begin(struct json_out *o)
{
    assert(o->after_key == in_object(o));
    assert(o->depth > 0 || !o->need_comma); // one value is a document
    if (!o->after_key) {
        if (o->need_comma)
            buf_add_byte(o->buf, ',');
        if (o->depth > 0)
            new_line(o);
    }
    o->after_key = false;
    o->need_comma = true;
}

static void new_line(struct json_out *o)
{
    if (o->style == JSON_COMPACT)
        return;
    buf_add_byte(o->buf, '\n');
    buf_add_repeat(o->buf, ' ', (size_t)o->depth * INDENT);
}

void json_key(struct json_out *o, struct str key)
{
    assert(in_object(o));
    assert(!o->after_key);
    if (o->need_comma)
        buf_add_byte(o->buf, ',');
    new_line(o);
    quoted(o->buf, key);
    buf_add(o->buf, o->style == JSON_PRETTY ? S(": ") : S(":"));
    o->after_key = true;
}

void json_str(struct json_out *o, struct str s)
{
    if (str_is_null(s)) {
        json_null(o);
        return;
    }
    value_begin(o);
    quoted(o->buf, s);
}

static void quoted(struct buf *b, struct str s)
{
    struct scan in = scan_over(s);
    buf_add_byte(b, '"');
    while (!scan_end(&in)) {
        struct str plain;
        uint32_t code;
        if (scan_while(&in, is_plain, &plain)) {
            buf_add(b, plain);
            continue;
        }
        size_t len = str_utf8_next(scan_rest(&in), &code);
        if (len > 1)
            buf_add(b, str_upto(scan_rest(&in), len));
        else if (len == 1)
            escaped(b, (uint8_t)code);
        else
            buf_add(b, S("\xef\xbf\xbd")); // U+FFFD, one for each byte that belongs to nothing
        scan_skip(&in, len == 0 ? 1 : len);
    }
    buf_add_byte(b, '"');
}

static bool is_plain(uint8_t c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static void escaped(struct buf *b, uint8_t c)
{
    size_t simple = str_find_byte(S("\"\\\b\f\n\r\t"), (char)c);
    if (simple == STR_NOT_FOUND) {
        buf_fmt(b, "\\u%04x", c);
        return;
    }
    buf_add_byte(b, '\\');
    buf_add_byte(b, "\"\\bfnrt"[simple]);
}

void json_i64(struct json_out *o, int64_t v)
{
    value_begin(o);
    buf_add_i64(o->buf, v);
}

void json_u64(struct json_out *o, uint64_t v)
{
    value_begin(o);
    buf_fmt(o->buf, "%llu", (unsigned long long)v);
}

void json_double(struct json_out *o, double v)
{
    if (!__builtin_isfinite(v)) {
        json_null(o);
        return;
    }
    value_begin(o);
    if (v > -1e15 && v < 1e15 && v == (double)(int64_t)v) // 100, where the shortest form is 1e+02
        buf_fmt(o->buf, "%.0f", v);
    else
        buf_add_double(o->buf, v);
}

void json_bool(struct json_out *o, bool v)
{
    word(o, v ? S("true") : S("false"));
}

void json_null(struct json_out *o)
{
    word(o, S("null"));
}

static void word(struct json_out *o, struct str text)
{
    value_begin(o);
    buf_add(o->buf, text);
}

// --- Members -------------------------------------------------------------------------------------

void json_put_str(struct json_out *o, struct str key, struct str s)
{
    json_key(o, key);
    json_str(o, s);
}

void json_put_strs(struct json_out *o, struct str key, const struct str *at, size_t count)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < count; i++)
        json_str(o, at[i]);
    json_array_end(o);
}

void json_put_i64(struct json_out *o, struct str key, int64_t v)
{
    json_key(o, key);
    json_i64(o, v);
}

void json_put_u64(struct json_out *o, struct str key, uint64_t v)
{
    json_key(o, key);
    json_u64(o, v);
}

void json_put_bool(struct json_out *o, struct str key, bool v)
{
    json_key(o, key);
    json_bool(o, v);
}

void json_put_time(struct json_out *o, struct str key, int64_t at_ms)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TIME_BYTES_MAX);
    date_add_rfc3339(&text, at_ms, DATE_SECONDS);
    json_put_str(o, key, buf_str(&text));
}

// --- What was read -------------------------------------------------------------------------------

// Down to the first child, else on to the next sibling, else up to the parent's: the way back up is
// kept in `above`, for a tree has no links to its parents.
void json_tree(struct json_out *o, const struct json *v)
{
    const struct json *above[JSON_DEPTH_MAX];
    size_t depth = 0;
    tree_begin(o, v);
    const struct json *at = v;
    for (;;) {
        bool inside = at->type == JSON_ARRAY || at->type == JSON_OBJECT;
        if (inside && at->first != NULL) {
            assert(depth < JSON_DEPTH_MAX);
            above[depth++] = at;
            at = at->first;
            tree_begin(o, at);
            continue;
        }
        if (inside)
            level_end(o, at->type == JSON_OBJECT);
        while (depth > 0 && at->next == NULL) {
            at = above[--depth];
            level_end(o, at->type == JSON_OBJECT);
        }
        if (depth == 0)
            return;
        at = at->next;
        tree_begin(o, at);
    }
}

// A value whole, or the opening of an array or object.
static void tree_begin(struct json_out *o, const struct json *v)
{
    if (in_object(o) && !o->after_key)
        json_key(o, v->key);
    switch (v->type) {
    case JSON_NULL:
        json_null(o);
        return;
    case JSON_FALSE:
    case JSON_TRUE:
        json_bool(o, v->type == JSON_TRUE);
        return;
    case JSON_NUMBER:
        word(o, v->text);
        return;
    case JSON_STRING:
        json_str(o, v->text);
        return;
    case JSON_ARRAY:
        json_array_begin(o);
        return;
    case JSON_OBJECT:
        json_object_begin(o);
        return;
    }
}
