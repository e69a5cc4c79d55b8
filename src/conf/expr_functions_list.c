// SPDX-License-Identifier: Apache-2.0
// conf/expr_functions_list.c: functions that make or read arrays (configuration.md 9.9).
#include "conf/expr_functions.h"

#include "base/unicode.h"

struct pieces {
    VEC(struct expr_value) all;
    struct err bad;
};

static void piece(struct expr_call *call, struct pieces *p, struct str s);
static struct err pieces_end(struct pieces *p, struct expr_value *out);
static void split_all(struct expr_call *call, struct pieces *p, int64_t splits);
static void split_codes(struct expr_call *call, struct pieces *p, int64_t splits);
static struct err pair(
        struct expr_call *call, struct str s, size_t at, size_t skip, struct expr_value *out);
static bool is_word(struct str s);
static void merge(const struct expr_value *from, struct expr_value *to, size_t begin, size_t middle,
        size_t end, int sign);
static bool in_array(const struct expr_array *array, const struct expr_value *v);

// Lines end with LF or CR LF; a last one without any is a line, an empty text has none.
struct err function_lines(struct expr_call *call, struct expr_value *out)
{
    if (expr_is_number(&call->args[0])) {
        *out = call->args[0];
        return OK;
    }
    struct str text, line;
    TRY(expr_to_text(call->arena, &call->args[0], &text));
    struct pieces p = {0};
    struct scan in = scan_over(text);
    while (scan_line(&in, &line)) {
        if (scan_end(&in) && !str_ends(text, S("\n")) && str_ends(line, S("\r")))
            line.len--;
        piece(call, &p, line);
    }
    return pieces_end(&p, out);
}

struct err function_split(struct expr_call *call, struct expr_value *out)
{
    struct pieces p = {0};
    split_all(call, &p, INT64_MAX);
    return pieces_end(&p, out);
}

struct err function_rsplit(struct expr_call *call, struct expr_value *out)
{
    struct pieces p = {0};
    split_all(call, &p, INT64_MAX);
    for (size_t i = 0; i < p.all.count / 2; i++) {
        struct expr_value swap = p.all.at[i];
        p.all.at[i] = p.all.at[p.all.count - 1 - i];
        p.all.at[p.all.count - 1 - i] = swap;
    }
    return pieces_end(&p, out);
}

struct err function_split_n(struct expr_call *call, struct expr_value *out)
{
    struct pieces p = {0};
    split_all(call, &p, expr_to_i64(&call->args[2]));
    return pieces_end(&p, out);
}

struct err function_split_once(struct expr_call *call, struct expr_value *out)
{
    struct str s = call->args[0].text, separator = call->args[1].text;
    return pair(call, s, str_find(s, separator), separator.len, out);
}

struct err function_rsplit_once(struct expr_call *call, struct expr_value *out)
{
    struct str s = call->args[0].text, separator = call->args[1].text;
    size_t at = STR_NOT_FOUND;
    for (size_t i = s.len + 1; i-- > 0 && at == STR_NOT_FOUND;)
        if (str_starts(str_from(s, i), separator))
            at = i;
    return pair(call, s, at, separator.len, out);
}

struct err function_split_words(struct expr_call *call, struct expr_value *out)
{
    struct pieces p = {0};
    struct str rest = call->args[0].text;
    while (rest.len > 0) {
        rest = unicode_trim_start(rest);
        struct str word = rest, after = rest;
        uint32_t code;
        while (unicode_next(&after, &code) && !unicode_is_space(code))
            rest = after;
        word.len -= rest.len;
        if (is_word(word))
            piece(call, &p, word);
    }
    return pieces_end(&p, out);
}

struct err function_count(struct expr_call *call, struct expr_value *out)
{
    const struct expr_value *v = &call->args[0];
    bool nothing = v->type == EXPR_STRING && v->text.len == 0;
    *out = expr_integer(nothing ? 0 : 1);
    if (v->type == EXPR_ARRAY)
        *out = expr_integer((int64_t)v->array.count);
    return OK;
}

// Bottom-up merge sort: stable, no recursion, and harmless should values of mixed types not have
// one order among three.
struct err function_sort(struct expr_call *call, struct expr_value *out)
{
    struct expr_array in = call->args[0].array;
    struct expr_value *from = arena_array(call->arena, in.count, struct expr_value);
    struct expr_value *to = arena_array(call->arena, in.count, struct expr_value);
    if (from == NULL || to == NULL)
        return function_no_memory();
    for (size_t i = 0; i < in.count; i++)
        from[i] = in.at[i];
    int sign = expr_truth(&call->args[1]) ? 1 : -1;
    for (size_t width = 1; width < in.count; width *= 2) {
        for (size_t begin = 0; begin < in.count; begin += 2 * width) {
            size_t middle = begin + width < in.count ? begin + width : in.count;
            size_t end = middle + width < in.count ? middle + width : in.count;
            merge(from, to, begin, middle, end, sign);
        }
        struct expr_value *swap = from;
        from = to;
        to = swap;
    }
    *out = expr_array(from, in.count);
    return OK;
}

struct err function_dedup(struct expr_call *call, struct expr_value *out)
{
    struct expr_array in = call->args[0].array;
    struct expr_value *made = arena_array(call->arena, in.count, struct expr_value);
    struct expr_set seen;
    TRY(expr_set_make(call->arena, in.count, &seen));
    if (made == NULL)
        return function_no_memory();
    size_t count = 0;
    for (size_t i = 0; i < in.count; i++)
        if (expr_set_add(&seen, &in.at[i]))
            made[count++] = in.at[i];
    *out = expr_array(made, count);
    return OK;
}

