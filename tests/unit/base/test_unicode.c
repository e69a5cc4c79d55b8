// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_unicode.c: letters beyond ASCII.
#include "check.h"

#include "base/unicode.h"

struct case_row {
    const char *name, *text, *lower, *upper;
};

static const struct case_row CASES[] = {
        {"nothing", "", "", ""},
        {"ASCII", "aB1-", "ab1-", "AB1-"},
        {"Latin", "ÄÖß", "äöß", "ÄÖSS"},
        {"alternating letters", "ĀāĂă", "āāăă", "ĀĀĂĂ"},
        {"a step back in the run", "ĹĺĻļ", "ĺĺļļ", "ĹĹĻĻ"},
        {"dotted I", "İ", "i̇", "İ"},
        {"dotless i", "ı", "ı", "I"},
        {"long s", "ſ", "ſ", "S"},
        {"ligature", "ﬃ", "ﬃ", "FFI"},
        {"titlecase letter", "ǅ", "ǆ", "Ǆ"},
        {"letter with n", "ŉ", "ŉ", "ʼN"},
        {"Greek", "ΑΒΓ", "αβγ", "ΑΒΓ"},
        {"final sigma", "ΟΔΟΣ", "οδος", "ΟΔΟΣ"},
        {"sigma inside", "ΣΑΣΑ", "σασα", "ΣΑΣΑ"},
        {"sigma alone", "Σ", "σ", "Σ"},
        {"sigma before a full stop", "ΑΣ.", "ας.", "ΑΣ."},
        {"sigma before a full stop and a letter", "ΑΣ.Α", "ασ.α", "ΑΣ.Α"},
        {"sigma behind an apostrophe", "Α'Σ", "α'ς", "Α'Σ"},
        {"sigma behind a blank", "Α Σ", "α σ", "Α Σ"},
        {"sigma behind a combining mark", "Α\xcc\x81Σ", "α\xcc\x81ς", "Α\xcc\x81Σ"},
        {"Cherokee", "Ꭰ", "ꭰ", "Ꭰ"},
        {"beyond the first plane", "𐐀𐐨", "𐐨𐐨", "𐐀𐐀"},
        {"no case", "漢字", "漢字", "漢字"},
        {"ill-formed bytes stay", "A\xff\xc3Ä\xed\xa0\x80", "a\xff\xc3ä\xed\xa0\x80",
                "A\xff\xc3Ä\xed\xa0\x80"},
};

static void case_mapping(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        struct buf low AUTO(buf_done), up AUTO(buf_done);
        buf_init(&low, KIB);
        buf_init(&up, KIB);
        unicode_add_lower(&low, str_from_c(CASES[i].text));
        unicode_add_upper(&up, str_from_c(CASES[i].text));
        if (!str_eq(buf_str(&low), str_from_c(CASES[i].lower)) ||
                !str_eq(buf_str(&up), str_from_c(CASES[i].upper)))
            print_error("%s: %.*s %.*s\n", CASES[i].name, ARG(buf_str(&low)), ARG(buf_str(&up)));
        assert_true(str_eq(buf_str(&low), str_from_c(CASES[i].lower)));
        assert_true(str_eq(buf_str(&up), str_from_c(CASES[i].upper)));
    }
}

static void classes(void **state)
{
    (void)state;
    assert_true(unicode_is_alphabetic('a') && unicode_is_alphabetic(0xE4));
    assert_true(unicode_is_alphabetic(0x6F22) && !unicode_is_alphabetic('1'));
    assert_false(unicode_is_alphabetic('_') || unicode_is_alphabetic(0x20AC));
    assert_true(unicode_is_numeric('7') && unicode_is_numeric(0x0663) && unicode_is_numeric(0xBD));
    assert_false(unicode_is_numeric('a') || unicode_is_numeric(0x6F22));
    assert_true(unicode_is_upper(0x0100) && !unicode_is_upper(0x0101));
    assert_true(unicode_is_lower(0x0101) && !unicode_is_lower(0x0100));
    assert_true(unicode_is_upper('Z') && !unicode_is_upper('z') && !unicode_is_upper('['));
    assert_true(unicode_is_space(' ') && unicode_is_space('\v') && unicode_is_space(0x3000));
    assert_false(unicode_is_space(0x200B) || unicode_is_space('x'));
    assert_int_equal(unicode_lower(0x0130), 0x0130); // one to one only
    assert_int_equal(unicode_lower(0xC4), 0xE4);
    assert_false(unicode_is_alphabetic(UNICODE_BAD_BYTE + 0xFF));
    assert_int_equal(unicode_lower(UNICODE_BAD_BYTE + 'A'), UNICODE_BAD_BYTE + 'A');
}

static void trimming(void **state)
{
    (void)state;
    struct str text = S("\xe3\x80\x80 \ta\xc2\xa0"
                        "b\xff\xc2\x85\n");
    assert_true(str_eq(unicode_trim_start(text), str_from(text, 5)));
    assert_true(str_eq(unicode_trim_end(text), str_upto(text, text.len - 3)));
    assert_int_equal(unicode_trim_start(S(" \n")).len, 0);
    assert_int_equal(unicode_trim_end(S("\xc2\xa0")).len, 0);
    assert_int_equal(unicode_trim_end(S("\xa0")).len, 1); // half a character is no white space
    assert_int_equal(unicode_trim_end(STR_NULL).len, 0);
}

static void walking(void **state)
{
    (void)state;
    struct str rest = S("a\xc3\xa4\xc3");
    uint32_t code;
    assert_true(unicode_next(&rest, &code) && code == 'a');
    assert_true(unicode_next(&rest, &code) && code == 0xE4);
    assert_true(unicode_next(&rest, &code) && code == UNICODE_BAD_BYTE + 0xC3);
    assert_false(unicode_next(&rest, &code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(case_mapping), cmocka_unit_test(classes),
            cmocka_unit_test(trimming), cmocka_unit_test(walking)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
