// SPDX-License-Identifier: Apache-2.0
// conf/expr_eval.c: running compiled expressions (configuration.md 9.4): one loop over the steps, a
// stack of known depth in the scratch arena, no recursion. Errors come back with the column of the
// step that made them.
#include "conf/expr_program.h"

struct expr_stack {
    struct expr_value *at;
    size_t depth, skip; // skip: steps that the last one passes over
};

static struct err stack_make(
        struct expr_machine *m, const struct expr_program *p, struct expr_stack *out);
static bool step_waits(const struct expr_step *step);
static struct err step_wait(struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, struct expr_stack *s) suspends;
static struct err step_run(struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, struct expr_stack *s);
static void load(struct expr_machine *m, const struct expr_program *p, const struct expr_step *step,
        struct expr_value *out);
static void load_variable(struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, struct expr_value *out);
static struct expr_value variable_unset(enum expr_type type);
static void load_config(struct expr_machine *m, struct str key, struct expr_value *out);
static struct err apply_binary(struct expr_machine *m, enum expr_op op, const struct expr_value *l,
        const struct expr_value *r, struct expr_value *out);
static struct err make_array(struct expr_machine *m, const struct expr_value *items, size_t count,
        struct expr_value *out);
static struct err apply_matches(
        struct expr_machine *m, const struct regex *regex, struct expr_value *v);
static struct expr_value header_value(
        const struct expr_value *headers, const struct expr_value *name);
static struct err size_check(const struct expr_value *v);
static void trace(const struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, const struct expr_value *v);

struct expr_machine expr_machine_make(const struct expr_env *env, struct arena *scratch)
{
    return (struct expr_machine){
            .env = env, .arena = scratch, .started_ms = expr_env_now_ms(env, 0)};
}

struct err expr_run(struct expr_machine *m, const struct expr_program *p, struct expr_value *out)
{
    struct expr_stack stack;
    TRY(stack_make(m, p, &stack));
    for (size_t i = 0; i < p->step_count; i += 1 + stack.skip) {
        bool waits = step_waits(&p->steps[i]);
        TRY(waits ? step_wait(m, p, &p->steps[i], &stack) : step_run(m, p, &p->steps[i], &stack));
        assert(stack.depth <= p->depth_max);
    }
    assert(stack.depth == 1);
    *out = stack.at[0];
    return OK;
}

struct err expr_run_constant(
        struct expr_machine *m, const struct expr_program *p, struct expr_value *out)
{
    struct expr_stack stack;
    TRY(stack_make(m, p, &stack));
    for (size_t i = 0; i < p->step_count; i += 1 + stack.skip) {
        assert(!step_waits(&p->steps[i])); // what asks is no constant
        TRY(step_run(m, p, &p->steps[i], &stack));
    }
    assert(stack.depth == 1);
    *out = stack.at[0];
    return OK;
}

static struct err stack_make(
        struct expr_machine *m, const struct expr_program *p, struct expr_stack *out)
{
    *out = (struct expr_stack){.at = arena_array(m->arena, p->depth_max, struct expr_value)};
    return out->at != NULL ? OK : fail(ERR_LIMIT, "out of memory");
}

static bool step_waits(const struct expr_step *step)
{
    return step->op == OP_CALL && expr_function_row(step->arg)->wait != NULL;
}

struct err expr_async_begin(struct expr_machine *m, int64_t *out_timeout_ms)
{
    *out_timeout_ms = 0;
    if (++m->async_count > EXPR_ASYNC_MAX)
        return fail(ERR_LIMIT, "more than 16 asynchronous calls");
    if (m->env->timeout_ms <= 0)
        return OK;
    int64_t spent_ms = expr_env_now_ms(m->env, m->started_ms) - m->started_ms;
    int64_t left_ms = m->env->timeout_ms - spent_ms;
    if (left_ms <= 0)
        return fail(ERR_TIMEOUT, "the time for asynchronous calls is used up");
    *out_timeout_ms = left_ms;
    return OK;
}

// A function that may suspend.
static struct err step_wait(struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, struct expr_stack *s)
{
    struct expr_value *first = s->at + s->depth - step->count, made;
    m->column = step->column;
    s->skip = 0;
    TRY(expr_function_wait(m, step->arg, first, step->count, &made));
    *first = made;
    s->depth = s->depth + 1 - step->count;
    trace(m, p, step, first);
    return size_check(first);
}

