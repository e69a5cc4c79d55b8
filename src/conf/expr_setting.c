// SPDX-License-Identifier: Apache-2.0
// conf/expr_setting.c: compiling the branches of a setting and evaluating it (configuration.md 9.4,
// 9.5): conditions in order, the first true one gives the value, captures live on from conditions
// to the value. What is constant was converted at load and is only handed out.
#include "conf/expr_setting.h"

#include "conf/lookup.h"

static bool program_uses(const struct expr_program *p, enum expr_variable id);
static bool value_says(const struct expr_value *v, struct str word);
static bool branch_settle(struct expr_builder *b, struct expr_branch *branch);
static bool is_none(const struct expr_value *v);
static bool settle(struct arena *a, const struct expr_value *v, const struct expr_target *target,
        struct expr_result *out, struct str *out_cause);
static struct expr_result rules_run(const struct expr_setting *s, struct expr_machine *m) suspends;
static bool condition_run(struct expr_machine *m, const struct expr_branch *branch, bool *out_truth,
        struct expr_result *out_failed) suspends;
static struct expr_result value_run(const struct expr_setting *s, struct expr_machine *m,
        const struct expr_branch *branch) suspends;
static struct expr_result failed_result(
        const struct expr_branch *branch, size_t column, struct str cause);
static void trace_outcome(
        const struct expr_machine *m, const struct expr_branch *branch, const struct expr_value *v);

const struct expr_setting *expr_from_text(struct arena *a, struct str text,
        const struct expr_spec *spec, const struct expr_world *world,
        struct expr_problem *out_problem)
{
    *out_problem = (struct expr_problem){.message = S("out of memory")};
    struct expr_builder b = {.arena = a, .setting = expr_setting_make(a, spec), .world = world};
    if (b.setting == NULL)
        return NULL;
    struct expr_rule *rule = vec_add(a, &b.setting->rules);
    if (rule == NULL)
        return NULL;
    rule->is_else = true;
    if (expr_branch_text(&b, S(""), text, EXPR_RESULT, &rule->value))
        return b.setting;
    *out_problem = b.problem;
    return NULL;
}

struct expr_setting *expr_setting_make(struct arena *a, const struct expr_spec *spec)
{
    struct expr_setting *s = arena_make(a, struct expr_setting);
    if (s == NULL)
        return NULL;
    s->spec = *spec;
    s->spec.key = arena_str(a, spec->key);
    return s;
}

const struct expr_problem *expr_setting_warning(const struct expr_setting *s, size_t place)
{
    return place < s->warnings.all.count ? &s->warnings.all.at[place] : NULL;
}

bool expr_branch_text(struct expr_builder *b, struct str entry, struct str text,
        enum expr_role role, struct expr_branch *out)
{
    const struct expr_spec *spec = &b->setting->spec;
    bool result = role == EXPR_RESULT;
    struct str copy = arena_str(b->arena, text);
    struct expr_source source = {.text = copy,
            .words = result ? spec->target.words : NULL,
            .off_words = result && spec->target.optional,
            .spec = spec,
            .world = b->world};
    out->entry = entry;
    if (!expr_compile(b->arena, &source, &out->program, &b->setting->warnings, &b->problem))
        return false;
    return result ? branch_settle(b, out) : true;
}

bool expr_branch_value(
        struct expr_builder *b, struct str entry, struct expr_value value, struct expr_branch *out)
{
    struct expr_step *step = arena_make(b->arena, struct expr_step);
    struct expr_value *constant = arena_make(b->arena, struct expr_value);
    if (step == NULL || constant == NULL) {
        b->problem = (struct expr_problem){.message = S("out of memory")};
        return false;
    }
    step->op = OP_CONSTANT;
    *constant = value;
    out->entry = entry;
    out->program = (struct expr_program){
            .steps = step, .step_count = 1, .constants = constant, .depth_max = 1};
    return branch_settle(b, out);
}

struct expr_result expr_eval(
        const struct expr_setting *s, const struct expr_env *env, struct arena *scratch)
{
    struct expr_machine machine = expr_machine_make(env, scratch);
    struct expr_result result = rules_run(s, &machine);
    result.missing_store = machine.missing_store;
    return result;
}

const struct expr_result *expr_constant(const struct expr_setting *s)
{
    const struct expr_rule *first = &s->rules.at[0];
    return first->is_else && first->value.is_ready ? &first->value.ready : NULL;
}

size_t expr_value_count(const struct expr_setting *s)
{
    return s->rules.count;
}

const struct expr_result *expr_literal(
        const struct expr_setting *s, size_t place, struct str *out_entry)
{
    assert(place < s->rules.count);
    const struct expr_branch *value = &s->rules.at[place].value;
    *out_entry = value->entry;
    return value->is_ready ? &value->ready : NULL;
}

