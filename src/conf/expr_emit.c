// SPDX-License-Identifier: Apache-2.0
// conf/expr_emit.c: steps and constant folding (configuration.md 9.2, 9.4). Operands are runs of
// neighbouring steps, so that folding cuts off the end of the program and short-circuit jumps
// count steps relative to their own place.
#include "conf/expr_emit.h"

#define SCRATCH_BYTES_MAX (256 * KIB) // 256 tokens make at most 512 steps

static bool step_add(struct expr_emitter *e, struct expr_step step, size_t column);
static bool constant_add(struct expr_emitter *e, struct expr_value value, uint32_t *out);
static bool operand_add(struct expr_emitter *e, struct expr_operand operand);
static bool operands_combine(struct expr_emitter *e, size_t count, bool foldable, size_t column);
static bool fold(struct expr_emitter *e, size_t column);
static bool no_memory(struct expr_emitter *e);
static size_t depth_of(const struct expr_step *steps, size_t count);
static size_t pops_of(const struct expr_step *step);

void emit_init(struct expr_emitter *e, struct arena *a, struct expr_problem *problem)
{
    *e = (struct expr_emitter){.arena = a, .problem = problem};
    arena_init(&e->scratch, SCRATCH_BYTES_MAX);
}

void emit_done(struct expr_emitter *e)
{
    arena_done(&e->scratch);
}

bool emit_constant(struct expr_emitter *e, struct expr_value value, size_t column)
{
    struct expr_step step = {.op = OP_CONSTANT};
    struct expr_operand operand = {.start = e->steps.count, .constant = true};
    return constant_add(e, value, &step.arg) && step_add(e, step, column) &&
           operand_add(e, operand);
}

bool emit_variable(struct expr_emitter *e, enum expr_variable id, struct str rest, size_t column)
{
    struct expr_step step = {.op = OP_VARIABLE, .arg = id};
    struct expr_operand operand = {.start = e->steps.count, .is_headers = id == EXPR_VAR_HEADERS};
    struct str copy = arena_str(e->arena, rest);
    if (str_is_null(copy))
        return no_memory(e);
    return constant_add(e, expr_text(copy), &step.rest) && step_add(e, step, column) &&
           operand_add(e, operand);
}

bool emit_capture(struct expr_emitter *e, uint32_t place, size_t column)
{
    return emit_named(e, OP_CAPTURE, place, column);
}

bool emit_named(struct expr_emitter *e, enum expr_op op, uint32_t arg, size_t column)
{
    struct expr_operand operand = {.start = e->steps.count};
    return step_add(e, (struct expr_step){.op = (uint8_t)op, .arg = arg}, column) &&
           operand_add(e, operand);
}

bool emit_config(struct expr_emitter *e, struct str key, size_t column)
{
    uint32_t place;
    return constant_add(e, expr_text(key), &place) && emit_named(e, OP_CONFIG, place, column);
}

bool emit_array(struct expr_emitter *e, size_t count, size_t column)
{
    struct expr_step step = {.op = OP_ARRAY, .arg = (uint32_t)count};
    if (count > EXPR_LITERAL_COUNT_MAX)
        return emit_fail(e, column, "an array of more than %d elements", EXPR_LITERAL_COUNT_MAX);
    return step_add(e, step, column) && operands_combine(e, count, true, column);
}

bool emit_index(struct expr_emitter *e, size_t column)
{
    bool headers = e->operands.at[e->operands.count - 2].is_headers;
    struct expr_step step = {.op = headers ? OP_HEADER : OP_INDEX};
    return step_add(e, step, column) && operands_combine(e, 2, true, column);
}

bool emit_unary(struct expr_emitter *e, enum expr_op op, size_t column)
{
    return step_add(e, (struct expr_step){.op = (uint8_t)op}, column) &&
           operands_combine(e, 1, true, column);
}

bool emit_binary(struct expr_emitter *e, enum expr_op op, size_t column)
{
    return step_add(e, (struct expr_step){.op = (uint8_t)op}, column) &&
           operands_combine(e, 2, true, column);
}

