// SPDX-License-Identifier: Apache-2.0
// conf/expr_emit.h: writing the steps of an expression, private to the compiler. Each call adds a
// step behind its operands, which are the newest ones; when all of them are constants the step is
// run at once and replaced by its result, so that what is wrong with a constant expression (a
// division by zero, a text too long) is an error at load.
//
// All return false with the problem noted. Steps live in a scratch arena until emit_finish copies
// them.
#pragma once

#include "conf/expr_program.h"

struct expr_operand {
    size_t start;    // its first step
    bool constant;   // one CONSTANT step
    bool is_headers; // the variable `headers`
};

struct expr_emitter {
    struct arena *arena;  // results and messages
    struct arena scratch; // steps while they move
    VEC(struct expr_step) steps;
    VEC(struct expr_value) constants;
    VEC(const struct regex *) regexes;
    VEC(struct expr_operand) operands;
    struct expr_problem *problem;
};

void emit_init(struct expr_emitter *e, struct arena *a, struct expr_problem *problem);
void emit_done(struct expr_emitter *e);

bool emit_constant(struct expr_emitter *e, struct expr_value value, size_t column);
bool emit_variable(struct expr_emitter *e, enum expr_variable id, struct str rest, size_t column);
bool emit_capture(struct expr_emitter *e, uint32_t place, size_t column);
bool emit_named(struct expr_emitter *e, enum expr_op op, uint32_t arg, size_t column);
bool emit_config(struct expr_emitter *e, struct str key, size_t column);
bool emit_array(struct expr_emitter *e, size_t count, size_t column);
bool emit_index(struct expr_emitter *e, size_t column);
bool emit_unary(struct expr_emitter *e, enum expr_op op, size_t column);
bool emit_binary(struct expr_emitter *e, enum expr_op op, size_t column);
bool emit_call(struct expr_emitter *e, size_t function, size_t count, size_t column);
bool emit_matches(struct expr_emitter *e, const struct regex *regex, size_t column);
// && and ||: the jump when the left operand is there, the rest when the right one is.
bool emit_jump(struct expr_emitter *e, enum expr_op op, size_t column, size_t *out_jump);
bool emit_logic(struct expr_emitter *e, size_t jump, size_t column);

// The constant argument `place` from the end (1: the last), or NULL.
const struct expr_value *emit_constant_argument(const struct expr_emitter *e, size_t from_end);

bool emit_finish(struct expr_emitter *e, struct expr_program *out);
bool emit_fail(struct expr_emitter *e, size_t column, const char *fmt, ...) PRINTF_LIKE(3, 4);
