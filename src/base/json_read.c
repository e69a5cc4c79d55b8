// SPDX-License-Identifier: Apache-2.0
// base/json_read.c: the JSON reader. One loop and a stack of open arrays and objects, no recursion,
// so that depth costs memory of the arena and not of a coroutine's small stack. It goes forward
// only: every byte is looked at a fixed number of times. Lines end at LF; columns are counted from
// a mark that moves along, because a position is only needed where a value begins.
#define POSTHASTE_BASE_ROOM
#include "base/json.h"

struct level {
    struct json *parent, *last; // an open array or object, and its newest child
};

struct reader {
    struct arena *arena;
    struct scan in;
    struct json_error bad;
    const char *mark; // position (line, column) belongs to this byte
    uint32_t line, column;
    size_t depth;
    bool opened;          // a level was opened just now: the next value is its first child
    struct level *levels; // JSON_DEPTH_MAX of them
    struct json *root;
};

static bool document(struct reader *r);
static bool value(struct reader *r);
static bool value_content(struct reader *r, struct json *v);
static void child_add(struct reader *r, struct json *v);
static bool level_open(struct reader *r, struct json *v);
static bool after_value(struct reader *r, bool *out_done);
static bool member_name(struct reader *r, struct json *v);
static bool string(struct reader *r, struct str *out);
static bool string_end(struct reader *r, bool *out_escapes);
static bool escape_skip(struct reader *r);
static bool surrogates_skip(struct reader *r, uint64_t high, const char *start);
static struct str unescape(struct reader *r, struct str raw);
static uint32_t escape_code(struct scan *in);
static bool is_plain(uint8_t c);
static bool number(struct reader *r, struct str *out);
static bool digits(struct reader *r);
static bool word(struct reader *r, struct str name, enum json_type type, struct json *v);
static void skip_space(struct reader *r);
static void position(struct reader *r, const char *at, uint32_t *out_line, uint32_t *out_column);
static bool bad_at(struct reader *r, const char *at, struct str message);
static bool bad_expected(struct reader *r, const char *what);

struct json *json_parse(struct arena *a, struct str text, struct json_error *out_error)
{
    struct reader r = {.arena = a, .in = scan_over(text), .line = 1, .column = 1};
    r.mark = r.in.start;
    if (document(&r))
        return r.root;
    *out_error = r.bad;
    return NULL;
}

// JSON-text = ws value ws      RFC 8259 2
static bool document(struct reader *r)
{
    if (scan_rest(&r->in).len > UINT32_MAX)
        return bad_at(r, r->in.at, S("longer than 4 GiB"));
    if (str_starts(scan_rest(&r->in), S("\xef\xbb\xbf"))) // RFC 8259 8.1
        return bad_at(r, r->in.at, S("a byte order mark is not allowed here"));
    r->levels = arena_array(r->arena, JSON_DEPTH_MAX, struct level);
    if (r->levels == NULL)
        return bad_at(r, r->in.at, S("too large: the memory allowed for it is used up"));
    for (bool done = false; !done;) {
        r->opened = false;
        if (!value(r))
            return false;
        if (!r->opened && !after_value(r, &done))
            return false;
    }
    return scan_end(&r->in) || bad_expected(r, "the end after the value");
}

// One value, or only the opening of an array or object that is not empty.
static bool value(struct reader *r)
{
    skip_space(r);
    struct json *v = arena_make(r->arena, struct json);
    if (v == NULL)
        return bad_at(r, r->in.at, S("too large: the memory allowed for it is used up"));
    struct level *in = r->depth > 0 ? &r->levels[r->depth - 1] : NULL;
    if (in != NULL && in->parent->type == JSON_OBJECT && !member_name(r, v))
        return false;
    position(r, r->in.at, &v->line, &v->column);
    if (!value_content(r, v))
        return false;
    if (v->type == JSON_ARRAY || v->type == JSON_OBJECT)
        return level_open(r, v);
    child_add(r, v);
    return true;
}

// Anything but what is inside of an array or object, whose opening is only looked at.
// value = false / null / true / object / array / number / string      RFC 8259 3
static bool value_content(struct reader *r, struct json *v)
{
    switch (scan_peek(&r->in)) {
    case '{':
        v->type = JSON_OBJECT;
        return true;
    case '[':
        v->type = JSON_ARRAY;
        return true;
    case '"':
        v->type = JSON_STRING;
        return string(r, &v->text);
    case 't':
        return word(r, S("true"), JSON_TRUE, v);
    case 'f':
        return word(r, S("false"), JSON_FALSE, v);
    case 'n':
        return word(r, S("null"), JSON_NULL, v);
    default:
        v->type = JSON_NUMBER;
        return number(r, &v->text);
    }
}

static void child_add(struct reader *r, struct json *v)
{
    if (r->depth == 0) {
        r->root = v;
        return;
    }
    struct level *in = &r->levels[r->depth - 1];
    if (in->last == NULL)
        in->parent->first = v;
    else
        in->last->next = v;
    in->last = v;
    in->parent->count++;
}