bool emit_call(struct expr_emitter *e, size_t function, size_t count, size_t column)
{
    struct expr_step step = {.op = OP_CALL, .count = (uint8_t)count, .arg = (uint32_t)function};
    bool pure = expr_function_row(function)->kind == FUNCTION_PURE;
    return step_add(e, step, column) && operands_combine(e, count, pure, column);
}

// Never folded, even over constants: what it captures is an effect.
bool emit_matches(struct expr_emitter *e, const struct regex *regex, size_t column)
{
    const struct regex **place = vec_add(&e->scratch, &e->regexes);
    if (place == NULL)
        return no_memory(e);
    *place = regex;
    struct expr_step step = {.op = OP_MATCHES, .arg = (uint32_t)e->regexes.count - 1};
    return step_add(e, step, column) && operands_combine(e, 1, false, column);
}

bool emit_jump(struct expr_emitter *e, enum expr_op op, size_t column, size_t *out_jump)
{
    *out_jump = e->steps.count;
    return step_add(e, (struct expr_step){.op = (uint8_t)op}, column);
}

// A left operand that is constant decides here and now: either the whole is its truth, and the
// right operand goes, or the whole is the truth of the right one, and the left goes.
bool emit_logic(struct expr_emitter *e, size_t jump, size_t column)
{
    struct expr_operand right = e->operands.at[--e->operands.count];
    struct expr_operand left = e->operands.at[--e->operands.count];
    bool is_or = e->steps.at[jump].op == OP_OR;
    if (!left.constant) {
        if (!step_add(e, (struct expr_step){.op = OP_TRUTH}, column))
            return false;
        e->steps.at[jump].arg = (uint32_t)(e->steps.count - jump - 1);
        return operand_add(e, (struct expr_operand){.start = left.start});
    }
    bool truth = expr_truth(&e->constants.at[e->steps.at[left.start].arg]);
    if (truth == is_or) {
        e->steps.count = left.start;
        return emit_constant(e, expr_bool(truth), column);
    }
    size_t count = e->steps.count - right.start;
    memmove(e->steps.at + left.start, e->steps.at + right.start, count * sizeof(*e->steps.at));
    e->steps.count = left.start + count;
    right.start = left.start;
    return operand_add(e, right) && emit_unary(e, OP_TRUTH, column);
}

const struct expr_value *emit_constant_argument(const struct expr_emitter *e, size_t from_end)
{
    const struct expr_operand *o = &e->operands.at[e->operands.count - from_end];
    return o->constant ? &e->constants.at[e->steps.at[o->start].arg] : NULL;
}

bool emit_finish(struct expr_emitter *e, struct expr_program *out)
{
    struct expr_step *steps = arena_array(e->arena, e->steps.count, struct expr_step);
    struct expr_value *constants = arena_array(e->arena, e->constants.count, struct expr_value);
    const struct regex **regexes = arena_array(e->arena, e->regexes.count, const struct regex *);
    if (steps == NULL || constants == NULL || regexes == NULL)
        return no_memory(e);
    memcpy(steps, e->steps.at, e->steps.count * sizeof(*steps));
    for (size_t i = 0; i < e->constants.count; i++)
        constants[i] = e->constants.at[i];
    for (size_t i = 0; i < e->regexes.count; i++)
        regexes[i] = e->regexes.at[i];
    *out = (struct expr_program){.steps = steps,
            .step_count = e->steps.count,
            .constants = constants,
            .regexes = regexes,
            .depth_max = depth_of(steps, e->steps.count)};
    return true;
}

bool emit_fail(struct expr_emitter *e, size_t column, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    e->problem->column = column;
    e->problem->message = arena_vfmt(e->arena, fmt, args);
    va_end(args);
    if (str_is_null(e->problem->message))
        e->problem->message = S("out of memory");
    return false;
}

