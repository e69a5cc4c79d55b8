// SPDX-License-Identifier: Apache-2.0
// conf/expr_lex.c: the tokens of expressions (configuration.md 9.2).
#include "conf/expr_program.h"

struct operator
{
    struct str text;
    enum expr_op op;
};

struct unit {
    struct str text;
    int64_t ms;
};

// Longer ones first.
static const struct operator operators[] = {
        {S_INIT("||"), OP_OR},
        {S_INIT("&&"), OP_AND},
        {S_INIT("=="), OP_EQUAL},
        {S_INIT("!="), OP_UNEQUAL},
        {S_INIT(">="), OP_GREATER_EQUAL},
        {S_INIT("=>"), OP_GREATER_EQUAL},
        {S_INIT("<="), OP_LESS_EQUAL},
        {S_INIT("=<"), OP_LESS_EQUAL},
        {S_INIT("|"), OP_OR},
        {S_INIT("&"), OP_AND},
        {S_INIT("="), OP_EQUAL},
        {S_INIT(">"), OP_GREATER},
        {S_INIT("<"), OP_LESS},
        {S_INIT("^"), OP_XOR},
        {S_INIT("+"), OP_ADD},
        {S_INIT("-"), OP_SUBTRACT},
        {S_INIT("*"), OP_MULTIPLY},
        {S_INIT("/"), OP_DIVIDE},
        {S_INIT("!"), OP_NOT},
};

static const struct unit units[] = {
        {S_INIT("ms"), 1},
        {S_INIT("s"), SECOND_MS},
        {S_INIT("m"), MINUTE_MS},
        {S_INIT("h"), HOUR_MS},
        {S_INIT("d"), DAY_MS},
        {S_INIT("w"), 7L * DAY_MS},
};

static void blanks_skip(struct expr_lexer *l);
static size_t column_at(struct expr_lexer *l, size_t offset);
static bool number(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem);
static bool number_value(
        struct str digits, struct str fraction, struct str unit, struct expr_value *out);
static bool string(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem);
static bool name(struct expr_lexer *l, struct expr_token *out);
static bool capture(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem);
static bool mark(struct expr_lexer *l, struct expr_token *out);
static bool bad_byte(
        struct expr_lexer *l, const struct expr_token *at, struct expr_problem *problem);
static bool is_name_start(uint8_t c);

struct expr_lexer expr_lexer_over(struct arena *a, struct str text)
{
    return (struct expr_lexer){.arena = a, .in = scan_over(text), .column = 1};
}

bool expr_lex(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem)
{
    blanks_skip(l);
    size_t offset = scan_offset(&l->in);
    *out = (struct expr_token){.offset = offset, .column = column_at(l, offset)};
    int next = scan_peek(&l->in);
    if (next < 0) {
        out->text = S("the end");
        return true;
    }
    if (++l->tokens > EXPR_TOKENS_MAX) {
        problem->column = out->column;
        problem->message = arena_fmt(l->arena, "longer than %d tokens", EXPR_TOKENS_MAX);
        return false;
    }
    if (byte_is_digit((uint8_t)next))
        return number(l, out, problem);
    if (next == '\'' || next == '"')
        return string(l, out, problem);
    if (is_name_start((uint8_t)next))
        return name(l, out);
    if (next == '$')
        return capture(l, out, problem);
    if (!mark(l, out))
        return bad_byte(l, out, problem);
    return true;
}

bool expr_is_name_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '_' || c == '.';
}

static bool is_name_start(uint8_t c)
{
    return byte_is_alpha(c) || c == '_';
}

static void blanks_skip(struct expr_lexer *l)
{
    for (int c = scan_peek(&l->in); c == ' ' || c == '\t' || c == '\r' || c == '\n';
            c = scan_peek(&l->in))
        scan_skip(&l->in, 1);
}

// Tokens come in order, so the code points before each are counted once.
static size_t column_at(struct expr_lexer *l, size_t offset)
{
    struct str between = str_of(l->in.start + l->counted, offset - l->counted);
    l->column += str_utf8_count(between);
    l->counted = offset;
    return l->column;
}

// integer = 1*DIGIT; float = 1*DIGIT "." 1*DIGIT; duration = 1*DIGIT unit. A number never runs
// into a name: "5mb" and "1.5s" are wrong as a whole.
static bool number(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem)
{
    struct str digits, fraction = STR_NULL, unit = S(""), rest;
    scan_while(&l->in, byte_is_digit, &digits);
    if (scan_byte(&l->in, '.'))
        scan_while0(&l->in, byte_is_digit, &fraction);
    scan_while0(&l->in, expr_is_name_byte, &unit);
    rest = scan_since(&l->in, out->offset);
    out->kind = TOKEN_NUMBER;
    out->text = rest;
    if (number_value(digits, fraction, unit, &out->value))
        return true;
    problem->column = out->column;
    problem->message = arena_fmt(l->arena,
            "invalid number '%.*s' (digits, digits.digits, or digits and one of ms, s, m, h, d, w)",
            ARG(rest));
    return false;
}

