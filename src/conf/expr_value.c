// SPDX-License-Identifier: Apache-2.0
// conf/expr_value.c: what values are to each other (configuration.md 9.3): truth, text, number,
// order. The operators that make new values are in expr_arith.c.
#include "conf/expr_value.h"

#include "base/hash.h"

#define NUMBER_TEXT_BYTES_MAX 400 // of a float written out: 309 digits, or 17 behind 323 zeros

// Two arrays being compared, and how far one is.
struct pair {
    const struct expr_value *left, *right;
    size_t at;
};

static bool is_decimal(struct str s, bool *out_float);
static int compare_scalars(const struct expr_value *a, const struct expr_value *b);
static int compare_numbers(const struct expr_value *a, const struct expr_value *b);
static int compare_text_number(struct str text, const struct expr_value *number);
static int order(long double a, long double b);
static long double wide(const struct expr_value *number);
static void number_text(const struct expr_value *v, struct buf *out);
static void float_text(double real, struct buf *out);
static void digits_add(struct buf *out, struct str digits, int64_t point);
static void show_text(struct buf *out, struct str text, size_t bytes_max);
static void show_scalar(struct buf *out, const struct expr_value *v, size_t bytes_max);

struct str expr_type_name(enum expr_type type)
{
    static const struct str names[] = {
            [EXPR_STRING] = S_INIT("string"),
            [EXPR_INTEGER] = S_INIT("integer"),
            [EXPR_FLOAT] = S_INIT("float"),
            [EXPR_ARRAY] = S_INIT("array"),
    };
    return names[type];
}

bool expr_truth(const struct expr_value *v)
{
    switch (v->type) {
    case EXPR_STRING:
        return v->text.len > 0;
    case EXPR_INTEGER:
        return v->integer != 0;
    case EXPR_FLOAT:
        return v->real > 0 || v->real < 0;
    case EXPR_ARRAY:
        break;
    }
    return v->array.count > 0;
}

struct err expr_to_text(struct arena *a, const struct expr_value *v, struct str *out)
{
    if (v->type == EXPR_STRING) {
        *out = v->text;
        return OK;
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, EXPR_STRING_BYTES_MAX);
    if (v->type != EXPR_ARRAY)
        number_text(v, &text);
    bool first = true;
    for (size_t i = 0; v->type == EXPR_ARRAY && i < v->array.count; i++) {
        const struct expr_value *item = &v->array.at[i];
        if (item->type == EXPR_ARRAY)
            continue;
        if (!first)
            buf_add(&text, S("\r\n"));
        first = false;
        if (item->type == EXPR_STRING)
            buf_add(&text, item->text);
        else
            number_text(item, &text);
    }
    if (text.overflow)
        return fail(ERR_LIMIT, "a text would be longer than 64 KiB");
    *out = arena_str(a, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "out of memory") : OK;
}

bool expr_to_number(const struct expr_value *v, struct expr_value *out)
{
    if (expr_is_number(v)) {
        *out = *v;
        return true;
    }
    bool is_float;
    if (v->type != EXPR_STRING || !is_decimal(v->text, &is_float))
        return false;
    int64_t integer;
    if (!is_float && str_to_i64(v->text, &integer)) {
        *out = expr_integer(integer);
        return true;
    }
    double real; // digits beyond 64 bits are still a number
    if (!str_to_double(v->text, &real))
        return false;
    *out = expr_float(real);
    return true;
}

struct expr_value expr_number_or_zero(const struct expr_value *v)
{
    struct expr_value number = expr_integer(0);
    expr_to_number(v, &number);
    return number;
}

int64_t expr_to_i64(const struct expr_value *number)
{
    if (number->type == EXPR_INTEGER)
        return number->integer;
    assert(number->type == EXPR_FLOAT);
    if (number->real >= 0x1p63)
        return INT64_MAX;
    if (number->real <= -0x1p63)
        return INT64_MIN;
    return (int64_t)number->real;
}

