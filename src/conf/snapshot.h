// SPDX-License-Identifier: Apache-2.0
// conf/snapshot.h: what a snapshot is made of, and the steps that make one. Private to conf/.
//
// load.c reads files and hands each tree to flatten.c, which finds the row of every key and keeps
// what was written as values with origins. macros.c expands them, convert.c reads them by type,
// check.c says what is unknown, missing or undefined, settle.c lets every key find its answer:
// its own value, the one it inherits, or the default. conf.c is the getters.
#pragma once

#include "base/base.h"
#include "base/map.h"
#include "conf/conf.h"
#include "conf/settings.h"
#include "conf/toml.h"

#define CONF_MEMORY_BYTES_MAX (1024 * (size_t)MIB) // 64 MiB of files, several times over
#define CONF_FILES_BYTES_MAX (64 * MIB)            // all files together, configuration.md 2.1
#define CONF_FILES_MAX 256
#define CONF_INCLUDE_DEPTH_MAX 8
#define CONF_VALUE_FILE_BYTES_MAX (4 * MIB) // %{file:}%, configuration.md 5.1
#define CONF_MACRO_DEPTH_MAX 16

struct conf_value {
    struct str key; // flat
    const struct setting *setting;
    struct conf_origin origin;
    struct conf_element *elements; // one for a scalar
    size_t count;
    bool list;    // written as a list, set or table
    bool pending; // needs a file in the stage that must not read one
    bool bad;     // found wrong: reads as its default
    bool dangles; // names what is not defined
    bool none;    // an optional key switched off
    enum { VALUE_PLAIN, VALUE_ENV, VALUE_FILE } source; // k = , k.env = , k.file =
    enum { MACROS_TO_DO, MACROS_RUNNING, MACROS_DONE } macros;
    struct str file; // where a file:// value came from, absolute
    const struct expr_setting *expr;
    const struct toml *tree;    // of an expression, while loading
    struct toml **nodes;        // where its elements stand in the tree
    struct conf_object *object; // NULL: of no map
};

// Where a key finds its value.
struct conf_slot {
    struct str key;
    const struct setting *setting;
    struct conf_value *own; // NULL: not written
    const struct conf_value *answer;
};

struct conf_object {
    struct str map, id;
    struct conf_origin origin;
    size_t position; // in its map, as written
    bool disabled;
    bool lacks; // a member that must be there; disabled therefore
};

struct conf_map {
    struct str name;
    VEC(struct conf_object *) objects; // byte order of ids after settling
    struct str *ids;
};

struct conf_text {
    struct conf_file_used used;
    struct str text; // null for value files
};

struct conf {
    struct arena arena;
    enum conf_stage stage;
    struct conf_env env;
    const struct setting_node *tree;
    struct map slots;                // flat key → struct conf_slot
    struct map objects;              // name of a map → struct conf_map
    VEC(struct conf_value *) values; // as written, in order of appearance
    VEC(struct conf_text) texts;
    struct conf_file_used *used; // of texts, for those outside
    uint64_t fingerprint;
    struct lookups *lookups;
    struct arena lists; // elements of lookup.<id>, which servers do without
    bool refused;       // something that on-error = "default" does not let pass
    bool lenient;       // config.on-error = "default"
    struct str *local_patterns;
    size_t local_pattern_count;
};

enum unknown_kind { UNKNOWN_KEY, UNKNOWN_LATER, UNKNOWN_FOREIGN };
struct unknown_key {
    struct str key;
    struct str part;                  // the component nobody knows
    const struct setting_node *where; // the table that lacks it
    struct conf_origin origin;
    enum unknown_kind kind;
    const struct setting *setting; // of later and foreign ones
};

// One run of conf_load.
struct loader {
    struct conf *conf;
    struct findings *findings;
    struct conf_files files;
    struct arena scratch; // trees of TOML and JSON; given back at the end
    VEC(struct unknown_key) unknown;
    size_t files_bytes, secret_warnings;
    bool overriding; // this file lies in <main>.d/
    bool no_memory;
    struct str file_text; // of the file being flattened: its slices need no copy
    // the chain of %{cfg:}% being followed
    struct conf_value *chain[CONF_MACRO_DEPTH_MAX];
    size_t chain_count;
};

// flatten.c: one tree into values, unknown keys and objects.
void conf_flatten(struct loader *l, const struct toml *root);
struct conf_slot *conf_slot_find(const struct conf *conf, struct str key);
struct conf_slot *conf_slot_make(struct loader *l, struct str key, const struct setting *setting);
struct conf_map *conf_map_find(const struct conf *conf, struct str map);

// flatten_leaf.c: what stands at one key, by the form that its row wants.
struct leaf {
    struct toml *node;
    const struct setting_node *row; // row->setting is not NULL
    struct str key;
    struct conf_object *object;
};
void conf_flatten_leaf(struct loader *l, const struct leaf *leaf);
struct conf_origin conf_origin_of_toml(const struct toml *node);
struct conf_origin conf_origin_of_key(struct conf_origin at); // where its key stands, if it has one
// A slice of the file read, or a copy in the snapshot.
struct str conf_keep(struct loader *l, struct str s);
bool conf_is_lookup(const struct setting *s); // the row of lookup.<id>

// objects.c: a JSON document of objects as a tree with TOML keys; NULL after a finding.
struct toml *conf_objects_tree(
        struct loader *l, struct str file, struct str text, struct str declared_type);

// macros.c: one value in place. False after a finding, or when it is pending.
bool conf_expand(struct loader *l, struct conf_value *v);
// Only env macros, for include.*.
bool conf_expand_env(struct loader *l, struct conf_value *v, struct conf_element *e);
// A file named by a value, below the folder of the file that names it; trailing line ends removed.
bool conf_read_value_file(struct loader *l, struct conf_value *v, struct conf_element *e,
        struct str path, struct str *out_text, struct str *out_path);
struct str conf_path_beside(struct arena *a, struct str file, struct str path);

// compile.c: expressions, and the lists that they name.
void conf_compile(struct loader *l, struct conf_value *v); // after expansion
const struct expr_setting *conf_compile_preset(struct loader *l, const struct conf_value *v);
void conf_make_lookups(struct loader *l);

// convert.c: all elements of one value by the type of its row; findings, and v->bad.
void conf_convert(struct loader *l, struct conf_value *v);

// settle.c: every key finds its answer.
void conf_sort_objects(struct loader *l); // ids in byte order; before the checks
void conf_settle(struct loader *l);

// check.c: expands, converts, then unknown keys, references, what must be there.
void conf_check(struct loader *l);

// report.c: findings about a place.
struct conf_origin conf_object_origin(const struct conf *conf, struct str key); // conf.c
void conf_fingerprint_add(struct conf *conf, struct str text);                  // load.c
bool conf_env_copy(struct conf *conf, const struct conf_env *env);              // env.c
void conf_say(struct loader *l, const struct conf_origin *at, struct finding what);
void conf_complain(struct loader *l, const struct conf_value *v, int element, enum finding_class c,
        struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);
void conf_warn(struct loader *l, const struct conf_value *v, int element, struct str code,
        const char *fmt, ...) PRINTF_LIKE(5, 6);
void conf_no_memory(struct loader *l);

// reference.c: a row for a person: its type and default alone, or as lines of a page.
void setting_add_type(struct buf *out, const struct setting *s);
void setting_add_default(struct buf *out, const struct setting *s);
void setting_print_type(struct buf *out, const struct setting *s);
void setting_print_default(struct buf *out, const struct setting *s);
