// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_regex.c: regular expressions and their bounds (configuration.md 11.2).
#include "../base/check.h"
#include "conf/regex.h"

struct regex_case {
    const char *name, *pattern;
    struct str subject;
    enum regex_outcome outcome;
    const char *groups; // joined by '|', '-' where one took no part
};

static const struct regex_case CASES[] = {
        {"unanchored", "b", S_INIT("abc"), REGEX_MATCH, "b"},
        {"no match", "x", S_INIT("abc"), REGEX_NO_MATCH, NULL},
        {"empty pattern", "", S_INIT(""), REGEX_MATCH, ""},
        {"case", "B", S_INIT("abc"), REGEX_NO_MATCH, NULL},
        {"(?i)", "(?i)B", S_INIT("abc"), REGEX_MATCH, "b"},
        {"(?i) beyond ASCII", "(?i)Ä", S_INIT("ä"), REGEX_MATCH, "ä"},
        {"$ is the very end", "a$", S_INIT("a\n"), REGEX_NO_MATCH, NULL},
        {"^ is no line start", "^b", S_INIT("a\nb"), REGEX_NO_MATCH, NULL},
        {"dot is a code point", "^a.c$", S_INIT("aöc"), REGEX_MATCH, "aöc"},
        {"\\w knows Unicode", "^\\w+$", S_INIT("Größe"), REGEX_MATCH, "Größe"},
        {"groups", "(a)(x)?(b)", S_INIT("ab"), REGEX_MATCH, "ab|a|-|b"},
        {"trailing group without part", "(a)(x)?", S_INIT("a"), REGEX_MATCH, "a|a"},
        {"named group", "(?P<n>a)(?<m>b)", S_INIT("ab"), REGEX_MATCH, "ab|a|b"},
        {"ill-formed subject reads as U+FFFD", "a(.)b",
                S_INIT("a\xff"
                       "b"),
                REGEX_MATCH,
                "a\xef\xbf\xbd"
                "b|\xef\xbf\xbd"},
        {"NUL in the subject", "a\\x00b", S_INIT("a\0b"), REGEX_MATCH, NULL},
        {"null subject", "^$", {NULL, 0}, REGEX_MATCH, ""},
        {"look-behind", "(?<=a)b", S_INIT("ab"), REGEX_MATCH, "b"},
        {"recursion", "^(\\((?1)*\\))$", S_INIT("(()(()))"), REGEX_MATCH, NULL},
};

static void matching(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct regex_case *c = &CASES[i];
        struct arena a;
        struct regex *r = NULL;
        struct regex_groups groups = {0};
        arena_init(&a, MIB);
        struct err bad = regex_compile(&a, str_from_c(c->pattern), &r);
        if (failed(bad))
            print_error("%s: %.*s\n", c->name, ARG(err_text(bad)));
        assert_false(failed(bad));
        enum regex_outcome got = regex_match(r, &a, c->subject, &groups);
        if (got != c->outcome)
            print_error("%s: outcome %d\n", c->name, (int)got);
        assert_int_equal(got, c->outcome);
        assert_int_equal(regex_match(r, &a, c->subject, NULL), c->outcome);
        struct str text = S("");
        for (size_t g = 0; g < groups.count; g++)
            text = arena_fmt(&a, "%.*s%s%.*s", ARG(text), g > 0 ? "|" : "",
                    ARG(str_is_null(groups.at[g]) ? S("-") : groups.at[g]));
        if (c->groups != NULL && !str_eq(text, str_from_c(c->groups)))
            print_error("%s: %.*s\n", c->name, ARG(text));
        assert_true(c->groups == NULL || str_eq(text, str_from_c(c->groups)));
        arena_done(&a);
    }
}

struct refusal {
    const char *pattern, *why;
};

static const struct refusal REFUSALS[] = {
        {"a(", "invalid regular expression: missing closing parenthesis at offset 2"},
        {"[a", "at offset 2"},
        {"*", "at offset 0"},
        {"(a)\\1", "back-references are not offered (to group 1)"},
        {"(?P<n>a)(?P=n)", "back-references"},
        {"(?P<n>a)\\k<n>", "back-references"},
        {"(a)(?:b|\\g{-1})", "back-references"},
        {"(?<=a*)b", "lookbehind"},
        {"\\C", "\\C"},
        {"(?=ab\\K)", "\\K"},
        {"a\xff", "UTF-8"},
};

static void refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(REFUSALS); i++) {
        struct arena a;
        struct regex *r = NULL;
        arena_init(&a, MIB);
        struct err bad = regex_compile(&a, str_from_c(REFUSALS[i].pattern), &r);
        if (!str_contains(err_text(bad), str_from_c(REFUSALS[i].why)))
            print_error("%s: %.*s\n", REFUSALS[i].pattern, ARG(err_text(bad)));
        assert_true(bad.kind == ERR_SYNTAX);
        assert_true(str_contains(err_text(bad), str_from_c(REFUSALS[i].why)));
        arena_done(&a);
    }
}