// An empty one is complete at once; else the document's loop reads on inside of it.
static bool level_open(struct reader *r, struct json *v)
{
    if (r->depth == JSON_DEPTH_MAX)
        return bad_at(r, r->in.at, S("nested too deeply"));
    child_add(r, v);
    scan_skip(&r->in, 1);
    skip_space(r);
    r->opened = !scan_byte(&r->in, v->type == JSON_OBJECT ? '}' : ']');
    if (r->opened)
        r->levels[r->depth++] = (struct level){.parent = v};
    return true;
}

// What follows a value: a comma and another one, or the end of one or more levels.
static bool after_value(struct reader *r, bool *out_done)
{
    skip_space(r);
    while (r->depth > 0) {
        bool object = r->levels[r->depth - 1].parent->type == JSON_OBJECT;
        if (scan_byte(&r->in, ','))
            return true;
        if (!scan_byte(&r->in, object ? '}' : ']'))
            return bad_expected(r, object ? "',' or '}'" : "',' or ']'");
        r->depth--;
        skip_space(r);
    }
    *out_done = true;
    return true;
}

// member = string ws ":" ws value      RFC 8259 4
static bool member_name(struct reader *r, struct json *v)
{
    position(r, r->in.at, &v->key_line, &v->key_column);
    if (scan_peek(&r->in) != '"')
        return bad_expected(r, "a member name in quotes");
    if (!string(r, &v->key))
        return false;
    skip_space(r);
    if (!scan_byte(&r->in, ':'))
        return bad_expected(r, "':'");
    skip_space(r);
    return true;
}

// string = quotation-mark *char quotation-mark      RFC 8259 7
static bool string(struct reader *r, struct str *out)
{
    bool escapes = false;
    scan_skip(&r->in, 1);
    size_t start = scan_offset(&r->in);
    if (!string_end(r, &escapes))
        return false;
    struct str raw = scan_since(&r->in, start);
    scan_skip(&r->in, 1);
    *out = escapes ? unescape(r, raw) : raw;
    if (str_is_null(*out))
        return bad_at(r, raw.ptr, S("too large: the memory allowed for it is used up"));
    return true;
}

// Goes to the closing quote and checks all on the way to it.
static bool string_end(struct reader *r, bool *out_escapes)
{
    struct scan *in = &r->in;
    for (;;) {
        struct str plain;
        scan_while0(in, is_plain, &plain);
        int c = scan_peek(in);
        if (c == '"')
            return true;
        if (c < 0)
            return bad_at(r, in->at, S("the text ends inside a string"));
        if (c < ' ')
            return bad_at(r, in->at, S("a control character in a string must be escaped"));
        if (c == '\\') {
            *out_escapes = true;
            if (!escape_skip(r))
                return false;
            continue;
        }
        uint32_t code;
        size_t len = str_utf8_next(scan_rest(in), &code);
        if (len == 0)
            return bad_at(r, in->at, S("this is not UTF-8"));
        scan_skip(in, len);
    }
}

