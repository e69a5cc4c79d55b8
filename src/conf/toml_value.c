// SPDX-License-Identifier: Apache-2.0
// conf/toml_value.c: what stands behind a '='. Arrays and inline tables nest to TOML_DEPTH_MAX, so
// the recursion here is bounded by it. Bare words are the commonest mistake (forgotten quotes) and
// get messages of their own.
#include "conf/toml_read.h"

#define FULL_DATE_BYTES 10 // 1979-05-27

static bool array_read(struct toml_reader *r, struct toml *out, size_t depth);
static bool element_read(struct toml_reader *r, struct toml *array, size_t depth);
static bool inline_read(struct toml_reader *r, struct toml *out, size_t depth);
static bool inline_space(struct toml_reader *r);
static bool inline_comma(struct toml_reader *r, struct toml_line line);
static bool inline_is_free(const struct toml_reader *r);
static void ahead_space(struct scan *in);
static void ahead_string(struct scan *in);
static bool set_read(struct toml_reader *r, struct toml *out, struct toml_line line);
static bool set_member(struct toml_reader *r, struct toml *set);
static bool scalar_read(struct toml_reader *r, struct toml *out);
static bool is_word_byte(uint8_t c);
static struct str word_take(struct toml_reader *r);
static bool word_judge(struct toml_reader *r, size_t at, struct str word, struct toml *out);
static bool bare_word(struct toml_reader *r, size_t at, struct str word);
static bool nothing_there(struct toml_reader *r);
static bool is_opened(struct toml_reader *r, size_t depth);
static bool expect_more(struct toml_reader *r, struct toml_line line, const char *what);

bool toml_value(struct toml_reader *r, struct toml *out, size_t depth)
{
    const struct toml *outer = r->reading;
    bool read;
    r->reading = out;
    switch (scan_peek(&r->in)) {
    case '"':
    case '\'':
        out->type = TOML_STRING;
        read = toml_string(r, STRING_FOR_VALUE, &out->text);
        break;
    case '[':
        read = array_read(r, out, depth);
        break;
    case '{':
        read = inline_read(r, out, depth);
        break;
    default:
        read = scalar_read(r, out);
    }
    r->reading = outer;
    return read;
}

// -- Arrays -------------------------------------------------------------------------------------

// array = "[" [ space value *( space "," space value ) [ space "," ] ] space "]"
static bool array_read(struct toml_reader *r, struct toml *out, size_t depth)
{
    struct toml_line line = r->line;
    out->type = TOML_ARRAY;
    if (!is_opened(r, depth))
        return false;
    toml_space(r);
    while (!scan_byte(&r->in, ']')) {
        if (scan_end(&r->in))
            return expect_more(r, line, "']'");
        if (!element_read(r, out, depth))
            return false;
        toml_space(r);
        if (scan_byte(&r->in, ','))
            toml_space(r);
        else if (scan_peek(&r->in) != ']')
            return expect_more(r, line, "',' or ']'");
    }
    return true;
}

static bool element_read(struct toml_reader *r, struct toml *array, size_t depth)
{
    struct toml *element = toml_node(r, array, TOML_BOOL, scan_offset(&r->in));
    if (element == NULL || !toml_value(r, element, depth + 1))
        return false;
    if (array->count == TOML_ARRAY_COUNT_MAX)
        return toml_error(
                r, scan_offset(&r->in), "an array has at most %d elements", TOML_ARRAY_COUNT_MAX);
    toml_link(r, element);
    return true;
}

static bool is_opened(struct toml_reader *r, size_t depth)
{
    if (depth == TOML_DEPTH_MAX)
        return toml_error(r, scan_offset(&r->in), "Too many nested structures");
    return scan_skip(&r->in, 1);
}

// The place is where something else stands; where it opened is worth telling if that is elsewhere.
static bool expect_more(struct toml_reader *r, struct toml_line line, const char *what)
{
    size_t at = scan_offset(&r->in);
    if (toml_at_bad_byte(r))
        return toml_bad_byte(r, at);
    if (line.number != r->line.number)
        return toml_error(
                r, at, "expected %s to go on with what was opened on line %u", what, line.number);
    return toml_error(r, at, "expected %s", what);
}