// Operands stand at the end of the stack; the result replaces them.
static struct err step_run(struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, struct expr_stack *s)
{
    enum expr_op op = (enum expr_op)step->op;
    struct expr_value *top = s->at + s->depth; // one beyond the newest
    struct expr_value made;
    m->column = step->column;
    s->skip = 0;
    switch (op) {
    case OP_CONSTANT:
    case OP_VARIABLE:
    case OP_CAPTURE:
    case OP_CONFIG:
    case OP_SYSTEM:
    case OP_METRIC:
        load(m, p, step, top);
        s->depth += 1;
        break;
    case OP_NOT:
        top[-1] = expr_bool(!expr_truth(&top[-1]));
        break;
    case OP_TRUTH:
        top[-1] = expr_bool(expr_truth(&top[-1]));
        break;
    case OP_NEGATE:
        TRY(expr_negate(&top[-1], &top[-1]));
        break;
    case OP_AND:
    case OP_OR:
        if (expr_truth(&top[-1]) != (op == OP_OR)) {
            s->depth -= 1;
            return OK;
        }
        top[-1] = expr_bool(op == OP_OR);
        s->skip = step->arg;
        break;
    case OP_MATCHES:
        TRY(apply_matches(m, p->regexes[step->arg], &top[-1]));
        break;
    case OP_ARRAY:
        TRY(make_array(m, top - step->arg, step->arg, top - step->arg));
        s->depth = s->depth + 1 - step->arg;
        break;
    case OP_CALL:
        TRY(expr_function_call(m, step->arg, top - step->count, step->count, &made));
        *(top - step->count) = made;
        s->depth = s->depth + 1 - step->count;
        break;
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
        TRY(apply_binary(m, op, &top[-2], &top[-1], &top[-2]));
        s->depth -= 1;
        break;
    }
    trace(m, p, step, &s->at[s->depth - 1]);
    return op == OP_CALL ? size_check(&s->at[s->depth - 1]) : OK;
}

static void load(struct expr_machine *m, const struct expr_program *p, const struct expr_step *step,
        struct expr_value *out)
{
    double metric;
    *out = expr_text(S(""));
    if (step->op == OP_CONSTANT)
        *out = p->constants[step->arg];
    else if (step->op == OP_VARIABLE)
        load_variable(m, p, step, out);
    else if (step->op == OP_CONFIG)
        load_config(m, p->constants[step->arg].text, out);
    else if (step->op == OP_SYSTEM)
        (void)expr_env_system(m->env, (enum expr_system)step->arg, out);
    else if (step->op == OP_METRIC && expr_env_metric(m->env, step->arg, &metric))
        *out = expr_float(metric);
    else if (step->op == OP_CAPTURE && step->arg < m->captures.count &&
             !str_is_null(m->captures.at[step->arg]))
        *out = expr_text(m->captures.at[step->arg]);
}

// A variable nobody knows (yet) is '', 0 or an empty array, by its type.
static void load_variable(struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, struct expr_value *out)
{
    enum expr_variable id = (enum expr_variable)step->arg;
    struct str rest = p->constants[step->rest].text;
    struct expr_value read = {0};
    bool known = expr_env_variable(m->env, m->arena, id, rest, &read);
    *out = known ? read : variable_unset(expr_variable_type(id));
}

static struct expr_value variable_unset(enum expr_type type)
{
    switch (type) {
    case EXPR_STRING:
        return expr_text(S(""));
    case EXPR_INTEGER:
        return expr_integer(0);
    case EXPR_FLOAT:
        return expr_float(0);
    case EXPR_ARRAY:
        break;
    }
    return expr_array(NULL, 0);
}

static void load_config(struct expr_machine *m, struct str key, struct expr_value *out)
{
    struct str text = expr_env_config(m->env, m->arena, key);
    if (!str_is_null(text))
        *out = expr_text(text);
}

