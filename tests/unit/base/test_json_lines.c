// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_json_lines.c: objects line by line, and which line is to blame.
#include "check.h"

#include "base/json_lines.h"

static const struct {
    const char *name, *text;
    const char *got;   // the member "n" of each, a blank behind it
    const char *error; // NULL: none
} cases[] = {
        {"nothing", "", "", NULL},
        {"one", "{\"n\":1}\n", "1 ", NULL},
        {"without the last line end", "{\"n\":1}\n{\"n\":2}", "1 2 ", NULL},
        {"blank lines", "\n  \n{\"n\":1}\r\n\t\n\n{\"n\":2}\n\n", "1 2 ", NULL},
        {"no JSON", "{\"n\":1}\n\nx\n{\"n\":2}\n", "1 ", "line 3: "},
        {"two in a line", "{\"n\":1} {\"n\":2}\n", "", "line 1: "},
        {"one in two lines", "{\"n\":\n1}\n", "", "line 1: "},
        {"a list", "{\"n\":1}\n[1]\n", "1 ", "line 2: it is no object"},
        {"what is missing", "{\"n\":1}\n{}\n", "1 ", "line 2: no n"},
};

static struct err read_one(const struct json *o, struct buf *out)
{
    int64_t n;
    if (!json_to_i64(json_member(o, S("n")), &n))
        return fail(ERR_SYNTAX, "no n");
    buf_fmt(out, "%lld ", (long long)n);
    return OK;
}

static struct err read_all(struct arena *a, struct str text, struct buf *out)
{
    struct json_lines lines = json_lines_of(text);
    const struct json *o;
    while (json_lines_next(&lines, a, &o))
        TRY(json_lines_blame(&lines, a, read_one(o, out)));
    return lines.error;
}

static void lines_of_objects(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct buf got AUTO(buf_done);
        arena_init(&a, MIB);
        buf_init(&got, KIB);
        struct err e = read_all(&a, str_from_c(cases[i].text), &got);
        check_str(cases[i].name, buf_str(&got), str_from_c(cases[i].got));
        check_true(cases[i].name, failed(e) == (cases[i].error != NULL));
        if (failed(e) && !str_starts(err_text(e), str_from_c(cases[i].error)))
            check_str(cases[i].name, err_text(e), str_from_c(cases[i].error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(lines_of_objects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
