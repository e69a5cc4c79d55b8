// SPDX-License-Identifier: Apache-2.0
// conf/toml_string.c: finding the end of a string, and what may not stand in it. The content is a
// slice of the text where nothing in it has to be turned into something else.
#include "conf/toml_read.h"

struct string_form {
    char quote; // '"' is a basic string, with escapes; '\'' a literal one
    bool multi;
    struct toml_line line; // where it began
    size_t at;             // its first quote
};

static bool line_end_find(struct toml_reader *r, const struct string_form *f, struct str *out_raw);
static bool multi_end_find(struct toml_reader *r, const struct string_form *f, struct str *out_raw);
static size_t quotes_count(const struct scan *in, char quote);
static void char_skip(struct toml_reader *r, bool *noted);
static bool content(
        struct toml_reader *r, const struct string_form *f, struct str raw, struct str *out);
static bool newlines_unify(struct toml_reader *r, struct str raw, struct str *out);

bool toml_string(struct toml_reader *r, enum toml_string_for what, struct str *out)
{
    struct string_form f = {
            .quote = (char)scan_peek(&r->in), .line = r->line, .at = scan_offset(&r->in)};
    f.multi = quotes_count(&r->in, f.quote) >= 3;
    if (f.multi && what == STRING_FOR_KEY)
        return toml_error(r, f.at, "a key cannot be a string of several lines");
    struct str raw = STR_NULL;
    if (!(f.multi ? multi_end_find(r, &f, &raw) : line_end_find(r, &f, &raw)))
        return false;
    if (raw.len > TOML_STRING_BYTES_MAX)
        toml_error_on(r, f.line, f.at, "the string is longer than %d bytes", TOML_STRING_BYTES_MAX);
    return content(r, &f, raw, out);
}

// basic-string = quote *basic-char quote; literal-string = apostrophe *literal-char apostrophe
static bool line_end_find(struct toml_reader *r, const struct string_form *f, struct str *out_raw)
{
    bool noted = false;
    scan_byte(&r->in, f->quote);
    size_t start = scan_offset(&r->in);
    while (scan_peek(&r->in) != f->quote) {
        int c = scan_peek(&r->in);
        bool line_ends = c < 0 || c == '\n' || (c == '\r' && scan_peek_at(&r->in, 1) == '\n');
        if (line_ends)
            return toml_error(
                    r, f->at, "string started here is not closed before the end of the line");
        if (c == '\\' && f->quote == '"')
            scan_skip(&r->in, 1); // what follows is no closing quote
        if (scan_peek(&r->in) != '\n')
            char_skip(r, &noted);
    }
    *out_raw = scan_since(&r->in, start);
    scan_byte(&r->in, f->quote);
    return true;
}

// Three quotes end it, and up to two more before them belong to the content; a line end right
// behind the opening ones does not (TOML 1.0.0 "String").
static bool multi_end_find(struct toml_reader *r, const struct string_form *f, struct str *out_raw)
{
    bool noted = false;
    scan_skip(&r->in, 3);
    toml_newline(r);
    size_t start = scan_offset(&r->in);
    while (!scan_end(&r->in)) {
        size_t quotes = quotes_count(&r->in, f->quote);
        if (quotes >= 3) {
            scan_skip(&r->in, quotes < 5 ? quotes : 5);
            *out_raw = scan_since(&r->in, start);
            out_raw->len -= 3;
            return true;
        }
        if (quotes > 0) {
            scan_skip(&r->in, quotes);
            continue;
        }
        if (scan_peek(&r->in) == '\\' && f->quote == '"')
            scan_skip(&r->in, 1);
        if (!toml_newline(r))
            char_skip(r, &noted);
    }
    // Goes on at the line after the opening quotes: the rest of the file is not their content.
    r->in.at = r->in.start + f->line.start;
    r->line = f->line;
    r->line.number--;
    toml_line_begin(r);
    return toml_error(r, f->at,
            "string started here is not closed before the end of the file (it began on line %u)",
            f->line.number);
}

static size_t quotes_count(const struct scan *in, char quote)
{
    size_t count = 0;
    while (count < 6 && scan_peek_at(in, count) == quote)
        count++;
    return count;
}

// One finding a string is enough.
static void char_skip(struct toml_reader *r, bool *noted)
{
    size_t len = toml_char(scan_rest(&r->in));
    if (len == 0 && !scan_end(&r->in) && !*noted) {
        toml_bad_byte(r, scan_offset(&r->in));
        *noted = true;
    }
    scan_skip(&r->in, len > 0 ? len : 1);
}

static bool content(
        struct toml_reader *r, const struct string_form *f, struct str raw, struct str *out)
{
    if (f->quote == '"' && str_find_byte(raw, '\\') != STR_NOT_FOUND) {
        size_t at = (size_t)(raw.ptr - r->in.start);
        return toml_unescape(r, f->line, at, raw, out);
    }
    if (f->multi && str_find_byte(raw, '\r') != STR_NOT_FOUND)
        return newlines_unify(r, raw, out);
    *out = raw;
    return true;
}

// A file written with CR LF means line ends by them; here a line end is LF ("String": parsers may
// normalize newlines).
static bool newlines_unify(struct toml_reader *r, struct str raw, struct str *out)
{
    char *made = arena_bytes(r->arena, raw.len);
    if (made == NULL)
        return toml_no_memory(r);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++)
        if (!str_starts(str_from(raw, i), S("\r\n")))
            made[len++] = raw.ptr[i];
    *out = str_of(made, len);
    return true;
}
