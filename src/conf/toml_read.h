// SPDX-License-Identifier: Apache-2.0
// conf/toml_read.h: what the files of the TOML reader share. toml_read.c takes documents apart into
// statements, toml_value.c reads values, toml_string.c and toml_number.c their scalars,
// toml_place.c knows lines and columns and writes findings, toml_tree.c holds the rules of what may
// be added to which table. Functions that read return false after they have written a finding.
#pragma once

#include "conf/toml.h"

// How a table came to be decides what may still be added to it (TOML 1.0.0 "Table", "Inline
// Table", "Array of Tables").
enum toml_made_by {
    MADE_VALUE,    // no table, or an array of values
    MADE_ROOT,     // the document
    MADE_IMPLICIT, // on the way to the table of a header: a header may still define it, once
    MADE_HEADER,   // [a], or one element of [[a]]
    MADE_DOTTED,   // by a.b = 1: grows by further dotted keys only
    MADE_INLINE,   // { }: complete
    MADE_TABLES,   // the array that [[a]] adds to
};

struct toml_line {
    size_t start;
    uint32_t number;
};

// What a statement is and where it stands in the text, for the formatter.
enum toml_statement_kind { STATEMENT_TABLE, STATEMENT_TABLES, STATEMENT_PAIR };
struct toml_statement {
    enum toml_statement_kind kind;
    size_t start, end;  // of its text, without comment and line end
    struct toml *table; // that the header opens, or that the pair stands under
};
struct toml_layout {
    VEC(struct toml_statement) all;
};

struct toml_reader {
    struct scan in;
    struct arena *arena;
    struct findings *findings;
    struct toml_options options;
    struct toml_line line;
    struct str line_text;
    size_t counted_to;        // columns of this line are counted up to here ...
    uint32_t counted_columns; // ... and there are so many before it
    struct toml *root;
    struct toml *table;         // of the last header; one out of the tree after a broken header
    const struct toml *reading; // whose value is being read, for the key in findings; may be NULL
    struct toml_layout *layout; // NULL: not wanted
    uint32_t error_count;
    bool gave_up;  // too many errors, or no memory
    bool set_seen; // one warning about set literals a file
};

// One component of a key, and where it stands.
struct toml_key {
    struct str text;
    size_t at;
    bool quoted;
};

// A reading function that returns false has lost the thread (and has written a finding): the
// reader goes on at the next statement. What is merely wrong is noted, and reading goes on.

// -- toml_read.c
// As toml_parse; `layout` may be NULL.
struct toml *toml_read(struct arena *a, struct str text, const struct toml_options *options,
        struct findings *findings, struct toml_layout *layout);
bool toml_newline(struct toml_reader *r); // takes LF or CR LF; false: there is none
void toml_comment(struct toml_reader *r); // takes one if there is one
void toml_space(struct toml_reader *r);   // blanks, comments and line ends
// key "=" value, into the table.
bool toml_pair(struct toml_reader *r, struct toml *table, size_t depth);

// -- toml_value.c
// `depth` is that of the arrays and inline tables around it; *out is there already, for its place.
bool toml_value(struct toml_reader *r, struct toml *out, size_t depth);

bool toml_set_is_ahead(struct scan in); // behind '{': { "a", "b" }, and no inline table

// -- toml_string.c
enum toml_string_for { STRING_FOR_VALUE, STRING_FOR_KEY };
// At a quote. *out lives in the arena or is a slice of the text.
bool toml_string(struct toml_reader *r, enum toml_string_for what, struct str *out);

// -- toml_escape.c: the content of a basic string that has backslashes; it began on `line`.
bool toml_unescape(
        struct toml_reader *r, struct toml_line line, size_t at, struct str raw, struct str *out);

// -- toml_number.c, toml_date.c: whole words
enum toml_verdict { VERDICT_OK, VERDICT_BAD, VERDICT_RANGE };
bool toml_word_is_number(struct str word); // it wants to be one
enum toml_verdict toml_number(struct str word, struct toml *out);
bool toml_word_is_date(struct str word); // it wants to be a date or time
bool toml_date(struct str word, enum toml_version version, enum toml_type *out);

// -- toml_place.c
void toml_line_begin(struct toml_reader *r);
struct toml_node_place {
    uint32_t line, column;
};
struct toml_node_place toml_place(struct toml_reader *r, size_t at);
// An error at an offset of the line being read. Always false, for `return toml_error(...)`.
bool toml_error(struct toml_reader *r, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
// The same for an offset on an earlier line, or on one after that.
bool toml_error_on(struct toml_reader *r, struct toml_line line, size_t at, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
void toml_warning_on(struct toml_reader *r, struct toml_line line, size_t at, struct str code,
        const char *fmt, ...) PRINTF_LIKE(5, 6);
// "is already set at FILE:LINE" and the like need the place of what was there first.
struct str toml_where(struct toml_reader *r, const struct toml *node);
bool toml_bad_byte(struct toml_reader *r, size_t at); // the error "invalid byte 0xNN"
bool toml_no_memory(struct toml_reader *r);           // the error, and the end of reading
bool toml_at_bad_byte(const struct toml_reader *r);   // what is next may stand nowhere
// Length of the character at the front: well-formed, no control but the tab. 0: not allowed.
size_t toml_char(struct str rest);
struct str toml_excerpt(struct str text); // for messages: not more than fits there

// -- toml_format_value.c: parts of a document without errors, rewritten
// Comments that have to leave an inline table go to `hoisted`, a line each.
void toml_value_rewrite(struct scan *in, struct buf *out, struct buf *hoisted);
// Components of a key; those of headers in lower case unless quoted.
enum toml_key_of { KEY_OF_HEADER, KEY_OF_PAIR };
void toml_key_rewrite(struct scan *in, struct buf *out, enum toml_key_of of);

// -- toml_tree.c: NULL after a finding
struct toml *toml_node(struct toml_reader *r, struct toml *parent, enum toml_type type, size_t at);
void toml_link(struct toml_reader *r, struct toml *node); // makes it the last child of its parent
struct toml *toml_header_step(
        struct toml_reader *r, struct toml *table, const struct toml_key *key);
struct toml *toml_header_table(
        struct toml_reader *r, struct toml *table, const struct toml_key *key);
struct toml *toml_header_tables(
        struct toml_reader *r, struct toml *table, const struct toml_key *key);
struct toml *toml_dotted_step(
        struct toml_reader *r, struct toml *table, const struct toml_key *key);
// A new node for the value of the key, not linked yet.
struct toml *toml_leaf(struct toml_reader *r, struct toml *table, const struct toml_key *key);