struct err expr_to_array(struct arena *a, const struct expr_value *v, struct expr_array *out)
{
    if (v->type == EXPR_ARRAY) {
        *out = v->array;
        return OK;
    }
    if (v->type == EXPR_STRING && v->text.len == 0) {
        *out = (struct expr_array){0};
        return OK;
    }
    struct expr_value *item = arena_make(a, struct expr_value);
    if (item == NULL)
        return fail(ERR_LIMIT, "out of memory");
    *item = *v;
    *out = (struct expr_array){item, 1};
    return OK;
}

// Arrays are walked with a stack of their own: what an expression nests, it does not recurse into.
// An array beside a scalar is greater, so unequal.
int expr_compare(const struct expr_value *a, const struct expr_value *b)
{
    struct pair open[EXPR_ARRAY_DEPTH_MAX];
    size_t depth = 0;
    for (;;) {
        int found = 0;
        if (a->type == EXPR_ARRAY && b->type == EXPR_ARRAY && depth < COUNT_OF(open))
            open[depth++] = (struct pair){a, b, 0};
        else
            found = compare_scalars(a, b);
        if (found != 0)
            return found;
        while (depth > 0) {
            const struct pair *p = &open[depth - 1];
            size_t left = p->left->array.count, right = p->right->array.count;
            if (p->at < left && p->at < right)
                break;
            if (left != right)
                return left < right ? -1 : 1;
            depth--;
        }
        if (depth == 0)
            return 0;
        struct pair *p = &open[depth - 1];
        a = &p->left->array.at[p->at];
        b = &p->right->array.at[p->at];
        p->at++;
    }
}

bool expr_equal(const struct expr_value *a, const struct expr_value *b)
{
    return expr_compare(a, b) == 0;
}

// Numbers and the strings that equal them must agree, so both hash as a double; arrays are told
// apart by their size only.
uint64_t expr_hash(const struct expr_value *v)
{
    struct expr_value number;
    if (v->type == EXPR_ARRAY)
        return 0x9e3779b97f4a7c15 * (v->array.count + 1);
    if (!expr_to_number(v, &number))
        return hash_sip24(0, 0, v->text);
    double real = (number.type == EXPR_INTEGER ? (double)number.integer : number.real) + 0.0;
    char bytes[sizeof(real)];
    memcpy(bytes, &real, sizeof(real));
    return hash_sip24(0, 1, str_of(bytes, sizeof(bytes)));
}

void expr_value_show(struct buf *out, const struct expr_value *v, size_t bytes_max)
{
    if (v->type != EXPR_ARRAY) {
        show_scalar(out, v, bytes_max);
        return;
    }
    size_t begin = out->len;
    buf_add_byte(out, '[');
    for (size_t i = 0; i < v->array.count; i++) {
        if (i > 0)
            buf_add(out, S(", "));
        if (out->len - begin > bytes_max) {
            buf_add(out, S("..."));
            break;
        }
        if (v->array.at[i].type == EXPR_ARRAY)
            buf_fmt(out, "[%zu elements]", v->array.at[i].array.count);
        else
            show_scalar(out, &v->array.at[i], bytes_max);
    }
    buf_add_byte(out, ']');
}

// -?digits or -?digits.digits, and nothing else: no exponent, no '+', no blanks.
static bool is_decimal(struct str s, bool *out_float)
{
    struct scan in = scan_over(s);
    struct str digits;
    scan_byte(&in, '-');
    if (!scan_while(&in, byte_is_digit, &digits))
        return false;
    *out_float = scan_byte(&in, '.');
    if (*out_float && !scan_while(&in, byte_is_digit, &digits))
        return false;
    return scan_end(&in);
}

static int compare_scalars(const struct expr_value *a, const struct expr_value *b)
{
    if (a->type == EXPR_ARRAY || b->type == EXPR_ARRAY)
        return (a->type == EXPR_ARRAY) - (b->type == EXPR_ARRAY);
    if (a->type == EXPR_STRING && b->type == EXPR_STRING)
        return str_compare(a->text, b->text);
    if (a->type == EXPR_STRING)
        return compare_text_number(a->text, b);
    if (b->type == EXPR_STRING)
        return -compare_text_number(b->text, a);
    return compare_numbers(a, b);
}

