// SPDX-License-Identifier: Apache-2.0
// conf/toml_format_value.c: keys and values in canonical form. Works on tokens of a text that has
// been read without errors, so that whatever the author chose and TOML 1.0.0 allows (the radix of a
// number, the kind of quotes, which elements share a line) stays.
#include "conf/toml_read.h"

#define INDENT_COLUMNS 4

struct rewrite {
    struct scan *in;
    struct buf *out, *hoisted;
    size_t indent; // of arrays with a line for each element
};

enum token { TOKEN_VALUE, TOKEN_COMMA, TOKEN_LINE_END, TOKEN_COMMENT, TOKEN_CLOSE };

static void value_write(struct rewrite *w);
static void array_write(struct rewrite *w);
static void array_lines_write(struct rewrite *w);
static bool array_has_lines(struct scan in);
static void line_begin(struct rewrite *w);
static void inline_write(struct rewrite *w);
static void inline_member_write(struct rewrite *w, bool is_set);
static void word_write(struct rewrite *w);
static enum token token_next(struct scan *in, struct str *out_comment);
static void value_skip(struct scan *in);
static struct str string_take(struct scan *in);
static struct str word_take(struct scan *in);
static void string_write(struct buf *out, struct str quoted);
static void literal_make(struct buf *out, struct str raw, bool *out_tolerated);
static void backslashes_double(struct buf *out, struct str quoted);
static bool escape_is_known(struct str rest);

void toml_value_rewrite(struct scan *in, struct buf *out, struct buf *hoisted)
{
    struct rewrite w = {.in = in, .out = out, .hoisted = hoisted};
    value_write(&w);
}

void toml_key_rewrite(struct scan *in, struct buf *out, enum toml_key_of of)
{
    do {
        scan_blanks(in);
        int c = scan_peek(in);
        if (c == '"' || c == '\'')
            string_write(out, string_take(in));
        while (byte_is_alnum((uint8_t)scan_peek(in)) || scan_peek(in) == '_' ||
                scan_peek(in) == '-') {
            uint8_t byte = 0;
            (void)scan_any(in, &byte);
            buf_add_byte(out, (char)(of == KEY_OF_HEADER ? byte_to_lower(byte) : byte));
        }
        scan_blanks(in);
        if (scan_peek(in) == '.')
            buf_add_byte(out, '.');
    } while (scan_byte(in, '.'));
}

// Recursion is bounded: what is rewritten was read, which bounds it by TOML_DEPTH_MAX.
static void value_write(struct rewrite *w)
{
    int c = scan_peek(w->in);
    if (c == '"' || c == '\'')
        string_write(w->out, string_take(w->in));
    else if (c == '[')
        array_write(w);
    else if (c == '{')
        inline_write(w);
    else
        word_write(w);
}

static void word_write(struct rewrite *w)
{
    buf_add(w->out, word_take(w->in));
}

// -- Arrays -------------------------------------------------------------------------------------

static void array_write(struct rewrite *w)
{
    struct str comment;
    size_t count = 0;
    bool lines = array_has_lines(*w->in);
    scan_byte(w->in, '[');
    buf_add_byte(w->out, '[');
    if (lines) {
        array_lines_write(w);
        return;
    }
    for (enum token t = token_next(w->in, &comment); t != TOKEN_CLOSE;
            t = token_next(w->in, &comment)) {
        if (t != TOKEN_VALUE)
            continue;
        buf_add(w->out, count++ > 0 ? S(", ") : S(""));
        value_write(w);
    }
    buf_add_byte(w->out, ']');
}

