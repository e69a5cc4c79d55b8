// SPDX-License-Identifier: Apache-2.0
// conf/expr_resolve.c: names of variables, constants and functions, and literals that name lists,
// settings, metrics (configuration.md 9.6-9.9). What cannot be resolved is an error at load, with
// the nearest name there is.
#include "conf/expr_resolve.h"

#include "conf/lookup.h"

#define NEAR_MOST 2 // typing errors in a name
#define WORDS_BYTES_MAX 512

struct nearest {
    struct str wanted, found;
    size_t distance;
};

static const struct expr_word *word_find(const struct expr_words *words, struct str name);
static const struct expr_name *extra_find(const struct expr_source *source, struct str name);
static bool name_unknown(
        struct expr_emitter *e, const struct expr_source *source, const struct expr_token *name);
static struct str word_list(struct arena *a, const struct expr_words *words);
static bool name_elsewhere(struct str name);
static struct str with_dashes(struct str text, const struct expr_token *name);
static struct str with_underscores(struct arena *a, struct str text);
static bool is_known(const struct expr_source *source, struct str name);
static struct str nearest_name(const struct expr_source *source, struct str name);
static void consider(struct nearest *n, struct str name);
static bool store_check(struct expr_emitter *e, const struct expr_source *source,
        const struct expr_function_row *row, size_t count, size_t column);
static bool metric_check(struct expr_emitter *e, const struct expr_source *source,
        struct str literal, size_t column);

bool resolve_name(
        struct expr_emitter *e, const struct expr_source *source, const struct expr_token *name)
{
    enum expr_variable id;
    struct str rest;
    if (expr_variable_find(name->text, source->spec->context, &id, &rest))
        return emit_variable(e, id, rest, name->column);
    if (extra_find(source, name->text) != NULL)
        return emit_variable(e, EXPR_VAR_EXTRA, name->text, name->column);
    const struct expr_word *word = word_find(source->words, name->text);
    if (word != NULL)
        return emit_constant(e, expr_text(word->text), name->column);
    if (source->off_words && (value_is_none(name->text) || str_eq(name->text, S("unlimited"))))
        return emit_constant(e, expr_bool(false), name->column);
    return name_unknown(e, source, name);
}

bool resolve_function(struct expr_emitter *e, const struct expr_source *source,
        const struct expr_token *name, size_t *out)
{
    enum expr_variable id;
    struct str rest;
    if (expr_variable_find(name->text, source->spec->context, &id, &rest))
        return emit_fail(
                e, name->column, "'%.*s' is a variable: it takes no arguments", ARG(name->text));
    if (!expr_function_find(name->text, out))
        return name_unknown(e, source, name);
    const struct expr_function_row *row = expr_function_row(*out);
    if (row->kind == FUNCTION_LATER)
        return emit_fail(e, name->column,
                "function '%.*s' needs %.*s, which this build does not have yet", ARG(name->text),
                ARG(row->needs));
    return true;
}

bool resolve_arity(
        struct expr_emitter *e, const struct expr_function_row *row, size_t count, size_t column)
{
    size_t least = row->args_min, most = row->args.len;
    if (count >= least && count <= most)
        return true;
    if (least < most)
        return emit_fail(e, column, "function '%.*s' takes %zu to %zu arguments, got %zu",
                ARG(row->name), least, most, count);
    return emit_fail(e, column, "function '%.*s' takes %zu argument%s, got %zu", ARG(row->name),
            most, most == 1 ? "" : "s", count);
}

bool resolve_arguments(struct expr_emitter *e, const struct expr_source *source,
        const struct expr_function_row *row, size_t count, size_t column)
{
    if (str_eq(row->name, S("key_get")) || str_eq(row->name, S("key_exists")))
        return store_check(e, source, row, count, column);
    if (!str_eq(row->name, S("dns_query")))
        return true;
    enum expr_dns type;
    const struct expr_value *v = emit_constant_argument(e, 1);
    if (v == NULL || (v->type == EXPR_STRING && expr_dns_find(v->text, &type)))
        return true;
    return emit_fail(
            e, column, "'dns_query' knows the types ipv4, ipv6, ip, mx, ptr and txt and no other");
}