static bool is_plain(uint8_t c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

static bool escape_skip(struct reader *r)
{
    struct scan *in = &r->in;
    const char *start = in->at;
    uint8_t c = 0;
    scan_skip(in, 1);
    if (!scan_any(in, &c))
        return bad_at(r, in->at, S("the text ends inside a string"));
    if (str_find_byte(S("\"\\/bfnrt"), (char)c) != STR_NOT_FOUND)
        return true;
    if (c != 'u')
        return bad_at(r, start, S("unknown escape: after \\ comes one of \" \\ / b f n r t u"));
    struct str four;
    uint64_t code;
    if (!scan_take(in, 4, &four))
        return bad_at(r, start, S("\\u needs four hex digits"));
    struct scan hex = scan_over(four);
    if (!scan_hex_u64(&hex, 4, &code) || !scan_end(&hex))
        return bad_at(r, start, S("\\u needs four hex digits"));
    return surrogates_skip(r, code, start);
}

// A code point beyond U+FFFF is two escapes, high surrogate first.
static bool surrogates_skip(struct reader *r, uint64_t high, const char *start)
{
    if (high < 0xd800 || high > 0xdfff)
        return true;
    struct str low = str_upto(scan_rest(&r->in), 6);
    struct scan in = scan_over(low);
    uint64_t code;
    if (high > 0xdbff || !scan_lit(&in, S("\\u")) || !scan_hex_u64(&in, 4, &code) ||
            !scan_end(&in) || low.len != 6 || code < 0xdc00 || code > 0xdfff)
        return bad_at(r, start, S("half of a surrogate pair"));
    return scan_skip(&r->in, low.len);
}

// `raw` has been checked: every escape in it is whole. What it stands for is never longer.
static struct str unescape(struct reader *r, struct str raw)
{
    char *made = arena_bytes(r->arena, raw.len + 1);
    if (made == NULL)
        return STR_NULL;
    size_t len = 0;
    struct scan in = scan_over(raw);
    while (!scan_end(&in)) {
        uint8_t c = 0;
        scan_any(&in, &c);
        if (c == '\\')
            len += utf8_put(escape_code(&in), made + len);
        else
            made[len++] = (char)c;
    }
    return str_of(made, len);
}

static uint32_t escape_code(struct scan *in)
{
    uint8_t c = 0;
    struct str four = S("");
    uint64_t code = 0, low = 0;
    scan_any(in, &c);
    size_t simple = str_find_byte(S("bfnrt"), (char)c);
    if (simple != STR_NOT_FOUND)
        return (uint32_t) "\b\f\n\r\t"[simple];
    if (c != 'u')
        return c;
    scan_take(in, 4, &four);
    struct scan hex = scan_over(four);
    scan_hex_u64(&hex, 4, &code);
    if (code < 0xd800 || code > 0xdbff)
        return (uint32_t)code;
    scan_skip(in, 2);
    scan_take(in, 4, &four);
    hex = scan_over(four);
    scan_hex_u64(&hex, 4, &low);
    return (uint32_t)(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
}

// number = [ "-" ] int [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "-" / "+" ] 1*DIGIT ]      RFC 8259 6
static bool number(struct reader *r, struct str *out)
{
    struct scan *in = &r->in;
    size_t start = scan_offset(in);
    bool minus = scan_byte(in, '-');
    int first = scan_peek(in);
    if (!minus && (first < 0 || !byte_is_digit((uint8_t)first)))
        return bad_expected(r, "a value");
    if (!digits(r))
        return false;
    if (first == '0' && scan_offset(in) - start > (minus ? 2u : 1u))
        return bad_at(r, in->start + start, S("a number has no leading zeros"));
    if (scan_byte(in, '.') && !digits(r))
        return false;
    if (scan_lit_nocase(in, S("e"))) {
        if (!scan_byte(in, '-'))
            scan_byte(in, '+');
        if (!digits(r))
            return false;
    }
    *out = scan_since(in, start);
    return true;
}

static bool digits(struct reader *r)
{
    struct str taken;
    return scan_while(&r->in, byte_is_digit, &taken) || bad_expected(r, "a digit");
}

static bool word(struct reader *r, struct str name, enum json_type type, struct json *v)
{
    if (!scan_lit(&r->in, name))
        return bad_expected(r, "a value");
    v->type = type;
    return true;
}

static void skip_space(struct reader *r)
{
    for (;;) {
        int c = scan_peek(&r->in);
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return;
        scan_skip(&r->in, 1);
        if (c == '\n') {
            r->line++;
            r->column = 1;
            r->mark = r->in.at;
        }
    }
}

// Where `at` stands, which is never before the mark: code points since then are its bytes that
// continue no other.
static void position(struct reader *r, const char *at, uint32_t *out_line, uint32_t *out_column)
{
    assert(at >= r->mark);
    for (; r->mark < at; r->mark++)
        r->column += ((uint8_t)*r->mark & 0xc0) != 0x80;
    *out_line = r->line;
    *out_column = r->column;
}

static bool bad_at(struct reader *r, const char *at, struct str message)
{
    r->bad.message = message;
    position(r, at, &r->bad.line, &r->bad.column);
    return false;
}

static bool bad_expected(struct reader *r, const char *what)
{
    int c = scan_peek(&r->in);
    struct str message;
    if (c < 0)
        message = arena_fmt(r->arena, "expected %s, found the end", what);
    else if (c > ' ' && c < 0x7f)
        message = arena_fmt(r->arena, "expected %s, found '%c'", what, c);
    else
        message = arena_fmt(r->arena, "expected %s, found byte 0x%02x", what, (unsigned)c);
    return bad_at(r, r->in.at, str_is_null(message) ? S("this is no JSON") : message);
}

struct json *json_member(const struct json *object, struct str key)
{
    struct json *found = NULL;
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    for (struct json *v = object->first; v != NULL; v = v->next)
        if (str_eq(v->key, key))
            found = v;
    return found;
}

bool json_to_i64(const struct json *v, int64_t *out)
{
    double real;
    if (v == NULL || v->type != JSON_NUMBER)
        return false;
    if (str_to_i64(v->text, out))
        return true;
    // With a fraction or exponent, as some writers put whole numbers: exact up to 2^53.
    if (!json_to_double(v, &real) || real < -0x1p53 || real > 0x1p53 ||
            real != (double)(int64_t)real)
        return false;
    *out = (int64_t)real;
    return true;
}

bool json_to_double(const struct json *v, double *out)
{
    return v != NULL && v->type == JSON_NUMBER && str_to_double(v->text, out);
}

bool json_is_bool(const struct json *v)
{
    return v != NULL && (v->type == JSON_TRUE || v->type == JSON_FALSE);
}

struct str json_string(const struct json *v, struct str otherwise)
{
    return v != NULL && v->type == JSON_STRING ? v->text : otherwise;
}
