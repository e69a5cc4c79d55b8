// SPDX-License-Identifier: Apache-2.0
// conf/expr_program.h: what the parts of the expression compiler and the evaluator share, private
// to them. Text becomes tokens (expr_lex.c), tokens become steps in postfix order (expr_parse.c
// decides the order, expr_emit.c writes and folds), steps run on a stack (expr_eval.c).
//
// The parser keeps its own stack of open operators and brackets, so that neither it nor anything
// behind it recurses: an expression of 10,000 '(' is an error message, not a stack overflow.
#pragma once

#include "conf/expr.h"
#include "conf/regex.h"

// -- Tokens -------------------------------------------------------------------------------------

enum expr_op {
#define OP(id, text) OP_##id,
#include "conf/expr_ops.def"
};

enum expr_token_kind {
    TOKEN_END,
    TOKEN_NUMBER, // also durations: milliseconds; true and false
    TOKEN_STRING,
    TOKEN_NAME,
    TOKEN_CAPTURE,
    TOKEN_GLOBAL,
    TOKEN_OPERATOR,
    TOKEN_OPEN_PAREN,
    TOKEN_CLOSE_PAREN,
    TOKEN_OPEN_BRACKET,
    TOKEN_CLOSE_BRACKET,
    TOKEN_COMMA,
};

struct expr_token {
    enum expr_token_kind kind;
    struct str text; // as written; of a string: between its delimiters
    char delimiter;  // of a string
    size_t offset, column;
    enum expr_op op;         // of an operator; '-' is OP_SUBTRACT, '!' is OP_NOT
    struct expr_value value; // of a number; of a capture: its number
};

struct expr_lexer {
    struct arena *arena; // for messages
    struct scan in;
    size_t counted, column; // columns are counted as far as this offset
    size_t tokens;
};

struct expr_lexer expr_lexer_over(struct arena *a, struct str text);
// False: *problem says what is wrong and where.
bool expr_lex(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem);
// The text of a string with its escapes undone; null: no memory.
struct str expr_unescape(struct arena *a, struct str text, char delimiter);
struct str expr_unescape_delimiter(struct arena *a, struct str text, char delimiter);
bool expr_is_name_byte(uint8_t c);

// -- Steps --------------------------------------------------------------------------------------

struct expr_step {
    uint8_t op;      // enum expr_op
    uint8_t count;   // of a call: arguments
    uint16_t column; // in the expression
    // CONSTANT, MATCHES, CONFIG: place in constants or regexes. VARIABLE: id. CAPTURE: number.
    // ARRAY: elements. AND, OR: how many steps to skip. CALL: function. SYSTEM, METRIC: which.
    uint32_t arg;
    uint32_t rest; // VARIABLE: constant with the varying part of its name
};

struct expr_program {
    const struct expr_step *steps;
    size_t step_count;
    const struct expr_value *constants;
    const struct regex *const *regexes;
    size_t depth_max; // values on the stack
};

// Values of a program that is one constant, else NULL.
const struct expr_value *expr_program_constant(const struct expr_program *p);

// False with *problem. Warnings are added to `warnings`.
struct expr_warnings {
    VEC(struct expr_problem) all;
};
struct expr_source {
    struct str text;
    const struct expr_words *words; // names that are constants here, or NULL
    bool off_words; // disable, never, none and unlimited mean false (configuration.md 4.1)
    const struct expr_spec *spec;
    const struct expr_world *world;
};
bool expr_compile(struct arena *a, const struct expr_source *source, struct expr_program *out,
        struct expr_warnings *warnings, struct expr_problem *problem) MUST_USE;

#define EXPR_TRACE_BYTES_MAX 200 // of a value

// -- Running ------------------------------------------------------------------------------------

struct expr_machine {
    const struct expr_env *env;
    struct arena *arena;
    struct regex_groups captures; // of the last `matches`
    size_t async_count;
    int64_t started_ms;
    size_t column; // of the step that ran last
    struct str missing_store;
};

struct expr_machine expr_machine_make(const struct expr_env *env, struct arena *scratch);
struct err expr_run(struct expr_machine *m, const struct expr_program *p,
        struct expr_value *out) MUST_USE suspends;
// The same for a program that asks nobody outside: constants, at load.
struct err expr_run_constant(
        struct expr_machine *m, const struct expr_program *p, struct expr_value *out) MUST_USE;
// Before a call that may suspend: counts it, and tells how long it may take (0: no limit).
struct err expr_async_begin(struct expr_machine *m, int64_t *out_timeout_ms) MUST_USE;

// -- Environments (expr_env.c) --------------------------------------------------------------------

// False: nobody knows.
bool expr_env_system(const struct expr_env *env, enum expr_system what, struct expr_value *out);
bool expr_env_metric(const struct expr_env *env, size_t place, double *out);
struct str expr_env_config(
        const struct expr_env *env, struct arena *scratch, struct str key); // null: nobody knows
// ERR_UNSUPPORTED: there is nobody to ask.
struct err expr_env_dns(const struct expr_env *env, struct arena *scratch, struct str name,
        enum expr_dns type, int64_t timeout_ms, struct expr_value *out) MUST_USE suspends;
struct err expr_env_local(const struct expr_env *env, struct arena *scratch, enum expr_local what,
        struct str directory, struct str name, int64_t timeout_ms, bool *out) MUST_USE suspends;
int64_t expr_env_now_ms(const struct expr_env *env, int64_t otherwise_ms);

// -- Functions ----------------------------------------------------------------------------------

struct expr_call {
    struct expr_machine *machine;
    struct arena *arena;
    const struct expr_value *args; // turned into what the row asks for
    size_t count;
};

typedef struct err expr_function(struct expr_call *call, struct expr_value *out);
typedef struct err expr_waiting_function(
        struct expr_call *call, struct expr_value *out) suspends; // asks the outside

enum expr_function_kind {
    FUNCTION_PURE,    // the same for the same arguments
    FUNCTION_ASKS,    // asks lists or the outside
    FUNCTION_SPECIAL, // the compiler sees to it: matches, config_get, system, metric
    FUNCTION_LATER,   // known, but not in this build
};

struct expr_function_row {
    struct str name;
    // A letter an argument: S text, M text and element-wise for an array, N number, L array, V any.
    struct str args;
    uint8_t args_min;
    enum expr_function_kind kind;
    expr_function *call;
    expr_waiting_function *wait; // instead of call
    struct str needs, about;
};

const struct expr_function_row *expr_function_row(size_t place);
bool expr_function_find(struct str name, size_t *out);
// Of a row with `call`, and of one with `wait`.
struct err expr_function_call(struct expr_machine *m, size_t function, struct expr_value *args,
        size_t count, struct expr_value *out) MUST_USE;
struct err expr_function_wait(struct expr_machine *m, size_t function, struct expr_value *args,
        size_t count, struct expr_value *out) MUST_USE suspends;
bool expr_dns_find(struct str type, enum expr_dns *out);
bool expr_system_find(struct str name, enum expr_system *out);

// -- Results ------------------------------------------------------------------------------------

// Fills what belongs to the target; false, with the cause where one is wanted, when the value is
// not accepted.
bool expr_convert(struct arena *a, const struct expr_value *v, const struct expr_target *target,
        struct expr_result *out, struct str *out_cause);
