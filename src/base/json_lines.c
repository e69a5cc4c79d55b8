// SPDX-License-Identifier: Apache-2.0
// base/json_lines.c: see base/json_lines.h.
#define POSTHASTE_BASE_ROOM
#include "base/json_lines.h"

struct json_lines json_lines_of(struct str text)
{
    return (struct json_lines){.in = scan_over(text)};
}

bool json_lines_next(struct json_lines *lines, struct arena *a, const struct json **out)
{
    struct json_error bad;
    struct str line;
    do {
        if (!scan_line(&lines->in, &line))
            return false;
        lines->number++;
    } while (str_is_empty(str_trim(line)));
    const struct json *doc = json_parse(a, line, &bad);
    if (doc == NULL)
        lines->error = fail_fmt(a, ERR_SYNTAX, "%.*s", ARG(bad.message));
    else if (doc->type != JSON_OBJECT)
        lines->error = fail(ERR_SYNTAX, "it is no object");
    lines->error = json_lines_blame(lines, a, lines->error);
    *out = doc;
    return !failed(lines->error);
}

struct err json_lines_blame(const struct json_lines *lines, struct arena *a, struct err e)
{
    return failed(e) ? fail_fmt(a, e.kind, "line %zu: %.*s", lines->number, ARG(err_text(e))) : OK;
}
