// SPDX-License-Identifier: Apache-2.0
// conf/settings.h: the table of settings as data, and how a key finds its row. The rows stand in
// conf/settings.def and are constant; the tree that leads from the components of a key to its row
// is made for each load, in its arena, because nothing here may be global and change.
#pragma once

#include "base/base.h"
#include "conf/types.h"

enum many {
    MANY_NOT,     // one value
    MANY_LIST,    // order kept
    MANY_SET,     // duplicates removed with a warning
    MANY_MEMBERS, // a set, or a flat map whose keys are the members (server.blocked-ip)
    MANY_FLAT,    // a flat map: everything behind the prefix is one literal key
};
enum advice {
    ADVICE_NONE,
    ADVICE_FULL_NAME, // a host name without a dot is worth a warning
};
enum setting_kind {
    SETTING_OURS,
    SETTING_LATER,   // known, not built: `about` says what is missing
    SETTING_FOREIGN, // a section of a larger product
};

struct setting {
    const char *key; // pattern
    enum value_type type;
    enum setting_kind kind;
    const char *preset; // default as somebody would write it; lists: blank separated; NULL: none
    const char *json;   // "NetworkListener.bind"; NULL: none
    const char *about;
    enum many many;
    enum advice advice;
    const char *words;    // of an enum
    const char *wrong;    // instead of `invalid word "X"`, in which {} is what was written
    const char *inherits; // key that is asked when this one is absent
    const char *computed; // how the default comes about when it is no constant
    const char *refers;   // map whose ids this names
    const char *env;      // environment variable that wins over the files
    const char *context;  // of an expression
    const char *result;   // what an expression gives
    const char *renamed;  // right name of a key often written wrong: error
    const char *mapped;   // legacy: taken for this key, warning
    const char *ignored;  // legacy: warning with this text
    const char *range_hint;
    int64_t min, max; // of numbers; max 0: no bound
    bool optional;    // configuration.md 4.1
    bool required;    // an object without it is an error
    bool nocase;      // words compare ignoring case
    bool local;       // must live in a file
    bool restart;     // a change needs a restart
    bool bind;        // used before privileges are dropped: env macros only
    bool in_list;     // objects of its map may be written as [[map]]; their ids are positions then
    bool idle;        // read and checked, but nothing in this build uses it yet: warning
};

extern const struct setting settings_table[];
extern const size_t settings_count;

#define KEY_COMPONENTS_MAX 64 // deeper keys are an error, not a stack overflow
#define KEY_BYTES_MAX 1024    // of a flat key, configuration.md 2.1
#define ID_BYTES_MAX 64
#define SETTING_PARTS_MAX 8 // components of a pattern

// The tree of patterns.
struct setting_node {
    struct str name;               // component, "<id>" or "#"
    const struct setting *setting; // NULL: a table
    struct setting_node *first, *next;
};
struct setting_node *settings_tree(struct arena *a); // NULL: no memory
// Child for a component of a key, `-` and `_` alike; a map's <id> child takes any. NULL: none.
const struct setting_node *setting_child(const struct setting_node *node, struct str component);
// The rows of the members of a list of tables: those below its "#".
const struct setting_node *setting_members(
        const struct setting_node *root, const struct setting *tables);
// The row of a key with ids in it (patterns are keys too); NULL when the table does not have it.
const struct setting *setting_of_key(const struct setting_node *root, struct str key);

// Adds ".component" (no dot at the start), quoted when it is not bare.
void key_add(struct buf *out, struct str component);
