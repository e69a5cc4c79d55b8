// SPDX-License-Identifier: Apache-2.0
// conf/toml.h: TOML 1.0.0 (and 1.1.0 where asked for) with positions, recovery after errors and
// the tolerances of configuration.md 2.2. The tree keeps where each key and value stands, so that
// whoever finds a value wrong later can still point at it. Everything lives in the arena given;
// texts without escapes are slices of the input, which must live as long.
#pragma once

#include "base/base.h"
#include "base/json.h"
#include "conf/findings.h"

enum toml_type {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_DATETIME, // with an offset
    TOML_DATETIME_LOCAL,
    TOML_DATE_LOCAL,
    TOML_TIME_LOCAL,
};

struct toml_index;

struct toml {
    enum toml_type type;
    uint32_t line, column; // of the value; of a table: of its header, of a dotted one: of its key
    uint32_t key_line, key_column;
    struct str file; // where it stands
    struct str key;  // null in an array and for the document itself
    struct str text; // string content; as written for numbers and dates
    int64_t integer;
    double real;
    bool boolean;
    bool key_quoted;
    bool set_literal;    // a table written as { "a", "b" }: members with empty texts (T2)
    uint8_t made_by;     // the reader's own: header, dotted key, inline
    uint32_t path_bytes; // the reader's own: length of the flat key
    struct str source;   // the whole source line, for the caret
    struct toml *parent; // NULL for the document itself
    struct toml *first, *last, *next; // children in order of appearance; next sibling
    size_t count;                     // of children
    struct toml_index *index;         // of large tables, the reader's own
};

enum toml_version { TOML_1_0, TOML_1_1 };
enum toml_tolerance { TOML_STRICT, TOML_TOLERANT }; // T1-T3 and T7 of configuration.md 2.2

struct toml_options {
    struct str file; // name for positions
    enum toml_version version;
    enum toml_tolerance tolerance;
};

#define TOML_DEPTH_MAX 10 // nested arrays and inline tables, configuration.md 2.1
#define TOML_FILE_BYTES_MAX (16 * MIB)
#define TOML_KEY_BYTES_MAX 255   // one component
#define TOML_PATH_BYTES_MAX 1024 // the flat key
#define TOML_STRING_BYTES_MAX (4 * MIB)
#define TOML_ARRAY_COUNT_MAX 100000
#define TOML_ERRORS_MAX 50 // then the reader gives up on this file

// Always returns a table with what could be read (NULL only without memory); errors go to
// `findings`, so the caller looks at findings->error_count. A statement with an error leaves no
// value behind.
struct toml *toml_parse(struct arena *a, struct str text, const struct toml_options *options,
        struct findings *findings);
struct toml *toml_member(const struct toml *table, struct str key); // NULL when absent
// The flat key (configuration.md 3.1): components that are not bare in quotes, arrays by position
// from 0. "server.listener.\"a.b\".bind.0"
struct str toml_path(struct arena *a, const struct toml *node);
// The next node of the document in order of appearance, parents first; NULL after the last below
// `top`. Trees may be hundreds of tables deep, so whoever walks one does it without recursion.
struct toml *toml_next(const struct toml *node, const struct toml *top);
// The tagged JSON of `posthaste test toml`.
void toml_tagged_json(struct json_out *o, const struct toml *doc);

// Writing: a text as a TOML string (literal where that saves escapes), a name as a key.
void toml_add_string(struct buf *out, struct str text);
void toml_add_line(struct buf *out, struct str text); // the same, never over several lines
void toml_add_key(struct buf *out, struct str name);

// Rewrites a document in canonical form: TOML 1.0.0 without any of the tolerances, comments and
// order kept (a table opened twice is put together where it was opened first). False when it has
// errors, which are then in `findings`.
bool toml_format(struct buf *out, struct arena *a, struct str text, struct str file,
        struct findings *findings);
