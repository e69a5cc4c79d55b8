// SPDX-License-Identifier: Apache-2.0
// conf/expr_arith.c: the operators that make new values (configuration.md 9.3), and sets of values.
#include "conf/expr_value.h"

static double real_of(const struct expr_value *number);
static struct err float_make(double real, struct expr_value *out);
static struct err text_join(struct arena *a, const struct expr_value *l, const struct expr_value *r,
        struct expr_value *out);
static struct err arrays_join(
        struct arena *a, struct expr_array l, struct expr_array r, struct expr_value *out);
static struct err array_without(
        struct arena *a, struct expr_array l, const struct expr_value *r, struct expr_value *out);
static size_t slot_of(const struct expr_set *set, const struct expr_value *v);

struct err expr_add(struct arena *a, const struct expr_value *l, const struct expr_value *r,
        struct expr_value *out)
{
    struct expr_array one_left = {l, 1}, one_right = {r, 1};
    if (l->type == EXPR_ARRAY || r->type == EXPR_ARRAY)
        return arrays_join(a, l->type == EXPR_ARRAY ? l->array : one_left,
                r->type == EXPR_ARRAY ? r->array : one_right, out);
    if (l->type == EXPR_STRING || r->type == EXPR_STRING)
        return text_join(a, l, r, out);
    if (l->type == EXPR_FLOAT || r->type == EXPR_FLOAT)
        return float_make(real_of(l) + real_of(r), out);
    int64_t sum;
    if (__builtin_add_overflow(l->integer, r->integer, &sum))
        sum = l->integer < 0 ? INT64_MIN : INT64_MAX;
    *out = expr_integer(sum);
    return OK;
}

struct err expr_subtract(struct arena *a, const struct expr_value *l, const struct expr_value *r,
        struct expr_value *out)
{
    if (l->type == EXPR_ARRAY)
        return array_without(a, l->array, r, out);
    struct expr_value x = expr_number_or_zero(l), y = expr_number_or_zero(r);
    if (x.type == EXPR_FLOAT || y.type == EXPR_FLOAT)
        return float_make(real_of(&x) - real_of(&y), out);
    int64_t difference;
    if (__builtin_sub_overflow(x.integer, y.integer, &difference))
        difference = x.integer < 0 ? INT64_MIN : INT64_MAX;
    *out = expr_integer(difference);
    return OK;
}

struct err expr_multiply(
        const struct expr_value *l, const struct expr_value *r, struct expr_value *out)
{
    struct expr_value x = expr_number_or_zero(l), y = expr_number_or_zero(r);
    if (x.type == EXPR_FLOAT || y.type == EXPR_FLOAT)
        return float_make(real_of(&x) * real_of(&y), out);
    int64_t product;
    if (__builtin_mul_overflow(x.integer, y.integer, &product))
        product = (x.integer < 0) != (y.integer < 0) ? INT64_MIN : INT64_MAX;
    *out = expr_integer(product);
    return OK;
}

struct err expr_divide(
        const struct expr_value *l, const struct expr_value *r, struct expr_value *out)
{
    struct expr_value x = expr_number_or_zero(l), y = expr_number_or_zero(r);
    if (!expr_truth(&y))
        return fail(ERR_REFUSED, "division by zero");
    return float_make(real_of(&x) / real_of(&y), out);
}

struct err expr_negate(const struct expr_value *v, struct expr_value *out)
{
    struct expr_value number = expr_number_or_zero(v);
    if (number.type == EXPR_FLOAT)
        *out = expr_float(-number.real);
    else if (number.integer == INT64_MIN)
        *out = expr_integer(INT64_MAX);
    else
        *out = expr_integer(-number.integer);
    return OK;
}