static int compare_numbers(const struct expr_value *a, const struct expr_value *b)
{
    return order(wide(a), wide(b));
}

// A word is compared with the decimal text of the number; it never equals that, being no number.
static int compare_text_number(struct str text, const struct expr_value *number)
{
    struct expr_value as_text = expr_text(text), read;
    if (expr_to_number(&as_text, &read))
        return compare_numbers(&read, number);
    struct buf decimal AUTO(buf_done);
    buf_init(&decimal, NUMBER_TEXT_BYTES_MAX);
    number_text(number, &decimal);
    int found = str_compare(text, buf_str(&decimal));
    return found == 0 ? 1 : found; // only where the digits are too many to be read
}

static int order(long double a, long double b)
{
    return (a > b) - (a < b);
}

// Wide enough for 64-bit integers and doubles alike on all machines that we run on.
static long double wide(const struct expr_value *number)
{
    _Static_assert(__LDBL_MANT_DIG__ >= 64, "an integer must fit into a long double");
    return number->type == EXPR_INTEGER ? (long double)number->integer : (long double)number->real;
}

static void number_text(const struct expr_value *v, struct buf *out)
{
    if (v->type == EXPR_INTEGER)
        buf_add_i64(out, v->integer);
    else
        float_text(v->real + 0.0, out); // a negative zero is zero
}

// The shortest digits that read back the same, written without an exponent: what is a number must
// read as one.
static void float_text(double real, struct buf *out)
{
    struct buf shortest AUTO(buf_done), digits AUTO(buf_done);
    buf_init(&shortest, NUMBER_TEXT_BYTES_MAX);
    buf_init(&digits, NUMBER_TEXT_BYTES_MAX);
    buf_add_double(&shortest, real);
    struct scan in = scan_over(buf_str(&shortest));
    int64_t point = 0, exponent = 0; // places before the point
    bool fraction = false;
    if (scan_byte(&in, '-'))
        buf_add_byte(out, '-');
    for (uint8_t c; scan_peek(&in) != 'e' && scan_any(&in, &c);) {
        fraction = fraction || c == '.';
        if (c != '.')
            buf_add_byte(&digits, (char)c);
        point += fraction ? 0 : 1;
    }
    if (scan_byte(&in, 'e')) {
        scan_byte(&in, '+');
        str_to_i64(scan_rest(&in), &exponent);
    }
    digits_add(out, buf_str(&digits), point + exponent);
}

// 0.0ddd, dd.dd or ddd000, with the point behind so many digits.
static void digits_add(struct buf *out, struct str digits, int64_t point)
{
    size_t whole = point < 0 ? 0 : (size_t)point;
    if (whole == 0)
        buf_add_byte(out, '0');
    buf_add(out, str_upto(digits, whole));
    if (whole > digits.len)
        buf_add_repeat(out, '0', whole - digits.len);
    struct str fraction = str_from(digits, whole);
    while (fraction.len > 0 && fraction.ptr[fraction.len - 1] == '0')
        fraction.len--;
    if (fraction.len == 0)
        return;
    buf_add_byte(out, '.');
    buf_add_repeat(out, '0', point < 0 ? (size_t)-point : 0);
    buf_add(out, fraction);
}

static void show_scalar(struct buf *out, const struct expr_value *v, size_t bytes_max)
{
    if (v->type == EXPR_STRING)
        show_text(out, v->text, bytes_max);
    else
        number_text(v, out);
}

static void show_text(struct buf *out, struct str text, size_t bytes_max)
{
    buf_add_byte(out, '\'');
    struct str shown = str_upto(text, bytes_max);
    for (size_t i = 0; i < shown.len; i++) {
        uint8_t c = (uint8_t)shown.ptr[i];
        if (c == '\n')
            buf_add(out, S("\\n"));
        else if (c == '\r')
            buf_add(out, S("\\r"));
        else if (c == '\t')
            buf_add(out, S("\\t"));
        else if (c == '\'' || c == '\\')
            buf_fmt(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_fmt(out, "<%02x>", c);
        else
            buf_add_byte(out, (char)c);
    }
    buf_add(out, shown.len < text.len ? S("'...") : S("'"));
}