struct err function_winnow(struct expr_call *call, struct expr_value *out)
{
    *out = call->args[0];
    if (out->type != EXPR_ARRAY)
        return OK;
    struct expr_array in = out->array;
    struct expr_value *made = arena_array(call->arena, in.count, struct expr_value);
    if (made == NULL)
        return function_no_memory();
    size_t count = 0;
    for (size_t i = 0; i < in.count; i++)
        if (in.at[i].type != EXPR_STRING || in.at[i].text.len > 0)
            made[count++] = in.at[i];
    *out = expr_array(made, count);
    return OK;
}

struct err function_is_intersect(struct expr_call *call, struct expr_value *out)
{
    const struct expr_value *l = &call->args[0], *r = &call->args[1];
    *out = expr_bool(false);
    if (l->type != EXPR_ARRAY && r->type != EXPR_ARRAY)
        return OK;
    if (l->type != EXPR_ARRAY || r->type != EXPR_ARRAY) {
        *out = expr_bool(l->type == EXPR_ARRAY ? in_array(&l->array, r) : in_array(&r->array, l));
        return OK;
    }
    struct expr_set seen;
    TRY(expr_set_make(call->arena, l->array.count, &seen));
    for (size_t i = 0; i < l->array.count; i++)
        expr_set_add(&seen, &l->array.at[i]);
    for (size_t i = 0; i < r->array.count; i++)
        if (expr_set_has(&seen, &r->array.at[i]))
            *out = expr_bool(true);
    return OK;
}

struct err function_is_empty(struct expr_call *call, struct expr_value *out)
{
    const struct expr_value *v = &call->args[0];
    *out = expr_bool(!expr_is_number(v) && !expr_truth(v));
    return OK;
}

struct err function_is_number(struct expr_call *call, struct expr_value *out)
{
    *out = expr_bool(expr_is_number(&call->args[0]));
    return OK;
}

struct err function_if_then(struct expr_call *call, struct expr_value *out)
{
    *out = expr_truth(&call->args[0]) ? call->args[1] : call->args[2];
    return OK;
}

static void piece(struct expr_call *call, struct pieces *p, struct str s)
{
    if (failed(p->bad))
        return;
    if (p->all.count == EXPR_ARRAY_COUNT_MAX) {
        p->bad = fail(ERR_LIMIT, "an array would have more than 10000 elements");
        return;
    }
    struct expr_value *v = vec_add(call->arena, &p->all);
    if (v == NULL)
        p->bad = function_no_memory();
    else
        *v = expr_text(s);
}

static struct err pieces_end(struct pieces *p, struct expr_value *out)
{
    TRY(p->bad);
    *out = expr_array(p->all.at, p->all.count);
    return OK;
}

static void split_all(struct expr_call *call, struct pieces *p, int64_t splits)
{
    struct str rest = call->args[0].text, separator = call->args[1].text;
    if (separator.len == 0) {
        split_codes(call, p, splits);
        return;
    }
    for (int64_t done = 0; done < splits && !failed(p->bad); done++) {
        size_t at = str_find(rest, separator);
        if (at == STR_NOT_FOUND)
            break;
        piece(call, p, str_upto(rest, at));
        rest = str_from(rest, at + separator.len);
    }
    piece(call, p, rest);
}

// An empty separator stands between every two characters.
static void split_codes(struct expr_call *call, struct pieces *p, int64_t splits)
{
    struct str rest = call->args[0].text;
    uint32_t code;
    for (int64_t done = 0; done < splits && rest.len > 0 && !failed(p->bad); done++) {
        struct str one = rest;
        unicode_next(&rest, &code);
        one.len -= rest.len;
        piece(call, p, one);
    }
    if (rest.len > 0)
        piece(call, p, rest);
}

static struct err pair(
        struct expr_call *call, struct str s, size_t at, size_t skip, struct expr_value *out)
{
    struct expr_value *two = arena_array(call->arena, 2, struct expr_value);
    if (two == NULL)
        return function_no_memory();
    *out = expr_text(S(""));
    if (at == STR_NOT_FOUND)
        return OK;
    two[0] = expr_text(str_upto(s, at));
    two[1] = expr_text(str_from(s, at + skip));
    *out = expr_array(two, 2);
    return OK;
}

static bool is_word(struct str s)
{
    if (s.len == 0)
        return false;
    for (uint32_t code; unicode_next(&s, &code);)
        if (!unicode_is_alphabetic(code) && !unicode_is_numeric(code))
            return false;
    return true;
}

static void merge(const struct expr_value *from, struct expr_value *to, size_t begin, size_t middle,
        size_t end, int sign)
{
    size_t left = begin, right = middle;
    for (size_t i = begin; i < end; i++) {
        bool take_left = right == end ||
                         (left < middle && sign * expr_compare(&from[left], &from[right]) <= 0);
        to[i] = from[take_left ? left++ : right++];
    }
}

static bool in_array(const struct expr_array *array, const struct expr_value *v)
{
    for (size_t i = 0; i < array->count; i++)
        if (expr_equal(&array->at[i], v))
            return true;
    return false;
}
