// SPDX-License-Identifier: Apache-2.0
// mail/phrase.c: the name before an address, RFC 5322 3.2.5: atoms where it consists of them, else
// a quoted string, and what is beyond ASCII in encoded words (RFC 2047 2 and 5).
#include "mail/fold.h"

#include "base/encode.h"
#include "base/unicode.h"

#define PHRASE_BYTES_MAX 300 // further ones are left out
// An encoded word has 75 characters at most, its line 76 with the name of the field (RFC 2047 2).
#define ENCODED_OCTETS_MAX 39

static bool is_control(uint32_t code);
static bool is_atoms(struct str text);
static void add_quoted(struct fold *f, struct str text);

void fold_phrase(struct fold *f, struct str name)
{
    struct buf clean AUTO(buf_done);
    buf_init(&clean, PHRASE_BYTES_MAX);
    for (uint32_t code; !clean.overflow && unicode_next(&name, &code);)
        if (!is_control(code))
            buf_add_utf8(&clean, code >= UNICODE_BAD_BYTE ? '?' : code);
    struct str text = str_trim(buf_str(&clean));
    if (!str_is_ascii(text))
        fold_encoded(f, text);
    else if (is_atoms(text))
        fold_text(f, text);
    else
        add_quoted(f, text);
}

static bool is_control(uint32_t code)
{
    return code < ' ' || (code >= 0x7F && code < 0xA0);
}

// One blank between words: what has more is quoted. What looks encoded would be decoded.
static bool is_atoms(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        bool plain =
                byte_is_alnum(c) || str_find_byte(S("!#$%&'*+-/^_`{|}~"), (char)c) != STR_NOT_FOUND;
        if (!plain && (c != ' ' || text.ptr[i - 1] == ' '))
            return false;
    }
    return true;
}

static void add_quoted(struct fold *f, struct str text)
{
    fold_word(f, S("\""));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            fold_add(f, S("\\"));
        fold_add(f, str_part(text, i, 1));
    }
    fold_add(f, S("\""));
}

// A letter is never cut: RFC 2047 5, at its end.
void fold_encoded(struct fold *f, struct str text)
{
    while (!str_is_empty(text)) {
        size_t len = text.len < ENCODED_OCTETS_MAX ? text.len : ENCODED_OCTETS_MAX;
        while (len < text.len && ((uint8_t)text.ptr[len] & 0xC0) == 0x80)
            len--;
        fold_word(f, S("=?utf-8?B?"));
        encode_base64(f->out, str_upto(text, len));
        fold_add(f, S("?="));
        text = str_from(text, len);
    }
}
