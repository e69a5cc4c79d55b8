// SPDX-License-Identifier: Apache-2.0
// conf/expr.h: settings that are expressions (configuration.md 9). At load a setting is compiled
// once into an immutable program; per session, recipient or delivery it is evaluated against an
// environment and gives what its setting is about: a truth, a duration, a rate, a word, ...
//
// Whose it is: a compiled setting lives in the arena it was made in, and borrows nothing from its
// source. A result lives as long as the scratch arena, the setting and what the environment gave.
// Compiling may use 40 KiB of stack (regular expressions): do it at load. Evaluating uses little
// stack, does not recurse, and suspends only where a function asks the outside (dns_query,
// is_local_domain).
//
//     struct expr_spec spec = {.key = S("session.rcpt.relay"), .context = EXPR_RCPT,
//             .target = {.kind = EXPR_TO_BOOL}};
//     const struct expr_setting *relay;
//     if (!expr_from_toml(a, node, &spec, &world, &findings, &relay) || relay == NULL)
//         ...findings say why; or it is "not set" and the default applies...
//
//     struct expr_env env = {.self = session, .ops = &session_ops, .lookups = lookups};
//     struct expr_result r = expr_eval(relay, &env, &scratch);
//     if (r.outcome == EXPR_FAILED)
//         ...event eval.error with r.fault, then the failure class of the key (D or T)...
#pragma once

#include "base/base.h"

#include "base/ip.h"
#include "conf/expr_value.h"
#include "conf/findings.h"
#include "conf/types.h"

struct lookups; // conf/lookup.h
struct toml;    // conf/toml.h

// configuration.md 9.10
#define EXPR_TEXT_BYTES_MAX (8 * KIB)
#define EXPR_TOKENS_MAX 256
#define EXPR_CONDITIONS_MAX 100
#define EXPR_NESTING_MAX 32
#define EXPR_LITERAL_COUNT_MAX 256 // elements of an array literal or a constant list
#define EXPR_ASYNC_MAX 16          // asynchronous calls in one evaluation, configuration.md 9.4
#define EXPR_TIMEOUT_MS (30 * SECOND_MS) // default of config.expression-timeout

// -- What a setting is --------------------------------------------------------------------------

enum expr_context {
#define CONTEXT(id, name, about) EXPR_##id,
#include "conf/expr_contexts.def"
    EXPR_CONTEXT_COUNT,
};
struct str expr_context_name(enum expr_context context);
struct str expr_context_about(enum expr_context context);        // when it is evaluated
bool expr_context_find(struct str name, enum expr_context *out); // ignoring case

enum expr_variable {
#define VARIABLE(id, name, type, contexts, about) EXPR_VAR_##id,
#define ALIAS(name, id, contexts)
#include "conf/expr_variables.def"
    EXPR_VARIABLE_COUNT,
};
struct str expr_variable_name(enum expr_variable id);
enum expr_type expr_variable_type(enum expr_variable id);
// The variable of that name in a context; for `tag.<name>`, `$name` and the names that the world
// adds, out_rest is the part that varies. For tests and `config eval --set`.
bool expr_variable_find(
        struct str name, enum expr_context context, enum expr_variable *out, struct str *out_rest);
size_t expr_variable_list(enum expr_context context, size_t at, enum expr_variable *out);

// The rows of the table of variables, for the reference. Bit n of contexts: enum expr_context n.
struct expr_variable_info {
    struct str name; // "$", "tag.": a further name stands behind it; empty: a name of the world's
    enum expr_type type;
    uint32_t contexts;
    struct str about;
};
bool expr_variable_at(size_t place, struct expr_variable_info *out);

// What the result is turned into (configuration.md 9.5).
enum expr_kind {
    EXPR_TO_ANY, // the value as it is, for `config eval` and filter rules
    EXPR_TO_BOOL,
    EXPR_TO_STRING,
    EXPR_TO_STRINGS,
    EXPR_TO_INTEGER,
    EXPR_TO_UNSIGNED,
    EXPR_TO_DURATION,
    EXPR_TO_RATE,
    EXPR_TO_IP,
    EXPR_TO_ENUM,
    EXPR_TO_HTTP_STATUS,
};
struct str expr_kind_name(enum expr_kind kind); // "duration", ...

