// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_reference.c: the table of settings as documentation: every row says what it
// is about, stands on the page, and the page in docs/ is the one that the table makes.
#include "../base/check.h"

#include "base/json.h"
#include "conf/conf.h"
#include "conf/settings.h"
#include "rt/file.h"

#define PAGE_BYTES_MAX (4 * MIB)

static void every_row_is_documented(void **state)
{
    struct buf page;
    (void)state;
    buf_init(&page, PAGE_BYTES_MAX);
    settings_markdown(&page);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        struct str about = str_from_c(s->about);
        struct arena a;
        arena_init(&a, MIB);
        struct str quoted = arena_fmt(&a, "`%s`", s->key);
        if (!str_contains(buf_str(&page), quoted))
            check_failed("%s is not on the page", s->key);
        if (about.len < 4 || str_ends(about, S(".")))
            check_failed("%s: \"%s\" is no description without a full stop", s->key, s->about);
        arena_done(&a);
    }
    buf_done(&page);
}

static void keys_stand_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++)
        for (size_t j = 0; j < i; j++)
            if (str_eq(str_from_c(settings_table[i].key), str_from_c(settings_table[j].key)))
                check_failed("%s has two rows", settings_table[i].key);
}

static void show_difference(struct str want, struct str got)
{
    struct str a, b;
    for (size_t line = 1;; line++) {
        bool more = str_split(&want, '\n', &a), others = str_split(&got, '\n', &b);
        if (!more && !others)
            return;
        if (more && others && str_eq(a, b))
            continue;
        print_error("line %zu of docs/settings.md:\n  is:      %.*s\n  must be: %.*s\n", line,
                ARG(others ? b : S("(missing)")), ARG(more ? a : S("(not there)")));
        return;
    }
}

static void the_page_is_up_to_date(void **state)
{
    struct arena a;
    struct buf page;
    struct str text;
    struct file_info info;
    (void)state;
    arena_init(&a, PAGE_BYTES_MAX);
    buf_init(&page, PAGE_BYTES_MAX);
    settings_markdown(&page);
    struct err e = file_read(&a, S(DOCS "/settings.md"), PAGE_BYTES_MAX, &text, &info);
    check_true("docs/settings.md can be read", !failed(e));
    if (!str_eq(buf_str(&page), text)) {
        show_difference(buf_str(&page), text);
        check_failed("docs/settings.md is out of date; run script/docs");
    }
    buf_done(&page);
    arena_done(&a);
}

static void the_table_for_programs(void **state)
{
    struct arena a;
    struct buf out;
    struct json_error error;
    (void)state;
    arena_init(&a, 16 * MIB);
    buf_init(&out, PAGE_BYTES_MAX);
    struct json_out o = json_begin(&out, JSON_COMPACT);
    size_t count = settings_json(&o, S(""));
    struct json *rows = json_parse(&a, buf_str(&out), &error);
    check_true("it is JSON", rows != NULL);
    check_u64("as many as were counted", rows->count, count);
    for (const struct json *row = rows->first; row != NULL; row = row->next)
        check_true("each has a description",
                json_string(json_member(row, S("description")), STR_NULL).len > 0);
    buf_clear(&out);
    check_u64("a prefix", settings_text(&out, S("server.run-as")), 3);
    check_u64("a pattern", settings_text(&out, S("*.max-header")), 1);
    check_u64("nothing", settings_text(&out, S("frobnicate")), 0);
    buf_done(&out);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_row_is_documented),
            cmocka_unit_test(keys_stand_once),
            cmocka_unit_test(the_page_is_up_to_date),
            cmocka_unit_test(the_table_for_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
