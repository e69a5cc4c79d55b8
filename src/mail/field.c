// SPDX-License-Identifier: Apache-2.0
// mail/field.c: lines and fields. Each octet of a header is looked at by the search for its line's
// end, and those of names once more.
#include "mail/field.h"

static struct str field_name(struct str line, size_t *out_body_at);
static bool byte_is_ftext(uint8_t c);

enum mail_line_end mail_line_end_of(struct str message)
{
    return str_contains(message, S("\r\n")) ? MAIL_CRLF : MAIL_LF;
}

bool mail_line_next(struct scan *in, enum mail_line_end end, struct str *out)
{
    struct str rest = scan_rest(in);
    size_t len = 0;
    if (str_is_empty(rest))
        return false;
    do {
        size_t more = str_find_byte(str_of(rest.ptr + len, rest.len - len), '\n');
        if (more == STR_NOT_FOUND) {
            *out = rest;
            return scan_skip(in, rest.len);
        }
        len += more + 1;
    } while (end == MAIL_CRLF && (len < 2 || rest.ptr[len - 2] != '\r'));
    *out = mail_line_trim(str_of(rest.ptr, len), end);
    return scan_skip(in, len);
}

struct str mail_line_trim(struct str bytes, enum mail_line_end end)
{
    size_t len = bytes.len;
    if (len == 0 || bytes.ptr[len - 1] != '\n')
        return bytes;
    if (len > 1 && bytes.ptr[len - 2] == '\r')
        return str_of(bytes.ptr, len - 2);
    return str_of(bytes.ptr, end == MAIL_LF ? len - 1 : len);
}

void mail_mailbox_line_skip(struct scan *in, enum mail_line_end end)
{
    struct str line;
    if (str_starts(scan_rest(in), S("From ")))
        (void)mail_line_next(in, end, &line);
}

bool mail_field_next(struct scan *in, enum mail_line_end end, struct mail_field *out)
{
    struct str line;
    size_t body_at;
    struct scan at = *in;
    if (!mail_line_next(&at, end, &line))
        return false;
    size_t start = scan_offset(in);
    if (str_is_empty(line)) {
        *in = at;
        return false;
    }
    struct str name = field_name(line, &body_at);
    for (int c = scan_peek(&at); c == ' ' || c == '\t'; c = scan_peek(&at))
        (void)mail_line_next(&at, end, &line);
    struct str all = scan_since(&at, start);
    *out = (struct mail_field){
            .name = name, .body = mail_line_trim(str_from(all, body_at), end), .all = all};
    *in = at;
    return true;
}

// field = 1*ftext *WSP ":" body CRLF, RFC 5322 2.2 and 4.5. Null: the line is none.
static struct str field_name(struct str line, size_t *out_body_at)
{
    size_t name = 0, at;
    *out_body_at = 0;
    while (name < line.len && byte_is_ftext((uint8_t)line.ptr[name]))
        name++;
    for (at = name; at < line.len && byte_is_blank((uint8_t)line.ptr[at]);)
        at++;
    if (name == 0 || at == line.len || line.ptr[at] != ':')
        return STR_NULL;
    *out_body_at = at + 1;
    return str_of(line.ptr, name);
}

static bool byte_is_ftext(uint8_t c)
{
    return c > ' ' && c < 0x7F && c != ':';
}