// Words of an enum: they are names in its expressions (configuration.md 9.7). An alias has the
// number of its word, whose text is the first with that number.
struct expr_word {
    struct str text;
    int number;
    bool is_off; // what `false` stands for
};
struct expr_words {
    const struct expr_word *at;
    size_t count;
};
// The lists of 9.7, rows of conf/expr_constants.def: "mechanism", "verification", ... NULL: none.
const struct expr_words *expr_words_named(struct str list);

struct expr_target {
    enum expr_kind kind;
    bool optional;                  // false, 0, '' and [] mean "none"
    const struct expr_words *words; // of an enum, or what elements of a list of strings must be
};

struct expr_spec {
    struct str key;
    enum expr_context context;
    struct expr_target target;
};

// -- What names refer to, at load ---------------------------------------------------------------

enum expr_key_kind { EXPR_KEY_UNKNOWN, EXPR_KEY_PLAIN, EXPR_KEY_SECRET };

struct expr_name { // a field of an event, a metric
    struct str name;
    enum expr_type type;
};

struct expr_world {
    const struct lookups *lookups; // for ids written in expressions; NULL: none but the well-known
    // Further names, of the contexts EVENT and METRIC.
    const struct expr_name *names;
    size_t name_count;
    // metric('id'): NULL: this build has none.
    const struct str *metrics;
    size_t metric_count;
    // config_get('key'): what is that key? NULL: config_get is not available.
    enum expr_key_kind (*key_kind)(const void *self, struct str key);
    const void *self;
};

// -- Compiling ----------------------------------------------------------------------------------

struct expr_setting;

// A parsed setting in one of the forms of 9.1. False: errors were added to the findings. *out is
// NULL when the setting is written as "not set". Macros must have been expanded in the nodes.
bool expr_from_toml(struct arena *a, const struct toml *node, const struct expr_spec *spec,
        const struct expr_world *world, struct findings *findings,
        const struct expr_setting **out) MUST_USE;

struct expr_problem {
    size_t column; // code points from 1; 0: of the whole
    struct str message;
};
// One expression as text, for defaults and the command line. NULL: *out_problem says why.
const struct expr_setting *expr_from_text(struct arena *a, struct str text,
        const struct expr_spec *spec, const struct expr_world *world,
        struct expr_problem *out_problem) MUST_USE;

// What expr_from_text found doubtful (expr_from_toml adds findings itself); NULL beyond the last.
const struct expr_problem *expr_setting_warning(const struct expr_setting *s, size_t place);

// -- Evaluating ---------------------------------------------------------------------------------

enum expr_system { EXPR_HOSTNAME, EXPR_DOMAIN, EXPR_NODE_ID, EXPR_NODE_HOSTNAME, EXPR_NODE_ROLE };
enum expr_local { EXPR_LOCAL_DOMAIN, EXPR_LOCAL_ADDRESS };
enum expr_dns {
    EXPR_DNS_IPV4,
    EXPR_DNS_IPV6,
    EXPR_DNS_IP,
    EXPR_DNS_MX,
    EXPR_DNS_PTR,
    EXPR_DNS_TXT
};

