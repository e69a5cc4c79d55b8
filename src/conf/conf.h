// SPDX-License-Identifier: Apache-2.0
// conf/conf.h: the loaded configuration. conf_load reads the main file and all that it includes,
// expands macros, checks every value against the table of settings (conf/settings.def) and gives
// back an immutable snapshot: a generation of workers is born with one and dies with it.
//
// Whose it is: a snapshot owns one arena with everything in it, texts of files included; all that
// a getter returns lives until conf_free. Findings belong to the arena of the caller's `findings`
// and outlive the snapshot. Nothing here suspends; files are read by blocking calls, so load before
// a worker serves, or on a helper thread.
//
// The getters are for load time: a room reads its keys once and builds its own structures. They
// never fail: a key without a (usable) value reads as its default, and each default is checked by
// a unit test. Asking for a key that settings.def does not have is an assertion.
//
//     struct conf *conf = conf_load(&options, &findings);
//     if (conf == NULL || !conf_may_start(conf, &findings))
//         ...print the findings, exit 1...
//     uint64_t cap = conf_u64(conf, S("server.max-connections"));
//     struct conf_ids ids = conf_ids(conf, S("server.listener"));
//     for (size_t i = 0; i < ids.count; i++) {
//         struct str key = conf_item(conf, S("server.listener"), ids.at[i], S("tls.implicit"));
//         bool implicit = conf_bool(conf, key); // the listener's own, else that of server.tls
//         ...
//         conf_finding(conf, &findings, key, -1, (struct finding){.severity = FINDING_ERROR,
//                 .code = S("tls-conflict"), .message = S("needs tls.enable")});
//     }
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/expr.h"
#include "conf/findings.h"
#include "conf/types.h"

struct conf;

// -- Loading ------------------------------------------------------------------------------------

// What the process was started with. Tests pass their own; server and cli take conf_env_process.
struct conf_env_var {
    struct str name, value;
};
struct conf_env {
    const struct conf_env_var *vars;
    size_t var_count;
    struct str os_hostname; // of the system; null: not known
    uint32_t cpu_count;     // in the affinity mask; 0: not known
};
struct conf_env conf_env_process(struct arena *a);
// configuration.md 1.2: POSTHASTE_NAME, then NAME, then STALWART_NAME; null when none is set.
struct str conf_env_get(const struct conf_env *env, struct str name);
struct str conf_env_exact(const struct conf_env *env, struct str name); // %{env:NAME}%

// The files. NULL in the options: those of the machine (rt/file.h). Tests and fuzzing bring theirs.
struct conf_file {
    struct str text;
    uint64_t device, inode;
    int64_t modified_ms;
    uint32_t mode; // permission bits
};
struct conf_files {
    void *self;
    // Regular files of at most bytes_max only; text and error live in the arena.
    struct err (*read)(
            void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out);
    // Paths that match a glob, in byte order, hidden ones left out. None: NOT an error, count 0.
    struct err (*glob)(void *self, struct arena *a, struct str pattern, struct str **out_paths,
            size_t *out_count);
};

// Start-up has two stages (configuration.md 1): what listening sockets need is read before
// privileges are dropped; `file` values and everything else after it, so that what the daemon could
// not read again at a reload is refused at start. In the first stage only the keys of phase 4 are
// checked, and those whose value needs a file read as their default.
enum conf_stage { CONF_FULL, CONF_BIND };

struct conf_options {
    struct str path;            // the main file, see conf_locate
    const struct conf_env *env; // NULL: an empty environment
    const struct conf_files *files;
    enum conf_stage stage;
    size_t memory_bytes_max; // 0: CONF_MEMORY_BYTES_MAX
    // Large lists stay only as lookups, of less than half the size; a dump then lacks their
    // entries. For servers.
    bool drop_lists;
};

// Phase 1: CONFIG_PATH, else the argument, else /etc/posthaste/config.toml if it exists; a null
// slice when there is none (usage, exit 2).
struct str conf_locate(const struct conf_env *env, struct str argument);