// -- Inline tables ------------------------------------------------------------------------------

// inline-table = "{" [ ws pair *( ws "," ws pair ) ] ws "}"
static bool inline_read(struct toml_reader *r, struct toml *out, size_t depth)
{
    struct toml_line line = r->line;
    out->type = TOML_TABLE;
    out->made_by = MADE_INLINE;
    if (!is_opened(r, depth))
        return false;
    if (r->options.tolerance == TOML_TOLERANT && toml_set_is_ahead(r->in))
        return set_read(r, out, line);
    if (!inline_space(r))
        return false;
    while (!scan_byte(&r->in, '}')) {
        if (scan_end(&r->in))
            return expect_more(r, line, "'}'");
        if (!toml_pair(r, out, depth + 1) || !inline_space(r))
            return false;
        if (scan_peek(&r->in) != '}' && !inline_comma(r, line))
            return false;
    }
    return true;
}

// TOML 1.1.0 and tolerance T1 allow a comma behind the last pair.
static bool inline_comma(struct toml_reader *r, struct toml_line line)
{
    if (!scan_byte(&r->in, ','))
        return expect_more(r, line, "',' or '}'");
    if (!inline_space(r))
        return false;
    if (scan_peek(&r->in) == '}' && !inline_is_free(r))
        return toml_error(r, scan_offset(&r->in),
                "expected a key: no comma may stand before the '}' of an inline table");
    return true;
}

// They also allow line ends and comments wherever there may be blanks.
static bool inline_space(struct toml_reader *r)
{
    if (inline_is_free(r)) {
        toml_space(r);
        return true;
    }
    scan_blanks(&r->in);
    struct str rest = scan_rest(&r->in);
    if (str_starts(rest, S("\n")) || str_starts(rest, S("\r\n")) || str_starts(rest, S("#")))
        return toml_error(r, scan_offset(&r->in), "an inline table must end on the line it began");
    return true;
}

static bool inline_is_free(const struct toml_reader *r)
{
    return r->options.version == TOML_1_1 || r->options.tolerance == TOML_TOLERANT;
}

// -- Set literals (T2) --------------------------------------------------------------------------

// Behind '{', is there a string or word that has no '=' behind it?
bool toml_set_is_ahead(struct scan in)
{
    struct str word;
    ahead_space(&in);
    int first = scan_peek(&in);
    if (first == '"' || first == '\'')
        ahead_string(&in);
    else if (!scan_while(&in, is_word_byte, &word))
        return false;
    ahead_space(&in);
    return scan_peek(&in) == ',' || scan_peek(&in) == '}';
}

static void ahead_space(struct scan *in)
{
    struct str comment;
    do {
        if (scan_peek(in) == '#' && !scan_until(in, '\n', &comment))
            in->at = in->end;
        scan_blanks(in);
    } while (scan_byte(in, '\n') || scan_byte(in, '\r') || scan_peek(in) == '#');
}

static void ahead_string(struct scan *in)
{
    char quote = (char)scan_peek(in);
    scan_skip(in, 1);
    while (!scan_byte(in, quote)) {
        if (scan_peek(in) == '\\' && quote == '"')
            scan_skip(in, 1);
        if (scan_peek(in) == '\n' || !scan_skip(in, 1))
            return;
    }
}

// set = "{" space member *( space "," space member ) [ space "," ] space "}"
static bool set_read(struct toml_reader *r, struct toml *out, struct toml_line line)
{
    out->set_literal = true;
    if (!r->set_seen)
        toml_warning_on(r, r->line, scan_offset(&r->in) - 1, S("set-literal"),
                "a set in braces is no TOML; use an array: [ ]");
    r->set_seen = true;
    toml_space(r);
    while (!scan_byte(&r->in, '}')) {
        if (!set_member(r, out))
            return false;
        toml_space(r);
        if (scan_byte(&r->in, ','))
            toml_space(r);
        else if (scan_peek(&r->in) != '}')
            return expect_more(r, line, "',' or '}'");
    }
    return true;
}