// How an evaluation asks its surroundings. Any of them may be NULL: the environment around is asked
// then, and where nobody knows, variables are unset, and functions that need it end the evaluation
// with an error.
struct expr_env_ops {
    // The value now; false: not known (yet), which reads as '', 0 or []. `rest` is the <name> of
    // tag.<name> and $name, the whole name of those that the world added, else empty.
    bool (*variable)(void *self, struct arena *scratch, enum expr_variable id, struct str rest,
            struct expr_value *out);
    // node_id as an integer, the others as text.
    struct expr_value (*system)(void *self, enum expr_system what);
    struct str (*config_get)(void *self, struct arena *scratch, struct str key);
    double (*metric)(void *self, size_t place); // in expr_world.metrics
    // Addresses, hosts and names as an array of strings, TXT as one string; nothing there is an
    // empty one; an error is SERVFAIL or a timeout. At most timeout_ms (0: no limit of ours).
    struct err (*dns_query)(void *self, struct arena *scratch, struct str name, enum expr_dns type,
            int64_t timeout_ms, struct expr_value *out) suspends;
    // Is the domain, or the address, one of ours? Of the directory of that id; "*": the default.
    struct err (*is_local)(void *self, struct arena *scratch, enum expr_local what,
            struct str directory, struct str name, int64_t timeout_ms, bool *out) suspends;
    int64_t (*now_ms)(void *self); // any steady clock; for the time budget
};

struct expr_env {
    void *self;
    const struct expr_env_ops *ops; // NULL: no variable is set
    const struct expr_env *outer;   // is asked what this one does not know; NULL: nobody
    const struct lookups *lookups;  // NULL: none
    int64_t timeout_ms;             // for all asynchronous calls together; 0: no limit
    struct buf *trace;              // what happened, a line a step; or NULL
};

// An environment that puts its variables before another one (NULL: none), whose lookups and time it
// has. Good as long as both.
struct expr_env expr_env_inside(
        const struct expr_env *outer, const struct expr_env_ops *ops, void *self);
// The value of one variable; false: nobody knows it.
bool expr_env_variable(const struct expr_env *env, struct arena *scratch, enum expr_variable id,
        struct str rest, struct expr_value *out);

enum expr_outcome {
    EXPR_VALUE,
    EXPR_NONE,   // the documented "none" of an optional setting
    EXPR_FAILED, // the failure class of the key decides
};

struct expr_fault {   // fields of the event eval.error
    struct str entry; // "condition 2, 'then'"; empty for a single expression
    size_t column;    // in that expression; 0: its result as a whole
    struct str cause;
};

struct expr_result {
    enum expr_outcome outcome;
    struct expr_value value; // before it was turned into the target
    // Of EXPR_VALUE, by kind:
    bool boolean;
    int64_t number;         // integer, duration in ms, HTTP status, number of an enum's word
    struct str text;        // string, enum's word
    const struct str *list; // list of strings
    size_t list_count;
    struct rate rate;
    struct ip ip;
    struct expr_fault fault; // of EXPR_FAILED
    // A store that an expression computed the id of and nobody defined (event
    // eval.store-not-found); null: none.
    struct str missing_store;
};

struct expr_result expr_eval(
        const struct expr_setting *s, const struct expr_env *env, struct arena *scratch) suspends;

// The result of a setting that depends on nothing, else NULL. Never EXPR_FAILED.
const struct expr_result *expr_constant(const struct expr_setting *s);

// NULL for what is true whatever happens: checking whether a rule applies is cheap then.
static inline const struct expr_setting *expr_unless_true(const struct expr_setting *match)
{
    const struct expr_result *constant = expr_constant(match);
    return constant != NULL && constant->boolean ? NULL : match;
}

// What its value at a place (from 0: each 'then', and the 'else') gives when that is a literal: for
// names that must exist. NULL: it is computed. out_entry says which it is, as in struct expr_fault.
size_t expr_value_count(const struct expr_setting *s);
const struct expr_result *expr_literal(
        const struct expr_setting *s, size_t place, struct str *out_entry);

// Does any of its conditions or values, as compiled, read the variable?
bool expr_uses(const struct expr_setting *s, enum expr_variable id);
// Does a text that is written in its values, alone or in a list, say just that word?
bool expr_says(const struct expr_setting *s, struct str word);

// For the reference and the tests: every function with its description.
struct expr_function_info {
    struct str name, arguments, about;
    struct str needs; // what this build lacks for it; empty: it works
};
bool expr_function_at(size_t place, struct expr_function_info *out);