// NULL only when memory ran out (a finding says so). With errors among the findings a snapshot
// comes back all the same, so that the rooms can add theirs in the same run.
struct conf *conf_load(const struct conf_options *options, struct findings *findings);
void conf_free(struct conf *conf);
// No error, or only such as config.on-error = "default" lets pass.
bool conf_may_start(const struct conf *conf, const struct findings *findings);

// What was read, for config.watch and the reload of certificates.
enum conf_file_role { CONF_FILE_MAIN, CONF_FILE_INCLUDE, CONF_FILE_OBJECTS, CONF_FILE_VALUE };
struct conf_file_used {
    struct str path; // absolute
    enum conf_file_role role;
    uint64_t device, inode;
    int64_t modified_ms;
    uint32_t mode;
};
const struct conf_file_used *conf_files_used(const struct conf *conf, size_t *out_count);
// Equal when the content of all files and the environment values used were equal.
uint64_t conf_fingerprint(const struct conf *conf);
// Keys marked "restart" that differ, in the arena: for the answer of a reload.
struct conf_ids conf_restart_keys(
        struct arena *a, const struct conf *before, const struct conf *now);
// Is the key kept in the files (true) or in the settings store? configuration.md 7.1
bool conf_key_is_local(const struct conf *conf, struct str key);

// -- Keys and objects ---------------------------------------------------------------------------

struct conf_ids {
    const struct str *at;
    size_t count;
};
// Ids of a map ("server.listener", "certificate", "tracer", "lookup"): those with a child, in
// byte order. Objects with enable = false are listed: ask for their `enable`.
struct conf_ids conf_ids(const struct conf *conf, struct str map);
// The same in the order in which they were written, where that matters; in the arena.
struct conf_ids conf_ids_as_written(struct arena *a, const struct conf *conf, struct str map);
bool conf_has_id(const struct conf *conf, struct str map, struct str id);
// The key of one member of one object, for the getters. It reads as the object's own value, else
// as the server-wide one it overrides (listeners.md 2.3), else as the default. `member` is empty
// for a map whose objects are values themselves (lookup.<id>).
struct str conf_item(const struct conf *conf, struct str map, struct str id, struct str member);
// The same of an object that nobody has written: it reads as the default. For objects that are
// there all the same, such as the route `mx`.
struct str conf_item_preset(const struct conf *conf, struct str map, struct str member);

// -- Values -------------------------------------------------------------------------------------
// Each asserts that the key has the type asked for. "None": the optional key was switched off
// ("disable", false, 0, ...), or it is absent and has no default.

bool conf_bool(const struct conf *conf, struct str key);
uint64_t conf_u64(const struct conf *conf, struct str key); // integer, size; none: 0
int64_t conf_i64(const struct conf *conf, struct str key);
int64_t conf_duration_ms(const struct conf *conf, struct str key); // none: 0
struct rate conf_rate(const struct conf *conf, struct str key);    // none: count 0
// string, text, secret, host name, domain, URI, path (absolute), enum (the canonical word), cron,
// id, and of every other scalar the canonical text. None: a null slice.
struct str conf_str(const struct conf *conf, struct str key);
// Place of the word among those of the row, from 0; none: -1.
int conf_enum(const struct conf *conf, struct str key);
// Optional booleans (socket.v6only): none is a third answer.
enum conf_tristate { CONF_UNSET, CONF_NO, CONF_YES };
enum conf_tristate conf_tristate(const struct conf *conf, struct str key);

// Written anywhere by the administrator (own file, server-wide key or environment), not a default.
bool conf_is_set(const struct conf *conf, struct str key);
// Written at this very key, not inherited: `proxy.trusted-networks` of a listener.
bool conf_is_own(const struct conf *conf, struct str key);
// Absent without default, or switched off.
bool conf_is_none(const struct conf *conf, struct str key);

// Where a value was written. For a default: kind only.
enum conf_origin_kind {
    CONF_FROM_DEFAULT,
    CONF_FROM_FILE,
    CONF_FROM_ENV,
    CONF_FROM_DATABASE,
};
struct conf_origin {
    enum conf_origin_kind kind;
    struct str file;
    uint32_t line, column;         // of the value, or of the first element
    uint32_t key_line, key_column; // of its key
};

