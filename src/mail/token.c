// SPDX-License-Identifier: Apache-2.0
// mail/token.c: words, comments and quotes of structured fields.
#include "mail/token.h"

#include "mail/header.h"

static struct str take_comment(struct scan *in);
static bool byte_is_atom(uint8_t c);

void token_skip(struct scan *in)
{
    struct str ignored;
    while (token_comment(in, &ignored))
        continue;
}

bool token_comment(struct scan *in, struct str *out)
{
    while (!scan_end(in) && byte_is_space((uint8_t)scan_peek(in)))
        scan_skip(in, 1);
    if (scan_peek(in) != '(')
        return false;
    *out = take_comment(in);
    return true;
}

// comment = "(" *( ctext / quoted-pair / comment ) ")"
static struct str take_comment(struct scan *in)
{
    size_t start = scan_offset(in) + 1, depth = 0;
    uint8_t c;
    while (scan_any(in, &c)) {
        if (c == '\\')
            scan_skip(in, 1);
        if (c == '(' && depth < MAIL_COMMENT_DEPTH_MAX)
            depth++;
        if (c == ')' && --depth == 0)
            break;
    }
    struct str text = scan_since(in, start);
    return depth == 0 ? str_upto(text, text.len - 1) : text;
}

void token_quoted(struct scan *in, struct buf *out)
{
    uint8_t c;
    scan_skip(in, 1);
    while (scan_any(in, &c) && c != '"') {
        if (c == '\\' && !scan_any(in, &c))
            return;
        if (c != '\r' && c != '\n')
            buf_add_byte(out, (char)c);
    }
}

bool token_atom(struct scan *in, struct str *out)
{
    return scan_while(in, byte_is_atom, out);
}

static bool byte_is_atom(uint8_t c)
{
    static const bool special[128] = {['('] = true,
            [')'] = true,
            ['<'] = true,
            ['>'] = true,
            ['['] = true,
            [']'] = true,
            [':'] = true,
            [';'] = true,
            ['@'] = true,
            ['\\'] = true,
            [','] = true,
            ['"'] = true,
            [0x7f] = true};
    return c > ' ' && (c >= 128 || !special[c]);
}
