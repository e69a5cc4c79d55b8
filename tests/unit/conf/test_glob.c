// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_glob.c: patterns (configuration.md 11.1).
#include "../base/check.h"
#include "conf/glob.h"

struct match_case {
    const char *name, *pattern, *subject;
    bool matches;
    enum glob_shape shape;
};

static const struct match_case CASES[] = {
        {"empty and empty", "", "", true, GLOB_LITERAL},
        {"empty and not", "", "a", false, GLOB_LITERAL},
        {"literal", "a.b", "a.b", true, GLOB_LITERAL},
        {"literal is the whole", "a.b", "a.bc", false, GLOB_LITERAL},
        {"a dot is a dot", "a.b", "axb", false, GLOB_LITERAL},
        {"case", "a", "A", false, GLOB_LITERAL},
        {"* takes nothing", "*", "", true, GLOB_PREFIX},
        {"* takes all", "*", "a/b.c", true, GLOB_PREFIX},
        {"** is *", "**", "x", true, GLOB_PREFIX},
        {"prefix", "ab*", "abc", true, GLOB_PREFIX},
        {"prefix alone", "ab*", "ab", true, GLOB_PREFIX},
        {"prefix with more stars", "ab***", "a", false, GLOB_PREFIX},
        {"suffix", "*.example.org", "a.b.example.org", true, GLOB_SUFFIX},
        {"suffix is not the domain itself", "*.example.org", "example.org", false, GLOB_SUFFIX},
        {"suffix elsewhere", "*.org", "a.org.x", false, GLOB_SUFFIX},
        {"*x* is no prefix test", "*x*", "abxcd", true, GLOB_GENERAL},
        {"*x* without it", "*x*", "abcd", false, GLOB_GENERAL},
        {"two stars", "a*b*c", "a1b2b3c", true, GLOB_GENERAL},
        {"goes back to the last star", "*aab", "aaaab", true, GLOB_SUFFIX},
        {"goes back in the middle", "x*aab*y", "xaaaabaaby", true, GLOB_GENERAL},
        {"? is one", "a?c", "abc", true, GLOB_GENERAL},
        {"? is not none", "a?c", "ac", false, GLOB_GENERAL},
        {"? is a code point", "a?c", "aöc", true, GLOB_GENERAL},
        {"? is one ill-formed byte", "a?c",
                "a\xff"
                "c",
                true, GLOB_GENERAL},
        {"? ? of two bytes", "a??c", "aöc", false, GLOB_GENERAL},
        {"? at the end", "mx?", "mx", false, GLOB_GENERAL},
        {"*?", "*?", "", false, GLOB_GENERAL},
        {"*? of one", "*?", "ö", true, GLOB_GENERAL},
        {"?* keeps order", "?*a", "a", false, GLOB_GENERAL},
        {"escaped star", "a\\*b", "a*b", true, GLOB_LITERAL},
        {"escaped star is none", "a\\*b", "axb", false, GLOB_LITERAL},
        {"escaped letter", "\\a\\?", "a?", true, GLOB_LITERAL},
        {"escaped backslash", "\\\\", "\\", true, GLOB_LITERAL},
        {"escape in a suffix", "*\\?", "a?", true, GLOB_SUFFIX},
        {"no classes", "[ab]", "a", false, GLOB_LITERAL},
        {"no classes, brackets are themselves", "[ab]", "[ab]", true, GLOB_LITERAL},
        {"ill-formed pattern is bytes", "*\xa9", "\xc3\xa9", false, GLOB_GENERAL},
        {"ill-formed both", "*\xa9", "x\xa9", true, GLOB_GENERAL},
};

static const struct match_case NOCASE[] = {
        {"nocase", "*/WP-Ä*", "/x/wp-ädmin", true, GLOB_GENERAL},
        {"nocase literal", "Ab", "aB", true, GLOB_GENERAL},
        {"nocase, other letter", "Ab", "ac", false, GLOB_GENERAL},
};

static void run(const struct match_case *cases, size_t count, enum glob_case fold)
{
    for (size_t i = 0; i < count; i++) {
        const struct match_case *c = &cases[i];
        struct arena a;
        struct glob g;
        arena_init(&a, 64 * KIB);
        struct err bad = glob_compile(&a, str_from_c(c->pattern), fold, &g);
        assert_false(failed(bad));
        if (glob_match(&g, str_from_c(c->subject)) != c->matches || g.shape != c->shape)
            print_error("%s: shape %d\n", c->name, (int)g.shape);
        assert_true(glob_match(&g, str_from_c(c->subject)) == c->matches);
        assert_int_equal(g.shape, c->shape);
        arena_done(&a);
    }
}

static void matching(void **state)
{
    (void)state;
    run(CASES, COUNT_OF(CASES), GLOB_EXACT);
    run(NOCASE, COUNT_OF(NOCASE), GLOB_NOCASE);
}

static void refusals(void **state)
{
    (void)state;
    struct arena a;
    struct glob g;
    static char text[GLOB_BYTES_MAX + 1];
    arena_init(&a, 64 * KIB);
    memset(text, 'x', sizeof(text));
    assert_true(glob_compile(&a, S("ab\\"), GLOB_EXACT, &g).kind == ERR_SYNTAX);
    assert_false(failed(glob_compile(&a, S("ab\\\\"), GLOB_EXACT, &g)));
    assert_false(failed(glob_compile(&a, str_of(text, GLOB_BYTES_MAX), GLOB_EXACT, &g)));
    assert_true(glob_compile(&a, str_of(text, sizeof(text)), GLOB_EXACT, &g).kind == ERR_SYNTAX);
    arena_done(&a);
}

static void wildcards_are_seen(void **state)
{
    (void)state;
    assert_true(glob_has_wildcard(S("a*")));
    assert_true(glob_has_wildcard(S("?")));
    assert_false(glob_has_wildcard(S("a\\*\\?")));
    assert_true(glob_has_wildcard(S("\\\\*")));
    assert_false(glob_has_wildcard(S("a\\")));
}

// Each star could try each place: with n stars that would be n to the power of them.
static void many_stars_end_soon(void **state)
{
    (void)state;
    struct arena a;
    struct glob g;
    struct buf pattern AUTO(buf_done), subject AUTO(buf_done);
    arena_init(&a, 64 * KIB);
    buf_init(&pattern, GLOB_BYTES_MAX);
    buf_init(&subject, MIB);
    for (size_t i = 0; i < 340; i++)
        buf_add(&pattern, S("a*"));
    buf_add_byte(&pattern, 'b');
    buf_add_repeat(&subject, 'a', 100000);
    assert_false(failed(glob_compile(&a, buf_str(&pattern), GLOB_EXACT, &g)));
    assert_false(glob_match(&g, buf_str(&subject)));
    buf_add_byte(&subject, 'b');
    assert_true(glob_match(&g, buf_str(&subject)));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matching), cmocka_unit_test(refusals),
            cmocka_unit_test(wildcards_are_seen), cmocka_unit_test(many_stars_end_soon)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
