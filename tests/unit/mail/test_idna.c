// SPDX-License-Identifier: Apache-2.0
// tests/unit/mail/test_idna.c: names beyond ASCII: each fault once, and what the library alone
// would let pass.
#include "../base/check.h"
#include "mail/mail.h"

struct conversion {
    const char *name;
    struct str domain;
    const char *ascii; // NULL: refused
    const char *fault;
};

static const struct conversion conversions[] = {
        {"nothing", S_INIT(""), NULL, "empty"},
        {"an empty label", S_INIT("a..b"), NULL, "empty"},
        {"a NUL", S_INIT("a\0b"), NULL, "disallowed"},
        {"no UTF-8", S_INIT("\377"), NULL, "disallowed"},
        {"a blank", S_INIT("a b"), NULL, "disallowed"},
        {"an underscore", S_INIT("_a"), NULL, "disallowed"},
        {"a hyphen first", S_INIT("-a"), NULL, "hyphen"},
        {"a hyphen last", S_INIT("a-"), NULL, "hyphen"},
        {"hyphens in the third and fourth place", S_INIT("ab--c"), NULL, "hyphen"},
        {"an A-label of nothing", S_INIT("xn--"), NULL, "punycode"},
        {"an A-label of ASCII", S_INIT("xn--a-"), NULL, NULL},
        {"an A-label that is none", S_INIT("xn--\303\274"), NULL, NULL},
        {"right to left and left to right", S_INIT("\303\240\327\220"), NULL, "bidi"},
        {"a digit first beside Hebrew", S_INIT("0a.\327\220"), NULL, "bidi"},
        {"the same as A-label", S_INIT("0a.xn--4db"), NULL, "bidi"},
        {"European and Arabic digits", S_INIT("\327\2207\331\247\327\252"), NULL, "bidi"},
        {"a joiner out of place", S_INIT("a\342\200\215b"), NULL, "joiner"},
        {"a label of 64",
                S_INIT("abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop"), NULL,
                "length"},
        {"Hebrew", S_INIT("a.\327\220"), "a.xn--4db", NULL},
        {"Arabic with a digit", S_INIT("\330\2471.a"), "xn--1-ymc.a", NULL},
        {"capitals", S_INIT("EXAMPLE.Org"), "example.org", NULL},
        {"sharp s", S_INIT("Fa\303\237.de"), "xn--fa-hia.de", NULL},
        {"an A-label", S_INIT("xn--fa-hia.DE"), "xn--fa-hia.de", NULL},
        {"another dot", S_INIT("a\343\200\202b"), "a.b", NULL},
};

static void to_ascii(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(conversions); i++) {
        const struct conversion *c = &conversions[i];
        struct arena a AUTO(arena_done);
        struct idna_result result;
        arena_init(&a, 64 * KIB);
        assert_false(failed(idna_to_ascii(&a, c->domain, &result)));
        check_true(c->name, (result.fault == IDNA_FINE) == (c->ascii != NULL));
        if (c->ascii != NULL)
            check_str(c->name, result.text, str_from_c(c->ascii));
        if (c->fault != NULL)
            check_str(c->name, idna_fault_name(result.fault), str_from_c(c->fault));
    }
}

static void to_unicode(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct idna_result result;
    arena_init(&a, 64 * KIB);
    assert_false(failed(idna_to_unicode(&a, S("XN--fa-hia.de"), &result)));
    check_str("sharp s", result.text, S("fa\303\237.de"));
    assert_false(failed(idna_to_unicode(&a, S("ab--c"), &result)));
    assert_int_equal(result.fault, IDNA_HYPHEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_ascii), cmocka_unit_test(to_unicode)};
    return cmocka_run_group_tests_name("mail/idna", tests, NULL, NULL);
}
