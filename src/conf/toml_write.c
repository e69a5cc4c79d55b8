// SPDX-License-Identifier: Apache-2.0
// conf/toml_write.c: texts as TOML 1.0.0, so that any reader of it reads the same text back. A
// literal string is preferred where a basic one would be full of backslashes.
#include "conf/toml.h"

enum lines { LINES_NONE, LINES_MANY };
static bool is_literal(struct str text, enum lines lines);
static void basic_add(struct buf *out, struct str text);
static bool is_bare_name(struct str name);

void toml_add_string(struct buf *out, struct str text)
{
    bool escapes =
            str_find_byte(text, '\\') != STR_NOT_FOUND || str_find_byte(text, '"') != STR_NOT_FOUND;
    bool lines = str_find_byte(text, '\n') != STR_NOT_FOUND;
    if (escapes && !lines && is_literal(text, LINES_NONE) &&
            str_find_byte(text, '\'') == STR_NOT_FOUND) {
        buf_fmt(out, "'%.*s'", ARG(text));
    } else if (escapes && is_literal(text, LINES_MANY) && !str_contains(text, S("'''")) &&
               !str_ends(text, S("'"))) {
        buf_add(out, lines ? S("'''\n") : S("'''"));
        buf_add(out, text);
        buf_add(out, S("'''"));
    } else {
        basic_add(out, text);
    }
}

void toml_add_line(struct buf *out, struct str text)
{
    if (str_find_byte(text, '\n') == STR_NOT_FOUND)
        toml_add_string(out, text);
    else
        basic_add(out, text);
}

void toml_add_key(struct buf *out, struct str name)
{
    if (is_bare_name(name))
        buf_add(out, name);
    else
        basic_add(out, name);
}

// Nothing in it that only an escape can say.
static bool is_literal(struct str text, enum lines lines)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        bool control = (c < ' ' && c != '\t') || c == 0x7F;
        if (control && !(lines == LINES_MANY && c == '\n'))
            return false;
    }
    return true;
}

static void basic_add(struct buf *out, struct str text)
{
    static const char letters[] = "btn?fr"; // \b is 8, \r is 13; no letter for 11
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c == '"' || c == '\\')
            buf_fmt(out, "\\%c", c);
        else if (c >= '\b' && c <= '\r' && c != '\v')
            buf_fmt(out, "\\%c", letters[c - '\b']);
        else if (c < ' ' || c == 0x7F)
            buf_fmt(out, "\\u%04X", c);
        else
            buf_add_byte(out, (char)c);
    }
    buf_add_byte(out, '"');
}

static bool is_bare_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = (uint8_t)name.ptr[i];
        if (!byte_is_alnum(c) && c != '_' && c != '-')
            return false;
    }
    return name.len > 0;
}