static bool number_value(
        struct str digits, struct str fraction, struct str unit, struct expr_value *out)
{
    uint64_t whole;
    double real;
    if (!str_is_null(fraction)) {
        struct str text = str_of(digits.ptr, digits.len + 1 + fraction.len);
        if (fraction.len == 0 || unit.len > 0 || !str_to_double(text, &real))
            return false;
        *out = expr_float(real);
        return true;
    }
    if (!str_to_u64(digits, INT64_MAX, &whole))
        return false;
    int64_t factor = unit.len == 0 ? 1 : 0;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_eq(unit, units[i].text))
            factor = units[i].ms;
    int64_t value;
    if (factor == 0 || __builtin_mul_overflow((int64_t)whole, factor, &value))
        return false;
    *out = expr_integer(value);
    return true;
}

static bool string(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem)
{
    uint8_t delimiter = 0, c = 0;
    scan_any(&l->in, &delimiter);
    size_t begin = scan_offset(&l->in);
    while (scan_any(&l->in, &c) && c != delimiter)
        if (c == '\\')
            scan_skip(&l->in, 1);
    out->kind = TOKEN_STRING;
    out->delimiter = (char)delimiter;
    out->text = scan_since(&l->in, begin);
    if (c != delimiter || out->text.len == 0) {
        problem->column = out->column;
        problem->message = S("unterminated string");
        return false;
    }
    out->text.len--; // the delimiter
    return true;
}

static bool name(struct expr_lexer *l, struct expr_token *out)
{
    scan_while(&l->in, expr_is_name_byte, &out->text);
    out->kind = TOKEN_NAME;
    bool is_true = str_eq(out->text, S("true"));
    if (is_true || str_eq(out->text, S("false"))) {
        out->kind = TOKEN_NUMBER;
        out->value = expr_bool(is_true);
    }
    return true;
}

// "$" 1*DIGIT is a capture, "$" name a tag of filter rules.
static bool capture(struct expr_lexer *l, struct expr_token *out, struct expr_problem *problem)
{
    uint64_t place;
    struct str rest;
    scan_skip(&l->in, 1);
    int next = scan_peek(&l->in);
    if (next >= 0 && is_name_start((uint8_t)next)) {
        scan_while(&l->in, expr_is_name_byte, &rest);
        out->kind = TOKEN_GLOBAL;
        out->text = scan_since(&l->in, out->offset);
        return true;
    }
    if (!scan_u64(&l->in, UINT16_MAX, &place))
        return bad_byte(l, out, problem);
    out->kind = TOKEN_CAPTURE;
    out->text = scan_since(&l->in, out->offset);
    out->value = expr_integer((int64_t)place);
    return true;
}

static bool mark(struct expr_lexer *l, struct expr_token *out)
{
    static const struct {
        char byte;
        enum expr_token_kind kind;
    } brackets[] = {
            {'(', TOKEN_OPEN_PAREN},
            {')', TOKEN_CLOSE_PAREN},
            {'[', TOKEN_OPEN_BRACKET},
            {']', TOKEN_CLOSE_BRACKET},
            {',', TOKEN_COMMA},
    };
    for (size_t i = 0; i < COUNT_OF(brackets); i++) {
        if (scan_byte(&l->in, brackets[i].byte)) {
            out->kind = brackets[i].kind;
            out->text = scan_since(&l->in, out->offset);
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (scan_lit(&l->in, operators[i].text)) {
            out->kind = TOKEN_OPERATOR;
            out->op = operators[i].op;
            out->text = operators[i].text;
            return true;
        }
    }
    return false;
}

static bool bad_byte(
        struct expr_lexer *l, const struct expr_token *at, struct expr_problem *problem)
{
    struct str rest =
            str_of(l->in.start + at->offset, (size_t)(l->in.end - l->in.start) - at->offset);
    uint32_t code;
    size_t len = str_utf8_next(rest, &code);
    problem->column = at->column;
    if (len == 0 || code < 0x20 || code == 0x7f)
        problem->message =
                arena_fmt(l->arena, "invalid byte 0x%02x", (unsigned)(uint8_t)rest.ptr[0]);
    else
        problem->message = arena_fmt(l->arena, "invalid character '%.*s'", (int)len, rest.ptr);
    return false;
}

// "\\", "\n", "\r", "\t" and the delimiter; any other keeps its backslash.
struct str expr_unescape(struct arena *a, struct str text, char delimiter)
{
    char *out = arena_bytes(a, text.len + 1);
    size_t len = 0;
    if (out == NULL)
        return STR_NULL;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        char next = c == '\\' && i + 1 < text.len ? text.ptr[i + 1] : '\0';
        size_t known = str_find_byte(S("nrt"), next);
        if (known != STR_NOT_FOUND) {
            c = "\n\r\t"[known];
            i++;
        } else if (next != '\0' && (next == '\\' || next == delimiter)) {
            c = next;
            i++;
        }
        out[len++] = c;
    }
    return str_of(out, len);
}

// For regular expressions: everything is theirs but the delimiter.
struct str expr_unescape_delimiter(struct arena *a, struct str text, char delimiter)
{
    char *out = arena_bytes(a, text.len + 1);
    size_t len = 0;
    if (out == NULL)
        return STR_NULL;
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.ptr[i] == '\\' && i + 1 < text.len;
        if (escape && text.ptr[i + 1] != delimiter)
            out[len++] = '\\';
        out[len++] = text.ptr[escape ? ++i : i];
    }
    return str_of(out, len);
}