static bool set_member(struct toml_reader *r, struct toml *set)
{
    struct toml_key key = {.at = scan_offset(&r->in)};
    int first = scan_peek(&r->in);
    key.quoted = first == '"' || first == '\'';
    if (key.quoted && !toml_string(r, STRING_FOR_KEY, &key.text))
        return false;
    if (!key.quoted)
        key.text = word_take(r);
    if (!key.quoted && key.text.len == 0)
        return nothing_there(r);
    struct toml *member = toml_leaf(r, set, &key);
    if (member == NULL)
        return false;
    member->type = TOML_STRING;
    member->text = S("");
    toml_link(r, member);
    return true;
}

// -- Scalars without quotes ---------------------------------------------------------------------

static bool scalar_read(struct toml_reader *r, struct toml *out)
{
    size_t at = scan_offset(&r->in);
    struct str word = word_take(r);
    if (word.len == 0)
        return nothing_there(r);
    // A blank may stand between date and time (RFC 3339 5.6).
    bool time_follows = word.len == FULL_DATE_BYTES && toml_word_is_date(word) &&
                        scan_peek(&r->in) == ' ' && byte_is_digit((uint8_t)scan_peek_at(&r->in, 1));
    if (time_follows) {
        scan_byte(&r->in, ' ');
        word_take(r);
        word = scan_since(&r->in, at);
    }
    return word_judge(r, at, word, out);
}

// Up to what separates values.
static struct str word_take(struct toml_reader *r)
{
    size_t at = scan_offset(&r->in);
    while (!scan_end(&r->in) && is_word_byte((uint8_t)scan_peek(&r->in))) {
        size_t len = toml_char(scan_rest(&r->in));
        if (len == 0)
            break;
        scan_skip(&r->in, len);
    }
    return scan_since(&r->in, at);
}

static bool is_word_byte(uint8_t c)
{
    return c > ' ' && c != 0x7F && str_find_byte(S(",=#[]{}\"'"), (char)c) == STR_NOT_FOUND;
}

static bool word_judge(struct toml_reader *r, size_t at, struct str word, struct toml *out)
{
    int next = scan_peek(&r->in);
    out->text = word;
    out->boolean = str_eq(word, S("true"));
    if (next == '"' || next == '\'')
        return bare_word(r, at, word);
    if (out->boolean || str_eq(word, S("false"))) {
        out->type = TOML_BOOL;
    } else if (toml_word_is_date(word)) {
        if (!toml_date(word, r->options.version, &out->type))
            toml_error(r, at, "invalid date or time '%.*s'", ARG(toml_excerpt(word)));
    } else if (toml_word_is_number(word)) {
        enum toml_verdict verdict = toml_number(word, out);
        if (verdict == VERDICT_BAD)
            toml_error(r, at, "invalid number '%.*s'", ARG(toml_excerpt(word)));
        if (verdict == VERDICT_RANGE)
            toml_error(r, at, "%s out of range", out->type == TOML_FLOAT ? "float" : "integer");
    } else {
        return bare_word(r, at, word);
    }
    return true;
}

static bool bare_word(struct toml_reader *r, size_t at, struct str word)
{
    int next = scan_peek(&r->in);
    struct str shown = toml_excerpt(word);
    if (next == '"' || next == '\'')
        return toml_error(r, at,
                "expected a value, found bare word '%.*s'; is the opening quote missing?",
                ARG(shown));
    if (word.ptr[0] == '!')
        return toml_error(r, at,
                "expected a value, found '%.*s'; write \"%%{env:%.*s}%%\" for the environment "
                "variable",
                ARG(shown), ARG(str_from(shown, 1)));
    return toml_error(
            r, at, "expected a value, found bare word '%.*s'; strings need quotes", ARG(shown));
}

static bool nothing_there(struct toml_reader *r)
{
    size_t at = scan_offset(&r->in);
    int c = scan_peek(&r->in);
    if (toml_at_bad_byte(r))
        return toml_bad_byte(r, at);
    if (c < 0 || c == '\n' || c == '\r' || c == '#')
        return toml_error(r, at, "expected a value");
    return toml_error(r, at, "expected a value, found '%c'", c);
}