// One value of a list, set, flat map or list of tables.
struct conf_element {
    struct str text;    // canonical; of a flat map: the value
    struct str written; // as the administrator wrote it
    struct str name;    // flat map: the key; member of a table: its name; of blocked-ip and
                        // allowed-ip: the note behind it; otherwise null
    struct conf_origin origin;
    struct value value;           // converted by the row's type
    struct conf_element *members; // of a table in a list of tables
    size_t member_count;
    uint8_t form; // enum toml_type of what was written
    bool secret;  // a member of a table that is never shown
};
struct conf_list {
    const struct conf_element *at;
    size_t count;
};
// Elements in order; a scalar is a list of one. Elements that did not convert are left out (there
// is a finding for each). A flat map's elements have `name`.
struct conf_list conf_list(const struct conf *conf, struct str key);
// The first of that name; NULL when the table of a list of tables lacks it. Of a member that may be
// a list there are as many elements, one behind the other.
const struct conf_element *conf_member(const struct conf_element *table, struct str name);

// A value that came from a file by file://, k.file or nothing but %{file:}%: its absolute path;
// else null. Certificates watch it.
struct str conf_value_file(const struct conf *conf, struct str key);

// Texts of the elements, in the arena.
struct err conf_strs(
        struct arena *a, const struct conf *conf, struct str key, struct strs *out) MUST_USE;
// An expression setting: its compiled form (conf/expr.h), never NULL: the default is compiled too.
struct expr_setting;
const struct expr_setting *conf_expr(const struct conf *conf, struct str key);
// For config_get('key') of expressions (struct expr_env_ops): what is that key, and its text: ''
// when it is unset, elements joined by CR LF, nothing of a secret.
enum expr_key_kind conf_key_kind(const struct conf *conf, struct str key);
struct str conf_key_text(const struct conf *conf, struct arena *a, struct str key);
// The lists of lookup.<id> (conf/lookup.h).
struct lookups;
const struct lookups *conf_lookups(const struct conf *conf);

// -- Saying what is wrong -----------------------------------------------------------------------

struct conf_origin conf_origin(const struct conf *conf, struct str key);
struct str conf_origin_word(enum conf_origin_kind kind); // default, file, env or database
// "FILE:LINE", else the word.
void conf_origin_add(struct buf *out, const struct conf_origin *at);
struct str conf_origin_text(struct arena *a, const struct conf *conf, struct str key) MUST_USE;
// Adds `what` with file, line, column, source line, key and value of `key` filled in (value never
// for secrets). `element` picks one of a list, counted from 0; -1: the key as a whole. A key that
// was not written points at the header of its object, else at nothing.
void conf_finding(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct finding what);
// The same with a formatted message.
void conf_error(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);
void conf_warning(const struct conf *conf, struct findings *findings, struct str key, int element,
        struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);
// Those from `first` on by their places, when rooms have added theirs behind those of the load.
void conf_sort_findings(const struct conf *conf, struct findings *findings, size_t first);

// -- Showing it ---------------------------------------------------------------------------------

// Effective flat keys that start with the prefix, in byte order, one a line:
// `key = value  # origin`. Secrets are "***". What it prints is TOML again.
enum conf_dump_what { CONF_DUMP_ALL, CONF_DUMP_WRITTEN }; // defaults too, or only what was written
void conf_dump(
        struct buf *out, const struct conf *conf, struct str prefix, enum conf_dump_what what);
// An array of {"key", "value", "origin"}; of values in files "file", "line" and "column" as well.
struct json_out;
void conf_dump_json(
        struct json_out *o, const struct conf *conf, struct str prefix, enum conf_dump_what what);
// The same for one key (an object's or a row's), with what it inherits, as a page for a person:
// false when the table does not know the key. The nearest known one goes to *out_near.
bool conf_explain(struct buf *out, const struct conf *conf, struct str key, struct str *out_near);
// The table of settings for a person, a program, and docs/settings.md. The pattern is a glob over
// key patterns, empty for all; they return how many rows matched.
size_t settings_text(struct buf *out, struct str pattern);
size_t settings_json(struct json_out *o, struct str pattern);
void settings_markdown(struct buf *out);
