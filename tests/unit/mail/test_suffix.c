// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_suffix.c: public suffixes by a small list of our own.
#include "../base/check.h"
#include "mail/mail.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_list), cmocka_unit_test(no_list)};
    return cmocka_run_group_tests_name("mail/suffix", tests, NULL, NULL);
}
