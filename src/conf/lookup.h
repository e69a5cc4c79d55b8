// SPDX-License-Identifier: Apache-2.0
// conf/lookup.h: lists in memory (configuration.md 10.1, 10.2, 10.6): `lookup.<id>` from the
// configuration, `file-lookup.<id>` from a file, later `http-lookup.<id>`. A list maps keys to
// typed values. An exact key wins; then patterns are tried in byte order, the first that fits wins.
// Case matters: session values are lower case, so keys should be.
//
// A list is filled once (lookup_put, lookup_put_list, lookup_read), closed, and only read from then
// on. It owns its memory, lookup_free gives it back as a whole; a reload builds a new list and
// replaces the old one in the set. Nothing here suspends or reads files: who has the bytes (file,
// HTTP) passes them in and sees to when they are read again.
#pragma once

#include "base/base.h"

#include "conf/expr_value.h"

#define LOOKUP_KEY_BYTES_MAX (1 * KIB)
#define LOOKUP_ENTRIES_DEFAULT 100000
#define LOOKUP_ENTRIES_MAX 1048576
#define LOOKUP_ENTRY_BYTES_DEFAULT 512
#define LOOKUP_ENTRY_BYTES_MAX (1 * MIB)
#define LOOKUP_MEMORY_BYTES_MAX (2048L * MIB)

struct lookup;

struct lookup *lookup_new(void); // NULL: no memory
void lookup_free(struct lookup *l);

// One entry as the configuration writes it: unescaped '*' and '?' make the key a pattern, the value
// is typed (lookup_type_value). A key that is there already gets the new value. Errors live in `a`.
struct err lookup_put(struct arena *a, struct lookup *l, struct str key, struct str value) MUST_USE;
// Literal key, value as it is: for lists that come from elsewhere. Bytes are copied.
struct err lookup_put_literal(struct lookup *l, struct str key, struct expr_value value) MUST_USE;
// After the last entry and before the first question.
void lookup_close(struct lookup *l);

// Empty: ''. true, false: 1, 0. Digits: integer. Digits '.' digits: float. Else a string.
struct expr_value lookup_type_value(struct str text);

// False when no entry fits. The value lives as long as the list.
bool lookup_get(const struct lookup *l, struct str key, struct expr_value *out);
size_t lookup_count(const struct lookup *l);
// A key (not pattern) with a capital letter, which no lower-cased variable can equal; null: none.
struct str lookup_capital_key(const struct lookup *l);
size_t lookup_bytes(const struct lookup *l); // memory in use

// -- Lists as text (configuration.md 10.2, 10.3) --------------------------------------------------

enum lookup_format {
    LOOKUP_LIST,   // a key a line, value 1; blank lines and those with '#' first are skipped
    LOOKUP_CSV,    // RFC 4180; rows without the key's column are skipped
    LOOKUP_KEYVAL, // KEY VALUE or KEY = VALUE a line; without a value: ''
};

struct lookup_text {
    enum lookup_format format;
    char separator;         // of CSV; 0: ','
    size_t key_column;      // from 0
    int value_column;       // negative: value 1
    bool skip_first;        // a header line
    size_t entries_max;     // 0: LOOKUP_ENTRIES_DEFAULT
    size_t entry_bytes_max; // 0: LOOKUP_ENTRY_BYTES_DEFAULT
};

struct lookup_read_report {
    size_t entries, skipped; // skipped: too long, without the key's column, empty key
    bool truncated;          // entries_max was reached: the rest was not read
};

// Adds what the text says; lists keep their patterns literal: no '*' means anything here.
struct err lookup_read(struct lookup *l, struct str text, const struct lookup_text *options,
        struct lookup_read_report *out) MUST_USE;

// -- All lists, by id ---------------------------------------------------------------------------

struct lookups;

struct lookups *lookups_new(void);
void lookups_free(struct lookups *all); // and the lists in it
// Takes the list over and frees the one it replaces. False: no memory (the list is freed).
bool lookups_put(struct lookups *all, struct str id, struct lookup *l) MUST_USE;
// NULL when no such list is defined. The well-known ids of 10.6 always are, if only empty.
// `all` may be NULL.
const struct lookup *lookups_get(const struct lookups *all, struct str id);
bool lookup_is_well_known(struct str id);
struct str lookups_ids(const struct lookups *all, struct arena *a); // "a, b", for messages
