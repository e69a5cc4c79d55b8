// SPDX-License-Identifier: Apache-2.0
// conf/expr_functions.c: the table of functions (configuration.md 9.8, 9.9): finding one, turning
// arguments into what it asks for, and going over the elements where it works on each.
#include "conf/expr_functions.h"

static const struct expr_function_row rows[] = {
#define FUNCTION(name, args, least, kind, about)                                                   \
    {S_INIT(#name), S_INIT(args), least, FUNCTION_##kind, function_##name, NULL, S_INIT(""),       \
            S_INIT(about)},
#define WAITING(name, args, least, about)                                                          \
    {S_INIT(#name), S_INIT(args), least, FUNCTION_ASKS, NULL, function_##name, S_INIT(""),         \
            S_INIT(about)},
#define SPECIAL(name, args, least, about)                                                          \
    {S_INIT(#name), S_INIT(args), least, FUNCTION_SPECIAL, NULL, NULL, S_INIT(""), S_INIT(about)},
#define LATER(name, args, least, needs, about)                                                     \
    {S_INIT(#name), S_INIT(args), least, FUNCTION_LATER, NULL, NULL, S_INIT(needs), S_INIT(about)},
#include "conf/expr_functions.def"
};

static struct err argument_turn(struct arena *a, char kind, struct expr_value *v);
static struct err call_each(struct expr_call *call, const struct expr_function_row *row,
        struct expr_value *args, struct expr_value *out);

const struct expr_function_row *expr_function_row(size_t place)
{
    return place < COUNT_OF(rows) ? &rows[place] : NULL;
}

bool expr_function_at(size_t place, struct expr_function_info *out)
{
    if (place >= COUNT_OF(rows))
        return false;
    const struct expr_function_row *r = &rows[place];
    *out = (struct expr_function_info){r->name, r->args, r->about, r->needs};
    return true;
}

bool expr_function_find(struct str name, size_t *out)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(name, rows[i].name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

struct err expr_function_call(struct expr_machine *m, size_t function, struct expr_value *args,
        size_t count, struct expr_value *out)
{
    const struct expr_function_row *row = &rows[function];
    struct expr_call call = {.machine = m, .arena = m->arena, .args = args, .count = count};
    bool each = count > 0 && row->args.ptr[0] == 'M' && args[0].type == EXPR_ARRAY;
    for (size_t i = each ? 1 : 0; i < count; i++)
        TRY(argument_turn(m->arena, row->args.ptr[i], &args[i]));
    return each ? call_each(&call, row, args, out) : row->call(&call, out);
}

struct err expr_function_wait(struct expr_machine *m, size_t function, struct expr_value *args,
        size_t count, struct expr_value *out)
{
    const struct expr_function_row *row = &rows[function];
    struct expr_call call = {.machine = m, .arena = m->arena, .args = args, .count = count};
    for (size_t i = 0; i < count; i++)
        TRY(argument_turn(m->arena, row->args.ptr[i], &args[i]));
    return row->wait(&call, out);
}

struct err function_text(struct expr_call *call, const struct buf *text, struct expr_value *out)
{
    if (text->overflow)
        return fail(ERR_LIMIT, "a text would be longer than 64 KiB");
    struct str copy = arena_str(call->arena, buf_str(text));
    if (str_is_null(copy))
        return function_no_memory();
    *out = expr_text(copy);
    return OK;
}

struct err function_no_memory(void)
{
    return fail(ERR_LIMIT, "out of memory");
}

static struct err argument_turn(struct arena *a, char kind, struct expr_value *v)
{
    struct str text;
    struct expr_array array;
    switch (kind) {
    case 'S':
    case 'M':
        TRY(expr_to_text(a, v, &text));
        *v = expr_text(text);
        return OK;
    case 'N':
        *v = expr_number_or_zero(v);
        return OK;
    case 'L':
        TRY(expr_to_array(a, v, &array));
        *v = expr_array(array.at, array.count);
        return OK;
    default: // 'V'
        return OK;
    }
}

static struct err call_each(struct expr_call *call, const struct expr_function_row *row,
        struct expr_value *args, struct expr_value *out)
{
    struct expr_array in = args[0].array;
    struct expr_value *made = arena_array(call->arena, in.count, struct expr_value);
    if (made == NULL)
        return function_no_memory();
    for (size_t i = 0; i < in.count; i++) {
        args[0] = in.at[i];
        TRY(argument_turn(call->arena, 'S', &args[0]));
        TRY(row->call(call, &made[i]));
    }
    *out = expr_array(made, in.count);
    return OK;
}
