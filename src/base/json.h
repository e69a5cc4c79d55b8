// SPDX-License-Identifier: Apache-2.0
// base/json.h: JSON (RFC 8259) read strictly with positions, and written. The reader keeps line
// and column of every value, which configuration messages need, and bounds depth and size.
//
//     struct json_error bad;
//     struct json *doc = json_parse(a, text, &bad);       // NULL: bad says where and why
//     struct json *port = json_member(doc, S("port"));     // NULL when absent
//
// The tree lives in the arena; strings without escapes and numbers are slices of the text, which
// must live as long. Time and memory grow with the text's length: 80 bytes a value at most, so the
// arena's limit is the document's.
#pragma once

#include "base/base.h"

#define JSON_DEPTH_MAX 64      // nested arrays and objects that the reader takes
#define JSON_OUT_DEPTH_MAX 640 // that the writer takes: a TOML key may name 512 tables

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json {
    enum json_type type;
    uint32_t line, column; // from 1, columns count code points
    struct str key;        // of a member
    uint32_t key_line, key_column;
    struct str text;           // a string's content, a number as written
    size_t count;              // of an array or object
    struct json *first, *next; // children in order; next sibling
};

struct json_error {
    uint32_t line, column;
    struct str message; // static or in the arena
};

// NULL on error; duplicate member names are kept (json_member finds the last, as most readers do).
// UTF-8 only, without a byte order mark; an escaped lone surrogate is refused, as no text can hold
// it.
struct json *json_parse(struct arena *a, struct str text, struct json_error *out_error);
struct json *json_member(const struct json *object, struct str key); // NULL for what is no object
// The getters take NULL and values of other types, and say false or `otherwise`.
bool json_to_i64(const struct json *v, int64_t *out);   // a number that is a whole one, 1e3 too
bool json_to_double(const struct json *v, double *out); // finite, of at most 384 characters
bool json_is_bool(const struct json *v);
struct str json_string(const struct json *v, struct str otherwise); // content of a string

// The writer adds to a buf, puts commas and colons itself, and asserts that calls are balanced.
//
//     struct json_out o = json_begin(&b, JSON_COMPACT);
//     json_object_begin(&o);
//     json_put_bool(&o, S("ok"), true);
//     json_object_end(&o);
enum json_style { JSON_COMPACT, JSON_PRETTY };

struct json_out {
    struct buf *buf;
    enum json_style style;
    uint32_t depth;
    bool need_comma, after_key;
    uint32_t objects[JSON_OUT_DEPTH_MAX / 32]; // a bit a level: an object, not an array
};

struct json_out json_begin(struct buf *b, enum json_style style);
void json_object_begin(struct json_out *o);
void json_object_end(struct json_out *o);
void json_array_begin(struct json_out *o);
void json_array_end(struct json_out *o);
void json_key(struct json_out *o, struct str key);
void json_str(struct json_out *o, struct str s); // ill-formed UTF-8 becomes U+FFFD; null: null
void json_i64(struct json_out *o, int64_t v);
void json_u64(struct json_out *o, uint64_t v);
void json_double(struct json_out *o, double v); // not finite: null
void json_bool(struct json_out *o, bool v);
void json_null(struct json_out *o);
// A member of an object, with its key.
void json_put_str(struct json_out *o, struct str key, struct str s);
void json_put_strs(struct json_out *o, struct str key, const struct str *at, size_t count);
void json_put_i64(struct json_out *o, struct str key, int64_t v);
void json_put_u64(struct json_out *o, struct str key, uint64_t v);
void json_put_bool(struct json_out *o, struct str key, bool v);
void json_put_time(struct json_out *o, struct str key, int64_t at_ms); // RFC 3339, to the second
void json_tree(struct json_out *o, const struct json *v); // what was read, numbers as they stood
