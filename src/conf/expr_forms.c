// SPDX-License-Identifier: Apache-2.0
// conf/expr_forms.c: the forms of an expression setting in TOML (configuration.md 9.1): a scalar, a
// list of { if, then } tables with an { else } at the end, a list of scalars. What is wrong with
// the form is told with its line; what is wrong with an expression also with its column.
#include "conf/expr_setting.h"

#include "base/unicode.h"
#include "conf/toml.h"

#define NUMBER_BYTES_MAX 400
#define REWRITE_BYTES_MAX (1 * KIB)

struct forms {
    struct expr_builder build;
    struct findings *findings;
    size_t conditions;
    size_t warnings_told;
    bool seen_else, good;
};

static bool from_scalar(struct forms *f, const struct toml *node, const struct expr_setting **out);
static bool from_list(struct forms *f, const struct toml *node);
static bool from_scalars(struct forms *f, const struct toml *node);
static bool from_tables(struct forms *f, const struct toml *node);
static void entry_read(struct forms *f, const struct toml *entry, bool more);
static void entry_if(struct forms *f, const struct toml *entry);
static void entry_else(struct forms *f, const struct toml *entry, bool more);
static bool members_check(struct forms *f, const struct toml *entry);
static bool is_old_member(struct str name);
static struct str old_rewritten(
        struct forms *f, const struct toml *entry, const struct toml *member);
static void old_value_add(struct buf *out, const struct toml *v);
static struct expr_rule *rule_add(struct forms *f, const struct toml *entry);
static bool branch_read(struct forms *f, const struct toml *node, struct str entry,
        enum expr_role role, struct expr_branch *out);
static bool is_scalar(const struct toml *node);
static struct str scalar_text(struct arena *a, const struct toml *node);
static bool scalars_value(struct forms *f, const struct toml *node, struct expr_value *out);
static void settle_constant_rules(struct expr_setting *s);
static void warnings_tell(struct forms *f, const struct toml *node, struct str entry);
static void complain(struct forms *f, const struct toml *node, struct str code, const char *fmt,
        ...) PRINTF_LIKE(4, 5);
static void complain_problem(struct forms *f, const struct toml *node, struct str entry,
        enum finding_severity severity, const struct expr_problem *problem);
static uint32_t column_of(const struct toml *node, size_t column);

bool expr_from_toml(struct arena *a, const struct toml *node, const struct expr_spec *spec,
        const struct expr_world *world, struct findings *findings, const struct expr_setting **out)
{
    struct forms f = {.build = {.arena = a, .setting = expr_setting_make(a, spec), .world = world},
            .findings = findings,
            .good = true};
    *out = NULL;
    if (f.build.setting == NULL) {
        complain(&f, node, S("limit"), "out of memory");
        return false;
    }
    if (is_scalar(node))
        return from_scalar(&f, node, out);
    if (node->type != TOML_ARRAY) {
        complain(&f, node, S("bad-expression"),
                "an expression, or a list of { if, then } and { else } tables, is expected here");
        return false;
    }
    if (node->count == 0)
        return true;
    if (!from_list(&f, node) || !f.good)
        return false;
    settle_constant_rules(f.build.setting);
    *out = f.build.setting;
    return true;
}

static bool from_scalar(struct forms *f, const struct toml *node, const struct expr_setting **out)
{
    if (node->type == TOML_STRING && node->text.len == 0)
        return true;
    struct expr_rule *rule = rule_add(f, node);
    if (rule == NULL)
        return false;
    rule->is_else = true;
    if (!branch_read(f, node, S(""), EXPR_RESULT, &rule->value))
        return false;
    *out = f->build.setting;
    return true;
}

static bool from_list(struct forms *f, const struct toml *node)
{
    size_t tables = 0;
    for (const struct toml *n = node->first; n != NULL; n = n->next)
        tables += n->type == TOML_TABLE ? 1 : 0;
    if (tables == node->count)
        return from_tables(f, node);
    if (tables == 0)
        return from_scalars(f, node);
    complain(f, node, S("bad-if-block"), "a list of tables and scalars together");
    return false;
}

static bool from_scalars(struct forms *f, const struct toml *node)
{
    struct expr_rule *rule = rule_add(f, node);
    if (rule == NULL)
        return false;
    rule->is_else = true;
    return branch_read(f, node, S(""), EXPR_RESULT, &rule->value);
}

