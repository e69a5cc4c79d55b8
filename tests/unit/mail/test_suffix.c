// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_suffix.c: public suffixes by a small list of our own.
#include "../base/check.h"
#include "mail/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct question {
    const char *name;
    struct str domain;
    const char *registrable, *suffix; // NULL: none
    bool listed;
};

static const struct question questions[] = {
        {"nothing", S_INIT(""), NULL, NULL, false},
        {"a dot", S_INIT("."), NULL, NULL, false},
        {"a dot first", S_INIT(".example.com"), NULL, NULL, false},
        {"a dot last", S_INIT("example.com."), NULL, NULL, false},
        {"two dots", S_INIT("a..com"), NULL, NULL, false},
        {"a NUL", S_INIT("a\0.com"), NULL, NULL, false},
        {"no UTF-8", S_INIT("\377.com"), NULL, NULL, false},
        {"a suffix", S_INIT("COM"), NULL, "com", true},
        {"capitals", S_INIT("WWW.Example.CO.UK"), "example.co.uk", "co.uk", true},
        {"nobody's suffix", S_INIT("a.b.example"), "b.example", "example", false},
        {"a wildcard", S_INIT("a.b.c.ck"), "b.c.ck", "c.ck", true},
        {"its exception", S_INIT("a.www.ck"), "www.ck", "ck", true}, // the wildcard lists it
        {"beyond ASCII", S_INIT("a.b.\344\270\255\345\233\275"), "b.\344\270\255\345\233\275",
                "\344\270\255\345\233\275", true},
        {"the same as A-label", S_INIT("a.b.xn--fiqs8s"), "b.xn--fiqs8s", "xn--fiqs8s", true},
};

static void by_list(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct suffix_list *list = NULL;
    arena_init(&a, 64 * KIB);
    assert_false(failed(suffix_list_open(&a, str_from_c(SUFFIXES), &list)));
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        const struct question *q = &questions[i];
        struct suffix_answer answer;
        assert_false(failed(suffix_ask(list, &a, q->domain, &answer)));
        check_str(q->name, answer.registrable, str_from_c(q->registrable));
        check_true(q->name, str_is_null(answer.registrable) == (q->registrable == NULL));
        check_str(q->name, answer.suffix, str_from_c(q->suffix));
        check_true(q->name, answer.listed == q->listed);
    }
    suffix_list_close(list);
}

static void no_list(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct suffix_list *list = NULL;
    arena_init(&a, 64 * KIB);
    struct err e = suffix_list_open(&a, S("/no/such/list"), &list);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_null(list);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct str registrable(const struct suffix_list *list, struct arena *a)
{
    struct suffix_answer answer;
    assert_false(failed(suffix_ask(list, a, S("a.b.c.example"), &answer)));
    return answer.registrable;
}

static void changes(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct suffix_list *list = NULL;
    char folder[] = "/tmp/posthaste-suffix-XXXXXX";
    arena_init(&a, 64 * KIB);
    assert_non_null(mkdtemp(folder));
    const char *path = arena_c_str(&a, arena_fmt(&a, "%s/list", folder));
    put_file(path, "// nothing yet\n");
    check_u64("an empty one", suffix_list_open(&a, str_from_c(path), &list).kind, ERR_NOT_FOUND);
    put_file(path, "example\n");
    assert_false(failed(suffix_list_open(&a, str_from_c(path), &list)));
    check_str("at first", registrable(list, &a), S("c.example"));
    put_file(path, "example\nc.example\n");
    check_str("nobody has looked", registrable(list, &a), S("c.example"));
    check_true("it is read", !failed(suffix_list_reload(list, &a)));
    check_str("and in force", registrable(list, &a), S("b.c.example"));
    put_file(path, "");
    check_u64("empty now", suffix_list_reload(list, &a).kind, ERR_NOT_FOUND);
    check_str("which changes nothing", registrable(list, &a), S("b.c.example"));
    suffix_list_close(list);
    assert_int_equal(remove(path), 0);
    assert_int_equal(remove(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(by_list), cmocka_unit_test(no_list), cmocka_unit_test(changes)};
    return cmocka_run_group_tests_name("mail/suffix", tests, NULL, NULL);
}