static void size_and_nesting(void **state)
{
    (void)state;
    struct arena a;
    struct regex *r;
    struct buf b AUTO(buf_done);
    buf_init(&b, 64 * KIB);
    arena_init(&a, 4 * MIB);
    buf_add_repeat(&b, 'a', REGEX_PATTERN_BYTES_MAX);
    assert_false(failed(regex_compile(&a, buf_str(&b), &r)));
    buf_add_byte(&b, 'a');
    assert_true(regex_compile(&a, buf_str(&b), &r).kind == ERR_SYNTAX);
    for (size_t depth = REGEX_NESTING_MAX; depth <= REGEX_NESTING_MAX + 1; depth++) {
        buf_clear(&b);
        buf_add_repeat(&b, '(', depth);
        buf_add_byte(&b, 'a');
        buf_add_repeat(&b, ')', depth);
        assert_true(failed(regex_compile(&a, buf_str(&b), &r)) == (depth > REGEX_NESTING_MAX));
    }
    arena_done(&a);
}

static void little_memory(void **state)
{
    (void)state;
    for (size_t room = 0; room < 4 * KIB; room += 64) {
        struct arena a;
        struct regex *r = NULL;
        arena_init(&a, room);
        struct err bad = regex_compile(&a, S("(a+)(b|c)*d"), &r);
        if (!failed(bad)) {
            struct arena none;
            arena_init(&none, 0);
            assert_int_equal(regex_match(r, &none, S("aabcd"), NULL), REGEX_MATCH);
            struct regex_groups groups;
            assert_int_equal(regex_match(r, &none, S("aabcd"), &groups), REGEX_LIMIT);
        }
        arena_done(&a);
    }
}

// A compiled pattern is shared by all who match: matching must not touch what it lives in.
static void matching_leaves_the_pattern_alone(void **state)
{
    (void)state;
    struct arena a, scratch;
    struct regex *r = NULL;
    struct regex_groups groups;
    arena_init(&a, MIB);
    arena_init(&scratch, MIB);
    assert_false(failed(regex_compile(&a, S("(a+)(b|c)*d"), &r)));
    const char *at = a.at;
    for (size_t i = 0; i < 1000; i++) {
        arena_reset(&scratch);
        assert_int_equal(regex_match(r, &scratch, S("xaabcdx"), &groups), REGEX_MATCH);
        assert_int_equal(groups.count, 3);
    }
    assert_ptr_equal(a.at, at);
    arena_done(&scratch);
    arena_done(&a);
}

struct risk {
    const char *pattern;
    bool risky;
};

static const struct risk RISKS[] = {
        {"(a+)+", true},
        {"(a*)*", true},
        {"(?:a|b+)*c", true},
        {"((a+))+", true},
        {"(a{2,})+", true},
        {"(a+?)*", true},
        {"(a+b)?", false},
        {"(a+){2,3}", false},
        {"(ab)+c*", false},
        {"[(+]+)", false},
        {"(\\+)+", false},
        {"([+*])+", false},
        {"([]+])+", false},
        {"([^]+])+", false},
        {"a+b+c+", false},
        {"(a){2}+", false},
};

static void risky_patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(RISKS); i++) {
        struct arena a;
        struct regex *r = NULL;
        arena_init(&a, MIB);
        if (!failed(regex_compile(&a, str_from_c(RISKS[i].pattern), &r))) {
            if (regex_is_risky(r) != RISKS[i].risky)
                print_error("%s\n", RISKS[i].pattern);
            assert_true(regex_is_risky(r) == RISKS[i].risky);
        }
        arena_done(&a);
    }
}

struct explosion {
    const char *name, *pattern;
    size_t count; // of 'a'
    char last;    // behind them; 0: none
    enum regex_outcome outcome;
};

// None of these may take long; without the bounds the first would outlive us all.
static const struct explosion EXPLOSIONS[] = {
        {"nested repetition", "^(a+)+$", 100, 'b', REGEX_LIMIT},
        {"nested repetition, a megabyte that matches", "(a+)+$", MIB, 0, REGEX_MATCH},
        {"nested repetition, a megabyte", "(a+)+$", MIB, 'b', REGEX_LIMIT},
        {"quadratic without backtracking", "a+[cd]", MIB, 'b', REGEX_LIMIT},
        {"cubic", "a*a*[cd]", 16 * KIB, 'b', REGEX_LIMIT},
        {"possessive, from each start", "a++[cd]", 256 * KIB, 'b', REGEX_LIMIT},
        {"what must be there is not", "a+c", MIB, 'b', REGEX_NO_MATCH},
        {"linear", "^a+b$", MIB, 'b', REGEX_MATCH},
        {"deep recursion", "^(a(?1)?)$", 100000, 0, REGEX_LIMIT},
        {"groups on a megabyte", "^(?:(a)|b)*$", MIB, 0, REGEX_LIMIT},
};

static void explosions_are_bounded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(EXPLOSIONS); i++) {
        const struct explosion *c = &EXPLOSIONS[i];
        struct arena a;
        struct regex *r = NULL;
        struct buf subject AUTO(buf_done);
        arena_init(&a, 16 * MIB);
        buf_init(&subject, 2 * MIB);
        buf_add_repeat(&subject, 'a', c->count);
        if (c->last != 0)
            buf_add_byte(&subject, c->last);
        assert_false(failed(regex_compile(&a, str_from_c(c->pattern), &r)));
        enum regex_outcome got = regex_match(r, &a, buf_str(&subject), NULL);
        if (got != c->outcome)
            print_error("%s: %d\n", c->name, (int)got);
        assert_int_equal(got, c->outcome);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matching), cmocka_unit_test(refusals),
            cmocka_unit_test(size_and_nesting), cmocka_unit_test(little_memory),
            cmocka_unit_test(risky_patterns), cmocka_unit_test(matching_leaves_the_pattern_alone),
            cmocka_unit_test(explosions_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