static bool from_tables(struct forms *f, const struct toml *node)
{
    for (const struct toml *n = node->first; n != NULL; n = n->next)
        entry_read(f, n, n->next != NULL);
    if (!f->seen_else && f->good)
        complain(f, node, S("bad-if-block"), "Missing 'else'");
    return f->good;
}

static void entry_read(struct forms *f, const struct toml *entry, bool more)
{
    bool has_if = toml_member(entry, S("if")) != NULL;
    bool has_then = toml_member(entry, S("then")) != NULL;
    bool has_else = toml_member(entry, S("else")) != NULL;
    if (!members_check(f, entry))
        return;
    if (has_else && has_then)
        complain(f, entry, S("bad-if-block"), "'then' in the 'else' block");
    else if (has_else && has_if)
        complain(f, entry, S("bad-if-block"), "'if' in the 'else' block");
    else if (has_else)
        entry_else(f, entry, more);
    else if (f->seen_else)
        complain(f, entry, S("bad-if-block"), "entry after 'else'");
    else if (has_if)
        entry_if(f, entry);
    else if (has_then)
        complain(f, entry, S("bad-if-block"), "'then' without 'if'");
    else
        complain(f, entry, S("bad-if-block"), "an entry needs 'if' and 'then', or 'else'");
}

static void entry_if(struct forms *f, const struct toml *entry)
{
    size_t number = ++f->conditions;
    const struct toml *condition = toml_member(entry, S("if"));
    const struct toml *value = toml_member(entry, S("then"));
    if (value == NULL) {
        complain(f, entry, S("bad-if-block"), "Missing 'then' in condition %zu", number);
        return;
    }
    if (number > EXPR_CONDITIONS_MAX) {
        if (number == EXPR_CONDITIONS_MAX + 1)
            complain(f, entry, S("bad-if-block"), "more than %d conditions", EXPR_CONDITIONS_MAX);
        return;
    }
    struct str if_name = arena_fmt(f->build.arena, "condition %zu, 'if'", number);
    struct str then_name = arena_fmt(f->build.arena, "condition %zu, 'then'", number);
    struct expr_rule *rule = rule_add(f, entry);
    if (rule == NULL)
        return;
    if (condition->type == TOML_ARRAY)
        complain(f, condition, S("bad-if-block"), "%.*s: a list is no condition", ARG(if_name));
    else
        branch_read(f, condition, if_name, EXPR_CONDITION, &rule->condition);
    branch_read(f, value, then_name, EXPR_RESULT, &rule->value);
}

static void entry_else(struct forms *f, const struct toml *entry, bool more)
{
    if (f->seen_else) {
        complain(f, entry, S("bad-if-block"), "Multiple 'else'");
        return;
    }
    f->seen_else = true;
    if (f->conditions == 0 && more) {
        complain(f, entry, S("bad-if-block"), "'else' before 'if'");
        return;
    }
    struct expr_rule *rule = rule_add(f, entry);
    if (rule == NULL)
        return;
    rule->is_else = true;
    branch_read(f, toml_member(entry, S("else")), S("'else'"), EXPR_RESULT, &rule->value);
}

// Members of the form that came before expressions are told in the new form.
static bool members_check(struct forms *f, const struct toml *entry)
{
    for (const struct toml *n = entry->first; n != NULL; n = n->next) {
        if (str_eq(n->key, S("if")) || str_eq(n->key, S("then")) || str_eq(n->key, S("else")))
            continue;
        if (is_old_member(n->key)) {
            struct str rewritten = old_rewritten(f, entry, n);
            complain(f, n, S("bad-if-block"), "'%.*s' is no longer a member; write: if = \"%.*s\"",
                    ARG(n->key), ARG(rewritten));
        } else {
            complain(f, n, S("bad-if-block"),
                    "unknown member '%.*s' (an entry has 'if' and 'then', or 'else')", ARG(n->key));
        }
        return false;
    }
    return true;
}

static bool is_old_member(struct str name)
{
    static const struct str names[] = {S_INIT("eq"), S_INIT("ne"), S_INIT("in"), S_INIT("not-in"),
            S_INIT("starts-with"), S_INIT("ends-with"), S_INIT("matches")};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(name, names[i]))
            return true;
    return false;
}