bool resolve_special(struct expr_emitter *e, const struct expr_source *source, struct str function,
        struct str literal, size_t column, struct str *out_doubt)
{
    enum expr_system system;
    if (str_eq(function, S("metric")))
        return metric_check(e, source, literal, column);
    if (str_eq(function, S("system"))) {
        if (expr_system_find(literal, &system))
            return emit_named(e, OP_SYSTEM, system, column);
        return emit_fail(e, column,
                "'system' knows hostname, domain, node_id, node_hostname and node_role, not '%.*s'",
                ARG(literal));
    }
    assert(str_eq(function, S("config_get")));
    if (source->world->key_kind == NULL)
        return emit_fail(e, column, "'config_get' is not available here");
    enum expr_key_kind kind = source->world->key_kind(source->world->self, literal);
    if (kind == EXPR_KEY_SECRET)
        return emit_fail(e, column, "'%.*s' is secret: expressions cannot read it", ARG(literal));
    if (kind == EXPR_KEY_UNKNOWN)
        *out_doubt = arena_fmt(e->arena, "no setting is called '%.*s'", ARG(literal));
    return emit_config(e, literal, column);
}

static const struct expr_word *word_find(const struct expr_words *words, struct str name)
{
    for (size_t i = 0; words != NULL && i < words->count; i++)
        if (str_eq(name, words->at[i].text))
            return &words->at[i];
    return NULL;
}

static const struct expr_name *extra_find(const struct expr_source *source, struct str name)
{
    enum expr_context context = source->spec->context;
    if (context != EXPR_EVENT && context != EXPR_METRIC)
        return NULL;
    for (size_t i = 0; i < source->world->name_count; i++)
        if (str_eq(name, source->world->names[i].name))
            return &source->world->names[i];
    return NULL;
}

static bool name_unknown(
        struct expr_emitter *e, const struct expr_source *source, const struct expr_token *name)
{
    size_t function;
    struct str context = expr_context_name(source->spec->context);
    struct str whole = with_dashes(source->text, name);
    struct str folded = with_underscores(e->arena, whole);
    if (whole.len > name->text.len && is_known(source, folded))
        return emit_fail(e, name->column,
                "unknown variable or function '%.*s' (did you mean '%.*s'? a '-' is a minus)",
                ARG(whole), ARG(folded));
    if (name_elsewhere(name->text))
        return emit_fail(e, name->column, "variable '%.*s' is not available here (context: %.*s)",
                ARG(name->text), ARG(context));
    if (expr_function_find(name->text, &function))
        return emit_fail(e, name->column, "'%.*s' is a function: write %.*s(...)", ARG(name->text),
                ARG(name->text));
    if (name->kind == TOKEN_GLOBAL)
        return emit_fail(
                e, name->column, "'%.*s': names with '$' belong to filter rules", ARG(name->text));
    struct str near = nearest_name(source, name->text), words = word_list(e->arena, source->words);
    if (near.len > 0)
        return emit_fail(e, name->column,
                "unknown variable or function '%.*s' (did you mean '%.*s'?)", ARG(name->text),
                ARG(near));
    return emit_fail(e, name->column, "unknown variable or function '%.*s'%.*s", ARG(name->text),
            ARG(words));
}

// What the setting takes besides variables and functions; empty where it takes no words.
static struct str word_list(struct arena *a, const struct expr_words *words)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, WORDS_BYTES_MAX);
    for (size_t i = 0; words != NULL && i < words->count; i++)
        buf_fmt(&b, "%s%.*s", i == 0 ? " (expected " : ", ", ARG(words->at[i].text));
    buf_add(&b, b.len > 0 ? S(")") : S(""));
    struct str text = arena_str(a, buf_str(&b));
    return b.overflow || str_is_null(text) ? S("") : text;
}

