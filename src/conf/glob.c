// SPDX-License-Identifier: Apache-2.0
// conf/glob.c: compiling globs into units (code points and two wildcards) and matching them with
// two pointers: the place of the last '*' is all that is ever gone back to, since a later '*' can
// make up for any choice of an earlier one.
//
// The fast shapes compare bytes. They apply only when what remains of the pattern has no wildcard
// and is well-formed: then bytes agree exactly where code points do.
#include "conf/glob.h"

#include "base/unicode.h"

#define GLOB_ANY_RUN 0xFFFFFFFFu
#define GLOB_ANY_ONE 0xFFFFFFFEu

static struct err units_read(
        struct arena *a, struct str pattern, enum glob_case fold, struct glob *out);
static void shape_choose(struct glob *g, struct str text);
static bool units_match(const struct glob *g, struct str subject);
static bool unit_fits(const struct glob *g, uint32_t unit, uint32_t code);

struct err glob_compile(struct arena *a, struct str pattern, enum glob_case fold, struct glob *out)
{
    if (pattern.len > GLOB_BYTES_MAX)
        return fail_fmt(a, ERR_SYNTAX, "the pattern is longer than %d bytes", GLOB_BYTES_MAX);
    return units_read(a, pattern, fold, out);
}

bool glob_match(const struct glob *g, struct str subject)
{
    switch (g->shape) {
    case GLOB_LITERAL:
        return str_eq(subject, g->text);
    case GLOB_PREFIX:
        return str_starts(subject, g->text);
    case GLOB_SUFFIX:
        return str_ends(subject, g->text);
    case GLOB_GENERAL:
        break;
    }
    return units_match(g, subject);
}

bool glob_has_wildcard(struct str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.ptr[i] == '\\')
            i++;
        else if (pattern.ptr[i] == '*' || pattern.ptr[i] == '?')
            return true;
    }
    return false;
}

static struct err units_read(
        struct arena *a, struct str pattern, enum glob_case fold, struct glob *out)
{
    struct glob g = {.fold = fold, .pattern = arena_str(a, pattern)};
    uint32_t *units = arena_array(a, pattern.len + 1, uint32_t);
    char *text = arena_bytes(a, pattern.len + 1);
    if (str_is_null(g.pattern) || units == NULL || text == NULL)
        return fail(ERR_LIMIT, "no memory for a pattern");
    struct str rest = pattern;
    size_t text_len = 0;
    for (uint32_t code; unicode_next(&rest, &code);) {
        bool escaped = code == '\\';
        if (escaped && !unicode_next(&rest, &code))
            return fail(ERR_SYNTAX, "the pattern ends with a lone '\\'");
        if (!escaped && code == '*') {
            if (g.unit_count == 0 || units[g.unit_count - 1] != GLOB_ANY_RUN)
                units[g.unit_count++] = GLOB_ANY_RUN;
            continue;
        }
        if (!escaped && code == '?') {
            units[g.unit_count++] = GLOB_ANY_ONE;
            continue;
        }
        units[g.unit_count++] = fold == GLOB_NOCASE ? unicode_lower(code) : code;
        if (code < UNICODE_BAD_BYTE)
            text_len += utf8_put(code, text + text_len);
    }
    g.units = units;
    shape_choose(&g, str_of(text, text_len));
    *out = g;
    return OK;
}

// `text` is all that is literal in the pattern. Equal numbers of units and of its code points tell
// that nothing else (a wildcard, an ill-formed byte) was there.
static void shape_choose(struct glob *g, struct str text)
{
    size_t literal_count = str_utf8_count(text);
    bool run_first = g->unit_count > 0 && g->units[0] == GLOB_ANY_RUN;
    bool run_last = g->unit_count > 0 && g->units[g->unit_count - 1] == GLOB_ANY_RUN;
    g->shape = GLOB_GENERAL;
    if (g->fold == GLOB_NOCASE)
        return;
    g->text = text;
    if (literal_count == g->unit_count)
        g->shape = GLOB_LITERAL;
    else if (run_last && literal_count + 1 == g->unit_count)
        g->shape = GLOB_PREFIX;
    else if (run_first && literal_count + 1 == g->unit_count)
        g->shape = GLOB_SUFFIX;
}

static bool units_match(const struct glob *g, struct str subject)
{
    size_t at = 0;          // in the units
    size_t star = SIZE_MAX; // behind the last '*' met
    struct str retry = {0}; // what that '*' has not swallowed yet
    struct str rest = subject;
    while (rest.len > 0) {
        struct str next = rest;
        uint32_t code = 0;
        unicode_next(&next, &code);
        if (at < g->unit_count && g->units[at] == GLOB_ANY_RUN) {
            star = ++at;
            retry = rest;
        } else if (at < g->unit_count && unit_fits(g, g->units[at], code)) {
            at++;
            rest = next;
        } else if (star != SIZE_MAX) {
            unicode_next(&retry, &code);
            rest = retry;
            at = star;
        } else {
            return false;
        }
    }
    while (at < g->unit_count && g->units[at] == GLOB_ANY_RUN)
        at++;
    return at == g->unit_count;
}

static bool unit_fits(const struct glob *g, uint32_t unit, uint32_t code)
{
    if (unit == GLOB_ANY_ONE || unit == code)
        return true;
    return g->fold == GLOB_NOCASE && unit == unicode_lower(code);
}