// { if = "listener", eq = "smtp" } becomes listener == 'smtp'
static struct str old_rewritten(
        struct forms *f, const struct toml *entry, const struct toml *member)
{
    struct str of = S("VARIABLE"), key = member->key;
    const struct toml *tested = toml_member(entry, S("if"));
    if (tested != NULL && tested->type == TOML_STRING)
        of = tested->text;
    struct buf b AUTO(buf_done), name AUTO(buf_done), value AUTO(buf_done);
    buf_init(&b, REWRITE_BYTES_MAX);
    buf_init(&name, REWRITE_BYTES_MAX);
    buf_init(&value, REWRITE_BYTES_MAX);
    for (size_t i = 0; i < of.len; i++)
        buf_add_byte(&name, of.ptr[i] == '-' ? '_' : of.ptr[i]);
    old_value_add(&value, member);
    if (str_eq(key, S("eq")) || str_eq(key, S("ne")))
        buf_fmt(&b, "%.*s %s %.*s", ARG(buf_str(&name)),
                str_eq(key, S("eq")) ? "==" : "!=", ARG(buf_str(&value)));
    else if (str_eq(key, S("in")) || str_eq(key, S("not-in")))
        buf_fmt(&b, "%scontains(%.*s, %.*s)", str_eq(key, S("in")) ? "" : "!", ARG(buf_str(&value)),
                ARG(buf_str(&name)));
    else if (str_eq(key, S("matches")))
        buf_fmt(&b, "matches(%.*s, %.*s)", ARG(buf_str(&value)), ARG(buf_str(&name)));
    else
        buf_fmt(&b, "%s(%.*s, %.*s)", str_eq(key, S("starts-with")) ? "starts_with" : "ends_with",
                ARG(buf_str(&name)), ARG(buf_str(&value)));
    struct str made = arena_str(f->build.arena, buf_str(&b));
    return str_is_null(made) ? S("...") : made;
}

static void old_value_add(struct buf *out, const struct toml *v)
{
    if (v->type == TOML_ARRAY) {
        buf_add_byte(out, '[');
        for (const struct toml *n = v->first; n != NULL; n = n->next) {
            if (n->type == TOML_STRING)
                buf_fmt(out, "'%.*s'", ARG(n->text));
            else
                buf_add(out, n->text);
            if (n->next != NULL)
                buf_add(out, S(", "));
        }
        buf_add_byte(out, ']');
        return;
    }
    if (v->type == TOML_STRING)
        buf_fmt(out, "'%.*s'", ARG(v->text));
    else if (v->type == TOML_BOOL)
        buf_add(out, v->boolean ? S("true") : S("false"));
    else
        buf_add(out, v->text);
}

static struct expr_rule *rule_add(struct forms *f, const struct toml *entry)
{
    struct expr_rule *rule = vec_add(f->build.arena, &f->build.setting->rules);
    if (rule == NULL)
        complain(f, entry, S("limit"), "out of memory");
    return rule;
}

static bool branch_read(struct forms *f, const struct toml *node, struct str entry,
        enum expr_role role, struct expr_branch *out)
{
    struct expr_value list;
    bool good = false;
    f->build.problem = (struct expr_problem){0};
    if (node->type == TOML_ARRAY) {
        if (!scalars_value(f, node, &list))
            return false;
        good = expr_branch_value(&f->build, entry, list, out);
    } else if (is_scalar(node)) {
        struct str text = scalar_text(f->build.arena, node);
        good = expr_branch_text(&f->build, entry, text, role, out);
    } else {
        f->build.problem.message = S("an expression is expected here");
    }
    if (!good)
        complain_problem(f, node, entry, FINDING_ERROR, &f->build.problem);
    warnings_tell(f, node, entry);
    return good;
}

static bool is_scalar(const struct toml *node)
{
    return node->type == TOML_STRING || node->type == TOML_INTEGER || node->type == TOML_FLOAT ||
           node->type == TOML_BOOL;
}

// configuration.md 3.1: integers in decimal, floats in their shortest form.
static struct str scalar_text(struct arena *a, const struct toml *node)
{
    if (node->type == TOML_BOOL)
        return node->boolean ? S("true") : S("false");
    if (node->type == TOML_STRING)
        return node->text;
    struct buf b AUTO(buf_done);
    buf_init(&b, NUMBER_BYTES_MAX);
    if (node->type == TOML_INTEGER)
        buf_add_i64(&b, node->integer);
    else
        buf_add_double(&b, node->real);
    return arena_str(a, buf_str(&b));
}