// Elements that shared a line still do; each has its comma, so that lines can be added and moved.
static void array_lines_write(struct rewrite *w)
{
    struct str comment;
    bool on_line = false, began = false;
    size_t line_ends = 0;
    w->indent += INDENT_COLUMNS;
    for (enum token t = token_next(w->in, &comment); t != TOKEN_CLOSE;
            t = token_next(w->in, &comment)) {
        if (t == TOKEN_COMMA)
            continue;
        if (t == TOKEN_LINE_END) {
            line_ends++;
            on_line = false;
            continue;
        }
        if (line_ends > 1 && began)
            buf_add_byte(w->out, '\n'); // one empty line where there were any
        if (on_line)
            buf_add_byte(w->out, ' ');
        else
            line_begin(w);
        line_ends = 0;
        began = on_line = true;
        if (t == TOKEN_COMMENT) {
            buf_add(w->out, comment);
            continue;
        }
        value_write(w);
        buf_add_byte(w->out, ',');
    }
    w->indent -= INDENT_COLUMNS;
    line_begin(w);
    buf_add_byte(w->out, ']');
}

static void line_begin(struct rewrite *w)
{
    buf_add_byte(w->out, '\n');
    buf_add_repeat(w->out, ' ', w->indent);
}

// Was it written over several lines, and is there something to put on them?
static bool array_has_lines(struct scan in)
{
    struct str comment;
    bool lines = false, filled = false;
    scan_byte(&in, '[');
    for (enum token t = token_next(&in, &comment); t != TOKEN_CLOSE;
            t = token_next(&in, &comment)) {
        lines |= t == TOKEN_LINE_END;
        filled |= t == TOKEN_VALUE || t == TOKEN_COMMENT;
        if (t == TOKEN_VALUE)
            value_skip(&in);
    }
    return lines && filled;
}

// -- Inline tables and sets ---------------------------------------------------------------------

// On one line, as TOML 1.0.0 wants it. A set (T2) becomes the table that it stands for.
static void inline_write(struct rewrite *w)
{
    struct str comment;
    size_t count = 0;
    scan_byte(w->in, '{');
    buf_add_byte(w->out, '{');
    bool is_set = toml_set_is_ahead(*w->in);
    for (enum token t = token_next(w->in, &comment); t != TOKEN_CLOSE;
            t = token_next(w->in, &comment)) {
        if (t == TOKEN_COMMENT) {
            buf_add(w->hoisted, comment);
            buf_add_byte(w->hoisted, '\n');
        }
        if (t != TOKEN_VALUE)
            continue;
        buf_add(w->out, count++ > 0 ? S(", ") : S(" "));
        inline_member_write(w, is_set);
    }
    buf_add(w->out, count > 0 ? S(" }") : S("}"));
}

static void inline_member_write(struct rewrite *w, bool is_set)
{
    int first = scan_peek(w->in);
    if (is_set) {
        if (first == '"' || first == '\'')
            string_write(w->out, string_take(w->in));
        else
            toml_add_key(w->out, word_take(w->in));
        buf_add(w->out, S(" = \"\""));
        return;
    }
    toml_key_rewrite(w->in, w->out, KEY_OF_PAIR);
    scan_byte(w->in, '=');
    scan_blanks(w->in);
    buf_add(w->out, S(" = "));
    value_write(w);
}

// -- Tokens -------------------------------------------------------------------------------------

// What comes next in an array or table. A value is left to its reader, all else is taken.
static enum token token_next(struct scan *in, struct str *out_comment)
{
    scan_blanks(in);
    if (scan_lit(in, S("\r\n")) || scan_byte(in, '\n'))
        return TOKEN_LINE_END;
    if (scan_byte(in, ','))
        return TOKEN_COMMA;
    if (scan_end(in) || scan_byte(in, ']') || scan_byte(in, '}'))
        return TOKEN_CLOSE;
    if (scan_peek(in) != '#')
        return TOKEN_VALUE;
    if (!scan_until(in, '\n', out_comment))
        (void)scan_take(in, scan_rest(in).len, out_comment);
    *out_comment = str_trim(*out_comment);
    return TOKEN_COMMENT;
}

// Brackets are counted, so this needs no recursion; strings and comments may hold others.
static void value_skip(struct scan *in)
{
    size_t open = 0;
    struct str comment;
    do {
        int c = scan_peek(in);
        if (c == '"' || c == '\'') {
            string_take(in);
        } else if (c == '[' || c == '{') {
            scan_skip(in, 1);
            open++;
        } else if (c == '=') {
            scan_skip(in, 1);
        } else {
            enum token t = token_next(in, &comment);
            if (t == TOKEN_VALUE)
                word_take(in);
            open -= t == TOKEN_CLOSE;
        }
    } while (open > 0 && !scan_end(in));
}

