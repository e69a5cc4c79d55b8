// SPDX-License-Identifier: Apache-2.0
// http/setting.c: an entry of http.headers (management.md 1.1), checked before it goes out with
// every answer.
#include "http/server.h"

static bool has_control(struct str s);

struct err http_setting_field(struct str text, struct http_field *out)
{
    struct http_field field;
    if (!str_cut(text, ':', &field.name, &field.value))
        return fail(ERR_SYNTAX, "expected \"Name: value\"");
    if (!http_is_token(field.name))
        return fail(ERR_SYNTAX, "the part before the colon is no field name");
    if (has_control(text))
        return fail(ERR_SYNTAX, "a header field cannot hold line ends or other controls");
    if (str_eq_nocase(field.name, S("Content-Length")) ||
            str_eq_nocase(field.name, S("Transfer-Encoding")) ||
            str_eq_nocase(field.name, S("Connection")))
        return fail(ERR_SYNTAX, "Content-Length, Transfer-Encoding and Connection belong to the "
                                "server");
    field.value = str_trim_blanks(field.value);
    *out = field;
    return OK;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] < ' ' && s.ptr[i] != '\t')
            return true;
    return str_find_byte(s, 0x7f) != STR_NOT_FOUND;
}
