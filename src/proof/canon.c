// SPDX-License-Identifier: Apache-2.0
// proof/canon.c: canonical header fields, RFC 6376 3.4.1 and 3.4.2. Only CRLF folds; a CR or LF
// alone, which some policy let pass, is an octet as any other.
#include "proof/canon.h"

#include "base/find.h"

struct field_writer {
    struct buf *out;
    bool begun; // something of the value has been written
    bool blank; // blanks are to be written when more text comes
};

static void name_add(struct buf *out, struct str name);
static void value_add(struct field_writer *w, struct str text);
static void line_add(struct field_writer *w, struct str line);
static void word_add(struct field_writer *w, struct str word);
static struct str without_last_crlf(struct str field);

struct str canon_name(enum canon canon)
{
    switch (canon) {
    case CANON_SIMPLE:
        return S("simple");
    case CANON_RELAXED:
        return S("relaxed");
    }
    return S("");
}

void canon_field_add(struct buf *out, enum canon canon, struct str field)
{
    canon_signature_add(out, canon, field, str_of(field.ptr + field.len, 0));
    buf_add(out, S("\r\n"));
}

void canon_signature_add(struct buf *out, enum canon canon, struct str field, struct str hole)
{
    field = without_last_crlf(field);
    size_t hole_at = (size_t)(hole.ptr - field.ptr);
    struct str before = str_upto(field, hole_at), after = str_from(field, hole_at + hole.len);
    if (canon == CANON_SIMPLE) {
        buf_add(out, before);
        buf_add(out, after);
        return;
    }
    struct field_writer w = {.out = out};
    size_t colon = str_find_byte(field, ':');
    assert(colon != STR_NOT_FOUND && colon < hole_at + 1);
    name_add(out, str_upto(field, colon));
    value_add(&w, str_from(before, colon + 1));
    value_add(&w, after);
}

static struct str without_last_crlf(struct str field)
{
    return str_ends(field, S("\r\n")) ? str_upto(field, field.len - 2) : field;
}

static void name_add(struct buf *out, struct str name)
{
    name = str_trim_blanks(name);
    for (size_t i = 0; i < name.len; i++)
        buf_add_byte(out, (char)byte_to_lower((uint8_t)name.ptr[i]));
    buf_add_byte(out, ':');
}

// Runs of blanks become one SP between texts, and nothing at both ends; folds are taken out.
static void value_add(struct field_writer *w, struct str text)
{
    while (!str_is_empty(text)) {
        size_t cr = str_find_byte(text, '\r');
        size_t line = cr == STR_NOT_FOUND ? text.len : cr;
        line_add(w, str_upto(text, line));
        text = str_from(text, line);
        if (str_starts(text, S("\r\n"))) {
            text = str_from(text, 2);
        } else if (!str_is_empty(text)) {
            word_add(w, S("\r"));
            text = str_from(text, 1);
        }
    }
}

static void line_add(struct field_writer *w, struct str line)
{
    while (!str_is_empty(line)) {
        size_t tight = find_loose_blank(line);
        if (tight > 0 && line.ptr[0] == ' ') { // a single one in front of a text
            w->blank = true;
            line = str_from(line, 1);
            tight--;
        }
        if (tight > 0)
            word_add(w, str_upto(line, tight));
        w->blank = w->blank || tight < line.len;
        line = str_from(line, tight + 1);
    }
}

static void word_add(struct field_writer *w, struct str word)
{
    if (w->blank && w->begun)
        buf_add_byte(w->out, ' ');
    buf_add(w->out, word);
    w->begun = true;
    w->blank = false;
}