static bool scalars_value(struct forms *f, const struct toml *node, struct expr_value *out)
{
    struct expr_value *items = arena_array(f->build.arena, node->count, struct expr_value);
    if (node->count > EXPR_LITERAL_COUNT_MAX || items == NULL) {
        complain(f, node, S("bad-expression"), "a list of more than %d elements",
                EXPR_LITERAL_COUNT_MAX);
        return false;
    }
    size_t i = 0;
    for (const struct toml *n = node->first; n != NULL; n = n->next, i++) {
        if (!is_scalar(n)) {
            complain(f, n, S("bad-expression"), "a list may hold texts, numbers and booleans only");
            return false;
        }
        items[i] = expr_text(arena_str(f->build.arena, n->text));
        if (n->type == TOML_INTEGER)
            items[i] = expr_integer(n->integer);
        else if (n->type == TOML_FLOAT)
            items[i] = expr_float(n->real);
        else if (n->type == TOML_BOOL)
            items[i] = expr_bool(n->boolean);
    }
    *out = expr_array(items, node->count);
    return true;
}

// Rules whose condition can never hold go; one that always holds is the last.
static void settle_constant_rules(struct expr_setting *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->rules.count; i++) {
        struct expr_rule *rule = &s->rules.at[i];
        const struct expr_value *constant =
                rule->is_else ? NULL : expr_program_constant(&rule->condition.program);
        if (constant != NULL && !expr_truth(constant))
            continue;
        rule->is_else = rule->is_else || constant != NULL;
        s->rules.at[count++] = *rule;
        if (rule->is_else)
            break;
    }
    s->rules.count = count;
}

static void warnings_tell(struct forms *f, const struct toml *node, struct str entry)
{
    const struct expr_setting *s = f->build.setting;
    for (; expr_setting_warning(s, f->warnings_told) != NULL; f->warnings_told++)
        complain_problem(
                f, node, entry, FINDING_WARNING, expr_setting_warning(s, f->warnings_told));
}

static void complain(
        struct forms *f, const struct toml *node, struct str code, const char *fmt, ...)
{
    struct finding at = {.severity = FINDING_ERROR,
            .class = FINDING_PARSE,
            .code = code,
            .file = node->file,
            .line = node->line,
            .column = node->column,
            .key = f->build.setting == NULL ? STR_NULL : f->build.setting->spec.key,
            .source = node->source};
    va_list args;
    va_start(args, fmt);
    at.message = arena_vfmt(f->findings->arena, fmt, args);
    va_end(args);
    f->good = false;
    finding_add(f->findings, at);
}

static void complain_problem(struct forms *f, const struct toml *node, struct str entry,
        enum finding_severity severity, const struct expr_problem *problem)
{
    struct finding at = {.severity = severity,
            .class = FINDING_PARSE,
            .code = severity == FINDING_ERROR ? S("bad-expression") : S("doubtful-expression"),
            .file = node->file,
            .line = node->line,
            .column = column_of(node, problem->column),
            .key = f->build.setting->spec.key,
            .value = node->type == TOML_ARRAY ? STR_NULL : node->text,
            .source = node->source};
    const char *comma = entry.len > 0 ? ", " : "";
    if (severity == FINDING_ERROR)
        f->good = false;
    if (problem->column > 0)
        finding_add_fmt(f->findings, at, "%.*s%scolumn %zu: %.*s", ARG(entry), comma,
                problem->column, ARG(problem->message));
    else
        finding_add_fmt(f->findings, at, "%.*s%s%.*s", ARG(entry), entry.len > 0 ? ": " : "",
                ARG(problem->message));
}

// Where the text of a string stands in its line as it was read (no escapes, no macros), the caret
// goes to the very character.
static uint32_t column_of(const struct toml *node, size_t column)
{
    struct str rest = node->source;
    uint32_t code;
    for (uint32_t i = 1; i < node->column && unicode_next(&rest, &code); i++)
        continue;
    bool quoted = str_starts(rest, S("\"")) || str_starts(rest, S("'"));
    if (node->type != TOML_STRING || column == 0 || !quoted ||
            !str_starts(str_from(rest, 1), node->text))
        return node->column;
    return node->column + (uint32_t)column;
}