bool expr_uses(const struct expr_setting *s, enum expr_variable id)
{
    for (size_t i = 0; i < s->rules.count; i++) {
        const struct expr_rule *rule = &s->rules.at[i];
        if ((!rule->is_else && program_uses(&rule->condition.program, id)) ||
                program_uses(&rule->value.program, id))
            return true;
    }
    return false;
}

static bool program_uses(const struct expr_program *p, enum expr_variable id)
{
    for (size_t i = 0; i < p->step_count; i++)
        if (p->steps[i].op == OP_VARIABLE && p->steps[i].arg == (uint32_t)id)
            return true;
    return false;
}

bool expr_says(const struct expr_setting *s, struct str word)
{
    for (size_t i = 0; i < s->rules.count; i++) {
        const struct expr_program *p = &s->rules.at[i].value.program;
        for (size_t k = 0; k < p->step_count; k++)
            if (p->steps[k].op == OP_CONSTANT && value_says(&p->constants[p->steps[k].arg], word))
                return true;
    }
    return false;
}

static bool value_says(const struct expr_value *v, struct str word)
{
    if (v->type == EXPR_STRING)
        return str_eq(v->text, word);
    for (size_t i = 0; v->type == EXPR_ARRAY && i < v->array.count; i++)
        if (v->array.at[i].type == EXPR_STRING && str_eq(v->array.at[i].text, word))
            return true;
    return false;
}

// configuration.md 9.2, end: what a constant gives is known now, and so is whether it fits.
static bool branch_settle(struct expr_builder *b, struct expr_branch *branch)
{
    const struct expr_value *constant = expr_program_constant(&branch->program);
    struct str cause;
    if (constant == NULL)
        return true;
    branch->is_ready = true;
    if (settle(b->arena, constant, &b->setting->spec.target, &branch->ready, &cause))
        return true;
    b->problem = (struct expr_problem){.message = cause};
    return false;
}

static bool settle(struct arena *a, const struct expr_value *v, const struct expr_target *target,
        struct expr_result *out, struct str *out_cause)
{
    *out = (struct expr_result){.outcome = EXPR_VALUE, .value = *v};
    bool may_be_none = target->optional && is_none(v);
    // A truth is never absent, and an enum may have a word for "off", which is a value.
    bool converts = target->kind == EXPR_TO_BOOL || target->kind == EXPR_TO_ANY ||
                    target->kind == EXPR_TO_ENUM || !may_be_none;
    if (converts && expr_convert(a, v, target, out, may_be_none ? NULL : out_cause))
        return true;
    out->outcome = EXPR_NONE;
    return may_be_none;
}

static bool is_none(const struct expr_value *v)
{
    return !expr_truth(v); // false, 0, '' and []
}

static struct expr_result rules_run(const struct expr_setting *s, struct expr_machine *m)
{
    struct expr_result bad;
    for (size_t i = 0; i < s->rules.count; i++) {
        const struct expr_rule *rule = &s->rules.at[i];
        bool truth = true;
        if (!rule->is_else && !condition_run(m, &rule->condition, &truth, &bad))
            return bad;
        if (truth)
            return value_run(s, m, &rule->value);
    }
    assert(false); // the last rule is 'else'
    return (struct expr_result){.outcome = EXPR_NONE};
}

static bool condition_run(struct expr_machine *m, const struct expr_branch *branch, bool *out_truth,
        struct expr_result *out_failed)
{
    struct expr_value v;
    struct err bad = expr_run(m, &branch->program, &v);
    if (failed(bad)) {
        *out_failed = failed_result(branch, m->column, err_text(bad));
        return false;
    }
    trace_outcome(m, branch, &v);
    *out_truth = expr_truth(&v);
    return true;
}

static struct expr_result value_run(
        const struct expr_setting *s, struct expr_machine *m, const struct expr_branch *branch)
{
    struct expr_result result;
    struct expr_value v;
    struct str cause;
    if (branch->is_ready) {
        trace_outcome(m, branch, &branch->ready.value);
        return branch->ready;
    }
    struct err bad = expr_run(m, &branch->program, &v);
    if (failed(bad))
        return failed_result(branch, m->column, err_text(bad));
    trace_outcome(m, branch, &v);
    if (settle(m->arena, &v, &s->spec.target, &result, &cause))
        return result;
    return failed_result(branch, 0, cause);
}

static struct expr_result failed_result(
        const struct expr_branch *branch, size_t column, struct str cause)
{
    return (struct expr_result){.outcome = EXPR_FAILED,
            .fault = {.entry = branch->entry, .column = column, .cause = cause}};
}

static void trace_outcome(
        const struct expr_machine *m, const struct expr_branch *branch, const struct expr_value *v)
{
    if (m->env->trace == NULL || branch->entry.len == 0)
        return;
    buf_fmt(m->env->trace, "%.*s = ", ARG(branch->entry));
    expr_value_show(m->env->trace, v, EXPR_TRACE_BYTES_MAX);
    buf_add_byte(m->env->trace, '\n');
}