// Up to what may stand behind it; a date may have a blank in it.
static struct str word_take(struct scan *in)
{
    size_t start = scan_offset(in);
    while (!scan_end(in) &&
            str_find_byte(S(",]}#=\"'[{\r\n"), (char)scan_peek(in)) == STR_NOT_FOUND)
        scan_skip(in, 1);
    return str_trim_blanks(scan_since(in, start));
}

// -- Strings ------------------------------------------------------------------------------------

// With its quotes.
static struct str string_take(struct scan *in)
{
    size_t start = scan_offset(in), closing = 1;
    char quote = (char)scan_peek(in);
    bool multi = scan_peek_at(in, 1) == quote && scan_peek_at(in, 2) == quote;
    scan_skip(in, multi ? 3 : 1);
    while (!scan_end(in)) {
        size_t quotes = 0;
        while (quotes < 5 && scan_peek_at(in, quotes) == quote)
            quotes++;
        if (quotes >= (multi ? 3u : 1u)) {
            closing = multi ? quotes : 1;
            scan_skip(in, closing);
            break;
        }
        if (scan_peek(in) == '\\' && quote == '"')
            scan_skip(in, 1);
        scan_skip(in, quotes > 0 ? quotes : 1);
    }
    return scan_since(in, start);
}

// As it was written, line ends being LF; unless it has escapes that only T3 knows.
static void string_write(struct buf *out, struct str quoted)
{
    struct buf literal AUTO(buf_done);
    bool tolerated = false;
    buf_init(&literal, quoted.len + 2);
    if (str_starts(quoted, S("\"")))
        literal_make(&literal, str_part(quoted, 1, quoted.len - 2), &tolerated);
    if (!tolerated) {
        for (size_t i = 0; i < quoted.len; i++)
            if (quoted.ptr[i] != '\r')
                buf_add_byte(out, quoted.ptr[i]);
    } else if (literal.len > 0) {
        buf_add(out, buf_str(&literal));
    } else {
        backslashes_double(out, quoted);
    }
}

// The literal string of the same content, or nothing when there is none.
static void literal_make(struct buf *out, struct str raw, bool *out_tolerated)
{
    struct scan in = scan_over(raw);
    bool possible = !str_starts(raw, S("\"\"")) && str_find_byte(raw, '\'') == STR_NOT_FOUND;
    uint8_t c = 0;
    buf_add_byte(out, '\'');
    while (!scan_end(&in)) {
        bool known = escape_is_known(scan_rest(&in));
        (void)scan_any(&in, &c);
        if (c == '\\' && !known)
            *out_tolerated = true;
        if (c == '\\' && known) {
            (void)scan_any(&in, &c);
            possible = possible && (c == '\\' || c == '"');
        }
        possible = possible && c != '\n';
        buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '\'');
    if (!possible)
        buf_clear(out);
}

static void backslashes_double(struct buf *out, struct str quoted)
{
    struct scan in = scan_over(quoted);
    while (!scan_end(&in)) {
        uint8_t c = 0;
        bool known = escape_is_known(scan_rest(&in));
        (void)scan_any(&in, &c);
        if (c != '\r')
            buf_add_byte(out, (char)c);
        if (c == '\\' && !known)
            buf_add_byte(out, '\\');
        if (c == '\\' && known && scan_any(&in, &c) && c != '\r')
            buf_add_byte(out, (char)c);
    }
}

// Of TOML 1.0.0, or a backslash before the end of a line.
static bool escape_is_known(struct str rest)
{
    struct scan in = scan_over(rest);
    if (!scan_byte(&in, '\\') || scan_end(&in))
        return false;
    if (str_find_byte(S("btnfr\"\\uU"), (char)scan_peek(&in)) != STR_NOT_FOUND)
        return true;
    scan_blanks(&in);
    return scan_peek(&in) == '\n' || scan_peek(&in) == '\r';
}