static struct err apply_binary(struct expr_machine *m, enum expr_op op, const struct expr_value *l,
        const struct expr_value *r, struct expr_value *out)
{
    struct expr_value left = *l, right = *r; // *out is one of them
    if (op == OP_ADD)
        return expr_add(m->arena, &left, &right, out);
    if (op == OP_SUBTRACT)
        return expr_subtract(m->arena, &left, &right, out);
    if (op == OP_MULTIPLY)
        return expr_multiply(&left, &right, out);
    if (op == OP_DIVIDE)
        return expr_divide(&left, &right, out);
    if (op == OP_INDEX)
        *out = expr_index(&left, &right);
    else if (op == OP_HEADER)
        *out = header_value(&left, &right);
    else if (op == OP_XOR)
        *out = expr_bool(expr_truth(&left) != expr_truth(&right));
    else if (op == OP_EQUAL)
        *out = expr_bool(expr_equal(&left, &right));
    else if (op == OP_UNEQUAL)
        *out = expr_bool(!expr_equal(&left, &right));
    else if (op == OP_LESS)
        *out = expr_bool(expr_compare(&left, &right) < 0);
    else if (op == OP_GREATER)
        *out = expr_bool(expr_compare(&left, &right) > 0);
    else if (op == OP_LESS_EQUAL)
        *out = expr_bool(expr_compare(&left, &right) <= 0);
    else
        *out = expr_bool(expr_compare(&left, &right) >= 0);
    return OK;
}

static struct err make_array(struct expr_machine *m, const struct expr_value *items, size_t count,
        struct expr_value *out)
{
    struct expr_value *copy = arena_array(m->arena, count, struct expr_value);
    if (copy == NULL)
        return fail(ERR_LIMIT, "out of memory");
    for (size_t i = 0; i < count; i++)
        copy[i] = items[i];
    *out = expr_array(copy, count);
    return OK;
}

// Whatever comes of it, what an earlier match captured is gone (configuration.md 9.4).
static struct err apply_matches(
        struct expr_machine *m, const struct regex *regex, struct expr_value *v)
{
    struct str subject;
    m->captures = (struct regex_groups){0};
    TRY(expr_to_text(m->arena, v, &subject));
    enum regex_outcome found = regex_match(regex, m->arena, subject, &m->captures);
    if (found == REGEX_LIMIT)
        return fail(ERR_LIMIT, "regex limit");
    *v = expr_bool(found == REGEX_MATCH);
    return OK;
}

// headers['Name']: text behind the colon, trimmed, of the first field of that name. A number is an
// ordinary index.
static struct expr_value header_value(
        const struct expr_value *headers, const struct expr_value *name)
{
    if (name->type != EXPR_STRING || headers->type != EXPR_ARRAY)
        return expr_index(headers, name);
    for (size_t i = 0; i < headers->array.count; i++) {
        const struct expr_value *field = &headers->array.at[i];
        struct str before, after;
        if (field->type == EXPR_STRING && str_cut(field->text, ':', &before, &after) &&
                str_eq_nocase(str_trim(before), name->text))
            return expr_text(str_trim(after));
    }
    return expr_text(S(""));
}

// Variables may be longer: a message is what it is. What is computed is bounded; the operators see
// to that themselves.
static struct err size_check(const struct expr_value *v)
{
    if (v->type == EXPR_STRING && v->text.len > EXPR_STRING_BYTES_MAX)
        return fail(ERR_LIMIT, "a text would be longer than 64 KiB");
    if (v->type == EXPR_ARRAY && v->array.count > EXPR_ARRAY_COUNT_MAX)
        return fail(ERR_LIMIT, "an array would have more than 10000 elements");
    return OK;
}

static void trace(const struct expr_machine *m, const struct expr_program *p,
        const struct expr_step *step, const struct expr_value *v)
{
    static const struct str texts[] = {
#define OP(id, text) S_INIT(text),
#include "conf/expr_ops.def"
    };
    struct buf *out = m->env->trace;
    if (out == NULL || step->op == OP_CONSTANT)
        return;
    struct str what = texts[step->op];
    if (step->op == OP_CALL)
        what = expr_function_row(step->arg)->name;
    buf_fmt(out, "column %d: ", step->column);
    if (step->op == OP_VARIABLE)
        buf_fmt(out, "%.*s%.*s",
                ARG(step->arg == EXPR_VAR_EXTRA
                                ? S("")
                                : expr_variable_name((enum expr_variable)step->arg)),
                ARG(p->constants[step->rest].text));
    else if (step->op == OP_CAPTURE)
        buf_fmt(out, "$%u", step->arg);
    else
        buf_add(out, what);
    buf_add(out, S(" = "));
    expr_value_show(out, v, EXPR_TRACE_BYTES_MAX);
    buf_add_byte(out, '\n');
}