const struct expr_value *expr_program_constant(const struct expr_program *p)
{
    if (p->step_count != 1 || p->steps[0].op != OP_CONSTANT)
        return NULL;
    return &p->constants[p->steps[0].arg];
}

static bool step_add(struct expr_emitter *e, struct expr_step step, size_t column)
{
    struct expr_step *s = vec_add(&e->scratch, &e->steps);
    if (s == NULL)
        return no_memory(e);
    *s = step;
    s->column = (uint16_t)column; // at most EXPR_TEXT_BYTES_MAX
    return true;
}

static bool constant_add(struct expr_emitter *e, struct expr_value value, uint32_t *out)
{
    struct expr_value *v = vec_add(&e->scratch, &e->constants);
    if (v == NULL)
        return no_memory(e);
    *v = value;
    *out = (uint32_t)e->constants.count - 1;
    return true;
}

static bool operand_add(struct expr_emitter *e, struct expr_operand operand)
{
    struct expr_operand *o = vec_add(&e->scratch, &e->operands);
    if (o == NULL)
        return no_memory(e);
    *o = operand;
    return true;
}

// The newest operands, and the step just written behind them, become one operand.
static bool operands_combine(struct expr_emitter *e, size_t count, bool foldable, size_t column)
{
    assert(e->operands.count >= count);
    struct expr_operand whole = {.start = e->steps.count - 1};
    bool constant = foldable;
    for (size_t i = 0; i < count; i++) {
        whole = e->operands.at[--e->operands.count];
        constant = constant && whole.constant;
    }
    whole.constant = whole.is_headers = false;
    if (!operand_add(e, whole))
        return false;
    return constant ? fold(e, column) : true;
}

static bool fold(struct expr_emitter *e, size_t column)
{
    size_t start = e->operands.at[--e->operands.count].start;
    struct expr_program p = {.steps = e->steps.at + start,
            .step_count = e->steps.count - start,
            .constants = e->constants.at,
            .regexes = e->regexes.at};
    p.depth_max = depth_of(p.steps, p.step_count);
    struct expr_env nothing = {0};
    struct expr_machine machine = expr_machine_make(&nothing, e->arena);
    struct expr_value value;
    struct err bad = expr_run_constant(&machine, &p, &value);
    if (failed(bad))
        return emit_fail(e, column, "%.*s", ARG(err_text(bad)));
    e->steps.count = start;
    return emit_constant(e, value, column);
}

static bool no_memory(struct expr_emitter *e)
{
    e->problem->message = S("out of memory");
    return false;
}

// Steps in a row: behind a jump the stack is as high as at its target, since the right operand
// and the truth of the left one take the same place.
static size_t depth_of(const struct expr_step *steps, size_t count)
{
    size_t depth = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        assert(depth >= pops_of(&steps[i]));
        depth -= pops_of(&steps[i]);
        if (steps[i].op != OP_AND && steps[i].op != OP_OR)
            depth++;
        if (depth > most)
            most = depth;
    }
    assert(depth == 1);
    return most;
}

static size_t pops_of(const struct expr_step *step)
{
    switch ((enum expr_op)step->op) {
    case OP_CONSTANT:
    case OP_VARIABLE:
    case OP_CAPTURE:
    case OP_CONFIG:
    case OP_SYSTEM:
    case OP_METRIC:
        return 0;
    case OP_NOT:
    case OP_NEGATE:
    case OP_TRUTH:
    case OP_MATCHES:
    case OP_AND:
    case OP_OR:
        return 1;
    case OP_INDEX:
    case OP_HEADER:
    case OP_MULTIPLY:
    case OP_DIVIDE:
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_LESS:
    case OP_GREATER:
    case OP_LESS_EQUAL:
    case OP_GREATER_EQUAL:
    case OP_EQUAL:
    case OP_UNEQUAL:
    case OP_XOR:
        return 2;
    case OP_ARRAY:
        return step->arg;
    case OP_CALL:
        return step->count;
    }
    return 0;
}
