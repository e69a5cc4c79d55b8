// SPDX-License-Identifier: Apache-2.0
// http/field.c: lines, tokens, field lines and comma lists. See http/field.h.
#include "http/field.h"

static bool octet_is_allowed(uint8_t c);
static enum http_read line_bad(struct http_line *line, struct http_problem problem);

bool http_is_token_byte(uint8_t c)
{
    return byte_is_alnum(c) ||
           (c != 0 && c < 0x80 && str_find_byte(S("!#$%&'*+-.^_`|~"), (char)c) != STR_NOT_FOUND);
}

bool http_is_token(struct str s)
{
    struct scan in = scan_over(s);
    struct str token;
    return scan_while(&in, http_is_token_byte, &token) && scan_end(&in);
}

enum http_read http_line_read(
        struct http_line *line, struct str buffered, size_t bytes_max, struct http_problem too_long)
{
    for (;; line->looked++) {
        if (line->looked >= bytes_max)
            return line_bad(line, too_long);
        if (line->looked >= buffered.len)
            return HTTP_MORE;
        uint8_t c = (uint8_t)buffered.ptr[line->looked];
        if (c == '\r')
            break;
        if (c == '\n')
            return line_bad(line, http_problem(400, "a line ends in LF without CR"));
        if (!octet_is_allowed(c))
            return line_bad(line, http_problem(400, "a control octet in a line"));
    }
    // A CR is looked at again until the octet behind it has come.
    if (line->looked + 1 >= bytes_max)
        return line_bad(line, too_long);
    if (line->looked + 1 >= buffered.len)
        return HTTP_MORE;
    if (buffered.ptr[line->looked + 1] != '\n')
        return line_bad(line, http_problem(400, "a CR without LF"));
    line->text = str_upto(buffered, line->looked);
    line->bytes = line->looked + 2;
    return HTTP_DONE;
}

static enum http_read line_bad(struct http_line *line, struct http_problem problem)
{
    line->problem = problem;
    return HTTP_BAD;
}

// field-vchar = VCHAR / obs-text, SP and HTAB           RFC 9110 5.5
static bool octet_is_allowed(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

struct http_problem http_field_parse(struct str line, struct http_field *out)
{
    struct scan in = scan_over(line);
    struct http_field field;
    if (byte_is_blank((uint8_t)scan_peek(&in)))
        return http_problem(400, "a folded header field"); // obs-fold, RFC 9112 5.2
    if (!scan_while(&in, http_is_token_byte, &field.name))
        return http_problem(400, "a header field without a name");
    // RFC 9112 5.1: a blank here has been read differently by different servers, so it is refused.
    if (scan_peek(&in) == ' ' || scan_peek(&in) == '\t')
        return http_problem(400, "a blank before the colon of a header field");
    if (!scan_byte(&in, ':'))
        return http_problem(400, "a header field whose name is no token");
    field.value = str_trim_blanks(scan_rest(&in));
    *out = field;
    return HTTP_FINE;
}

bool http_list_next(struct str *rest, struct str *out_element)
{
    struct str element;
    while (str_split(rest, ',', &element)) {
        *out_element = str_trim_blanks(element);
        if (out_element->len > 0)
            return true;
    }
    return false;
}
