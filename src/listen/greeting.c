// SPDX-License-Identifier: Apache-2.0
// listen/greeting.c: greeting lines.
#include "listen/greeting.h"

static struct str without_controls(struct arena *a, struct str line);
static bool begins_with_word(struct str line, struct str word);

struct err greeting_make(struct arena *a, struct str text, struct str host, struct str_list *out)
{
    VEC(struct str) lines = {0};
    struct str rest = text, line;
    while (str_split(&rest, '\n', &line)) {
        struct str plain = without_controls(a, line);
        if (lines.count == 0 && !begins_with_word(plain, host))
            plain = arena_fmt(a, "%.*s%s%.*s", ARG(host), plain.len > 0 ? " " : "", ARG(plain));
        struct str *added = vec_add(a, &lines);
        if (added == NULL || str_is_null(plain))
            return fail(ERR_LIMIT, "no memory for a greeting");
        if (lines.count > GREETING_LINES_MAX)
            return fail_fmt(a, ERR_CONFIG, "a greeting has at most %d lines", GREETING_LINES_MAX);
        if (plain.len > GREETING_LINE_BYTES_MAX)
            return fail_fmt(a, ERR_CONFIG,
                    "line %zu of the greeting has %zu octets with the host name; at most %d",
                    lines.count, plain.len, GREETING_LINE_BYTES_MAX);
        *added = plain;
    }
    *out = (struct str_list){lines.at, lines.count};
    return OK;
}

static struct str without_controls(struct arena *a, struct str line)
{
    char *copy = arena_bytes(a, line.len + 1);
    size_t len = 0;
    for (size_t i = 0; copy != NULL && i < line.len; i++)
        if ((uint8_t)line.ptr[i] >= ' ' && line.ptr[i] != 0x7f)
            copy[len++] = line.ptr[i];
    return copy == NULL ? STR_NULL : str_of(copy, len);
}

static bool begins_with_word(struct str line, struct str word)
{
    return str_starts_nocase(line, word) && (line.len == word.len || line.ptr[word.len] == ' ');
}
