// SPDX-License-Identifier: Apache-2.0
// mail/encoded.c: encoded words, RFC 2047: =?charset?B or Q?text?=, with a language behind a star
// (RFC 2231 5). They are taken where they stand, also inside quotes and glued to other text, as
// most programs do.
#include "mail/header.h"
#include "mail/token.h"

#define OCTETS_MAX MIB
#define CHARSET_BYTES_MAX 40 // RFC 2978 2.3

static void add_q(struct buf *out, struct str text);
static bool byte_is_plain(uint8_t c);

void encoded_begin(struct encoded_words *e, struct buf *out)
{
    *e = (struct encoded_words){.out = out};
    buf_init(&e->octets, OCTETS_MAX);
}

bool encoded_take(struct encoded_words *e, struct scan *in)
{
    struct scan at = *in;
    struct str charset, encoding, text, name, language;
    if (!scan_lit(&at, S("=?")) || !scan_until_past(&at, '?', &charset) ||
            !scan_until_past(&at, '?', &encoding) || encoding.len != 1 ||
            !scan_until_past(&at, '?', &text) || !scan_byte(&at, '='))
        return false;
    if (str_cut(charset, '*', &name, &language))
        charset = name;
    uint8_t how = byte_to_lower((uint8_t)encoding.ptr[0]);
    if ((how != 'q' && how != 'b') || str_is_empty(charset) || charset.len > CHARSET_BYTES_MAX)
        return false;
    if (!str_is_null(e->charset) && !str_eq_nocase(e->charset, charset))
        encoded_flush(e);
    e->charset = charset;
    if (how == 'q')
        add_q(&e->octets, text);
    else
        transfer_base64(&e->octets, text);
    *in = at;
    return true;
}

// RFC 2047 4.2
static void add_q(struct buf *out, struct str text)
{
    struct scan in = scan_over(text);
    for (uint8_t c; scan_any(&in, &c);) {
        int high = scan_end(&in) ? -1 : byte_hex_value((uint8_t)scan_peek(&in));
        int low = scan_rest(&in).len < 2 ? -1 : byte_hex_value((uint8_t)scan_peek_at(&in, 1));
        if (c == '=' && high >= 0 && low >= 0 && scan_skip(&in, 2))
            buf_add_byte(out, (char)(high * 16 + low));
        else
            buf_add_byte(out, c == '_' ? ' ' : (char)c);
    }
}

void encoded_flush(struct encoded_words *e)
{
    if (str_is_null(e->charset))
        return;
    if (!mail_charset_add(e->out, e->charset, buf_str(&e->octets)))
        (void)mail_charset_add(e->out, S("utf-8"), buf_str(&e->octets));
    buf_clear(&e->octets);
    e->charset = STR_NULL;
}

void encoded_end(struct encoded_words *e)
{
    encoded_flush(e);
    buf_done(&e->octets);
}

void encoded_text(struct buf *out, struct str text)
{
    struct encoded_words e;
    struct scan in = scan_over(text);
    struct str space = S(""), plain;
    encoded_begin(&e, out);
    while (!scan_end(&in)) {
        size_t start = scan_offset(&in);
        if (!str_is_null(e.charset) && scan_while(&in, byte_is_space, &space))
            continue; // counts only if what follows is no encoded word
        if (encoded_take(&e, &in)) {
            space = S("");
            continue;
        }
        encoded_flush(&e);
        buf_add(out, space);
        space = S("");
        if (!scan_while(&in, byte_is_plain, &plain))
            scan_skip(&in, 1);
        (void)mail_charset_add(out, S("utf-8"), scan_since(&in, start));
    }
    encoded_end(&e);
}

static bool byte_is_plain(uint8_t c)
{
    return c != '=';
}