static bool name_elsewhere(struct str name)
{
    enum expr_variable id;
    struct str rest;
    for (size_t i = 0; i < EXPR_CONTEXT_COUNT; i++)
        if (expr_variable_find(name, (enum expr_context)i, &id, &rest) && name.ptr[0] != '$')
            return true;
    return false;
}

// The name with what is glued to it by dashes, on both sides: local-port.
static struct str with_dashes(struct str text, const struct expr_token *name)
{
    size_t begin = name->offset, end = name->offset + name->text.len;
    while (begin > 0 &&
            (expr_is_name_byte((uint8_t)text.ptr[begin - 1]) || text.ptr[begin - 1] == '-'))
        begin--;
    while (end < text.len && (expr_is_name_byte((uint8_t)text.ptr[end]) || text.ptr[end] == '-'))
        end++;
    return str_part(text, begin, end - begin);
}

static struct str with_underscores(struct arena *a, struct str text)
{
    char *out = arena_bytes(a, text.len + 1);
    for (size_t i = 0; out != NULL && i < text.len; i++)
        out[i] = text.ptr[i] == '-' ? '_' : text.ptr[i];
    return out == NULL ? S("") : str_of(out, text.len);
}

static bool is_known(const struct expr_source *source, struct str name)
{
    enum expr_variable id;
    struct str rest;
    size_t function;
    return expr_variable_find(name, source->spec->context, &id, &rest) || name_elsewhere(name) ||
           expr_function_find(name, &function) || word_find(source->words, name) != NULL;
}

static struct str nearest_name(const struct expr_source *source, struct str name)
{
    struct nearest n = {.wanted = name, .found = S(""), .distance = NEAR_MOST + 1};
    enum expr_variable id;
    for (size_t at = 0; (at = expr_variable_list(source->spec->context, at, &id)) != 0;)
        consider(&n, expr_variable_name(id));
    for (size_t i = 0; i < source->world->name_count; i++)
        consider(&n, source->world->names[i].name);
    for (size_t i = 0; expr_function_row(i) != NULL; i++)
        consider(&n, expr_function_row(i)->name);
    for (size_t i = 0; source->words != NULL && i < source->words->count; i++)
        consider(&n, source->words->at[i].text);
    return n.found;
}

// A name of which hardly a letter is left is no help.
static void consider(struct nearest *n, struct str name)
{
    size_t distance = str_distance(n->wanted, name, NEAR_MOST);
    if (distance < n->distance && distance < name.len && distance < n->wanted.len) {
        n->distance = distance;
        n->found = name;
    }
}

static bool store_check(struct expr_emitter *e, const struct expr_source *source,
        const struct expr_function_row *row, size_t count, size_t column)
{
    const struct expr_value *id = emit_constant_argument(e, count);
    if (id == NULL)
        return true;
    if (id->type != EXPR_STRING)
        return emit_fail(e, column, "the first argument of '%.*s' is the id of a store, as text",
                ARG(row->name));
    if (id->text.len == 0)
        return emit_fail(e, column,
                "'%.*s' with '' needs a default key-value store, which this build does not have "
                "yet",
                ARG(row->name));
    if (lookups_get(source->world->lookups, id->text) != NULL)
        return true;
    struct str known = lookups_ids(source->world->lookups, e->arena);
    return emit_fail(
            e, column, "store '%.*s' is not defined (defined: %.*s)", ARG(id->text), ARG(known));
}

static bool metric_check(
        struct expr_emitter *e, const struct expr_source *source, struct str literal, size_t column)
{
    if (source->world->metrics == NULL)
        return emit_fail(
                e, column, "function 'metric' needs metrics, which are not available here");
    for (size_t i = 0; i < source->world->metric_count; i++)
        if (str_eq(literal, source->world->metrics[i]))
            return emit_named(e, OP_METRIC, (uint32_t)i, column);
    return emit_fail(e, column, "unknown metric '%.*s'", ARG(literal));
}
