// SPDX-License-Identifier: Apache-2.0
// conf/toml.h: TOML 1.0.0 (and 1.1.0 where asked for) with positions, recovery after errors and
// the tolerances of configuration.md 2.2. The tree keeps where each key and value stands, so that
// whoever finds a value wrong later can still point at it. Everything lives in the arena given;
// texts without escapes are slices of the input, which must live as long.
#pragma once

#include "base/base.h"
#include "conf/findings.h"

enum toml_type {
    TOML_TABLE,
    TOML_ARRAY,
    TOML_STRING,
    TOML_INTEGER,
    TOML_FLOAT,
    TOML_BOOL,
    TOML_DATETIME,       // with an offset
    TOML_DATETIME_LOCAL,
    TOML_DATE_LOCAL,
    TOML_TIME_LOCAL,
};

struct toml {
    enum toml_type type;
    struct str file;             // where it stands
    uint32_t line, column;       // of the value; of a header table: of its header
    struct str key;              // null in an array
    uint32_t key_line, key_column;
    bool key_quoted;
    struct str text;             // string content; as written for numbers and dates
    int64_t integer;
    double real;
    bool boolean;
    bool set_literal;            // a table written as { "a", "b" } (tolerance T2)
    uint32_t made_by;            // the reader's own: header, dotted key, inline
    struct str source;           // the whole source line, for the caret
    struct toml *first, *last, *next; // children in order of appearance; next sibling
    size_t count;                // of children
};

enum toml_version { TOML_1_0, TOML_1_1 };
enum toml_tolerance { TOML_STRICT, TOML_TOLERANT }; // T1-T3 and T7 of configuration.md 2.2

struct toml_options {
    struct str file; // name for positions
    enum toml_version version;
    enum toml_tolerance tolerance;
};

#define TOML_DEPTH_MAX 10              // nested arrays and inline tables, configuration.md 2.1
#define TOML_FILE_BYTES_MAX (16 * MIB)
#define TOML_KEY_BYTES_MAX 255
#define TOML_STRING_BYTES_MAX (4 * MIB)
#define TOML_ARRAY_COUNT_MAX 100000
#define TOML_ERRORS_MAX 50             // then the reader gives up on this file

// Always returns a table with what could be read (NULL only without memory); errors go to
// `findings`, so the caller looks at findings->error_count.
struct toml *toml_parse(struct arena *a, struct str text, const struct toml_options *options,
        struct findings *findings);
struct toml *toml_member(const struct toml *table, struct str key); // NULL when absent
// The tagged JSON of `posthaste test toml`.
void toml_tagged_json(struct buf *out, const struct toml *doc);
