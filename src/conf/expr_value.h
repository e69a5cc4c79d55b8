// SPDX-License-Identifier: Apache-2.0
// conf/expr_value.h: the values of expressions and what the operators do with them
// (configuration.md 9.3). Values borrow their bytes and elements: those of constants live with the
// configuration, computed ones in the scratch arena of the evaluation.
//
// Truth values are the integers 0 and 1. Floats are finite: an operation that would leave the
// numbers is an error, so comparing is a total order. Arrays hold values of any type and nest no
// deeper than EXPR_ARRAY_DEPTH_MAX, which bounds what walks them.
#pragma once

#include "base/base.h"

#define EXPR_STRING_BYTES_MAX (64 * KIB) // of results; variables may be longer
#define EXPR_ARRAY_COUNT_MAX 10000
#define EXPR_ARRAY_DEPTH_MAX 40 // the 32 levels of an expression, and what functions add

enum expr_type { EXPR_STRING, EXPR_INTEGER, EXPR_FLOAT, EXPR_ARRAY };

struct expr_value;

struct expr_array {
    const struct expr_value *at;
    size_t count;
};

struct expr_value {
    enum expr_type type;
    union {
        struct str text;
        int64_t integer;
        double real;
        struct expr_array array;
    };
};

static inline struct expr_value expr_text(struct str text)
{
    return (struct expr_value){.type = EXPR_STRING, .text = text};
}
static inline struct expr_value expr_integer(int64_t integer)
{
    return (struct expr_value){.type = EXPR_INTEGER, .integer = integer};
}
static inline struct expr_value expr_float(double real)
{
    return (struct expr_value){.type = EXPR_FLOAT, .real = real};
}
static inline struct expr_value expr_bool(bool truth)
{
    return expr_integer(truth ? 1 : 0);
}
static inline struct expr_value expr_array(const struct expr_value *at, size_t count)
{
    return (struct expr_value){.type = EXPR_ARRAY, .array = {at, count}};
}
static inline bool expr_is_number(const struct expr_value *v)
{
    return v->type == EXPR_INTEGER || v->type == EXPR_FLOAT;
}

struct str expr_type_name(enum expr_type type); // "string", "integer", "float", "array"

bool expr_truth(const struct expr_value *v);
// ERR_LIMIT when the text of an array would be too long, or there is no memory.
struct err expr_to_text(struct arena *a, const struct expr_value *v, struct str *out) MUST_USE;
// A number, or a string that is wholly a decimal one; an array is none.
bool expr_to_number(const struct expr_value *v, struct expr_value *out);
struct expr_value expr_number_or_zero(const struct expr_value *v);
// Of a number: cut towards zero and to the ends of the range.
int64_t expr_to_i64(const struct expr_value *number);
// An array as it is; '' as none; any other scalar as an array of one (in the arena).
struct err expr_to_array(
        struct arena *a, const struct expr_value *v, struct expr_array *out) MUST_USE;

// < 0, 0, > 0, and equality where that is not order (a word never equals a number).
int expr_compare(const struct expr_value *a, const struct expr_value *b);
bool expr_equal(const struct expr_value *a, const struct expr_value *b);
// The same for values that are equal, other for most others; for sets of values.
uint64_t expr_hash(const struct expr_value *v);

// The arithmetic operators. Errors: a limit, division by zero, a result that is no finite number.
struct err expr_add(struct arena *a, const struct expr_value *l, const struct expr_value *r,
        struct expr_value *out) MUST_USE;
struct err expr_subtract(struct arena *a, const struct expr_value *l, const struct expr_value *r,
        struct expr_value *out) MUST_USE;
struct err expr_multiply(
        const struct expr_value *l, const struct expr_value *r, struct expr_value *out) MUST_USE;
struct err expr_divide(
        const struct expr_value *l, const struct expr_value *r, struct expr_value *out) MUST_USE;
struct err expr_negate(const struct expr_value *v, struct expr_value *out) MUST_USE;
// value[index]; what is not there is ''.
struct expr_value expr_index(const struct expr_value *v, const struct expr_value *index);

// A set of values: which of them were seen? Room for `count` values, in the arena.
struct expr_set {
    const struct expr_value **slots;
    size_t mask;
};
struct err expr_set_make(struct arena *a, size_t count, struct expr_set *out) MUST_USE;
bool expr_set_add(struct expr_set *set, const struct expr_value *v); // false: it was there
bool expr_set_has(const struct expr_set *set, const struct expr_value *v);

// Writes a value as an expression would: 'text', 5, 0.5, ['a', 1]. For traces and messages.
void expr_value_show(struct buf *out, const struct expr_value *v, size_t bytes_max);
