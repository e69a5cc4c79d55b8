// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_idna.c: names beyond ASCII: each fault once, and the corners that the
// conformance data does not turn.
#include "check.h"

#include "base/idna.h"

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
        {"a name of 254",
                S_INIT("abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmno."
                       "abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmno."
                       "abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmno."
                       "abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmn"),
                NULL, "length"},
        {"a label that grows beyond 63",
                S_INIT("\303\274abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijk"), NULL,
                "length"},
        {"nothing but what is ignored", S_INIT("\302\255.a"), NULL, "empty"},
        {"a mark first", S_INIT("\314\210a"), NULL, "disallowed"},
        {"a mark of direction", S_INIT("a\342\200\216b"), NULL, "disallowed"},
        {"a space beyond ASCII", S_INIT("a\302\240b"), NULL, "disallowed"},
        {"a number with a dot of its own", S_INIT("\342\222\210a"), NULL, "disallowed"},
        {"a fraction with a slash", S_INIT("\342\204\200"), NULL, "disallowed"},
        {"what is not assigned", S_INIT("\315\270"), NULL, "unassigned"},
        {"a non-joiner out of place", S_INIT("a\342\200\214b"), NULL, "joiner"},
        {"an A-label of capitals", S_INIT("xn--a-ccb"), NULL, NULL},
        {"an A-label of letters apart", S_INIT("xn--ou-epa"), NULL, NULL},
        {"an A-label in another spelling", S_INIT("xn--fa--hia"), NULL, NULL},
        {"a number that is too large", S_INIT("xn--99999999"), NULL, "punycode"},
        {"a non-joiner that keeps letters apart",
                S_INIT("\331\206\330\247\331\205\331\207\342\200\214\330\247\333\214.a"), // Persian
                "xn--mgba3gch31f060k.a", NULL},
        {"a joiner behind a virama", // Sinhala
                S_INIT("\340\267\201\340\267\212\342\200\215\340\266\273\340\267\223.com"),
                "xn--10cl1a0b660p.com", NULL},
        {"a capital sharp s", S_INIT("FA\341\272\236.de"), "xn--fa-hia.de", NULL},
        {"letters apart", S_INIT("u\314\210.de"), "xn--tda.de", NULL},
        {"a sign that is composed", S_INIT("=\314\270.de"), "xn--1ch.de", NULL},
        {"a soft hyphen goes", S_INIT("a\302\255b.de"), "ab.de", NULL},
        {"wide letters", S_INIT("\357\274\241\357\274\216\357\275\202"), "a.b", NULL},
        {"a sign", S_INIT("\342\230\225.example"), "xn--53h.example", NULL},
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
    return cmocka_run_group_tests_name("base/idna", tests, NULL, NULL);
}