struct expr_value expr_index(const struct expr_value *v, const struct expr_value *index)
{
    struct expr_value number, nothing = expr_text(S(""));
    if (!expr_to_number(index, &number) || real_of(&number) < 0)
        return nothing;
    uint64_t place = (uint64_t)expr_to_i64(&number);
    if (v->type == EXPR_ARRAY)
        return place < v->array.count ? v->array.at[place] : nothing;
    return place == 0 ? *v : nothing; // '' as an empty array gives '' as well
}

static double real_of(const struct expr_value *number)
{
    return number->type == EXPR_INTEGER ? (double)number->integer : number->real;
}

static struct err float_make(double real, struct expr_value *out)
{
    if (!__builtin_isfinite(real))
        return fail(ERR_LIMIT, "the result is too large for a number");
    *out = expr_float(real);
    return OK;
}

static struct err text_join(struct arena *a, const struct expr_value *l, const struct expr_value *r,
        struct expr_value *out)
{
    struct str left, right;
    TRY(expr_to_text(a, l, &left));
    TRY(expr_to_text(a, r, &right));
    if (left.len + right.len > EXPR_STRING_BYTES_MAX)
        return fail(ERR_LIMIT, "a text would be longer than 64 KiB");
    struct str joined = arena_join(a, left, right);
    if (str_is_null(joined))
        return fail(ERR_LIMIT, "out of memory");
    *out = expr_text(joined);
    return OK;
}

static struct err arrays_join(
        struct arena *a, struct expr_array l, struct expr_array r, struct expr_value *out)
{
    if (l.count + r.count > EXPR_ARRAY_COUNT_MAX)
        return fail(ERR_LIMIT, "an array would have more than 10000 elements");
    struct expr_value *items = arena_array(a, l.count + r.count, struct expr_value);
    if (items == NULL)
        return fail(ERR_LIMIT, "out of memory");
    for (size_t i = 0; i < l.count; i++)
        items[i] = l.at[i];
    for (size_t i = 0; i < r.count; i++)
        items[l.count + i] = r.at[i];
    *out = expr_array(items, l.count + r.count);
    return OK;
}

// Without the elements that equal r, or any element of r if that is an array.
static struct err array_without(
        struct arena *a, struct expr_array l, const struct expr_value *r, struct expr_value *out)
{
    struct expr_array unwanted = {r, 1};
    if (r->type == EXPR_ARRAY)
        unwanted = r->array;
    struct expr_set set;
    TRY(expr_set_make(a, unwanted.count, &set));
    for (size_t i = 0; i < unwanted.count; i++)
        expr_set_add(&set, &unwanted.at[i]);
    struct expr_value *items = arena_array(a, l.count, struct expr_value);
    if (items == NULL)
        return fail(ERR_LIMIT, "out of memory");
    size_t count = 0;
    for (size_t i = 0; i < l.count; i++)
        if (!expr_set_has(&set, &l.at[i]))
            items[count++] = l.at[i];
    *out = expr_array(items, count);
    return OK;
}

struct err expr_set_make(struct arena *a, size_t count, struct expr_set *out)
{
    size_t slots = 4;
    while (slots < count * 2)
        slots *= 2;
    out->slots = arena_array(a, slots, const struct expr_value *);
    out->mask = slots - 1;
    return out->slots == NULL ? fail(ERR_LIMIT, "out of memory") : OK;
}

bool expr_set_add(struct expr_set *set, const struct expr_value *v)
{
    size_t slot = slot_of(set, v);
    if (set->slots[slot] != NULL)
        return false;
    set->slots[slot] = v;
    return true;
}

bool expr_set_has(const struct expr_set *set, const struct expr_value *v)
{
    return set->slots[slot_of(set, v)] != NULL;
}

// Where it stands, or the free slot where it would: there is always one, the set is half empty.
static size_t slot_of(const struct expr_set *set, const struct expr_value *v)
{
    size_t slot = expr_hash(v) & set->mask;
    while (set->slots[slot] != NULL && !expr_equal(set->slots[slot], v))
        slot = (slot + 1) & set->mask;
    return slot;
}
