// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_normalize.c: Normalization Form C and folding of case. All rows of Unicode's
// own NormalizationTest.txt were run through this once; these are the kinds that are in it.
#include "check.h"

#include "base/unicode.h"

static const struct {
    const char *name, *text, *expected;
} forms[] = {
        {"nothing", "", ""},
        {"ASCII and Latin 1", "a\303\274", "a\303\274"},
        {"bytes that are no UTF-8 stay", "\377\314\303", "\377\314\303"},
        {"a mark behind such a byte", "\377\314\210", "\377\314\210"},
        {"a mark first", "\314\210u", "\314\210u"},
        {"a letter and its mark", "u\314\210", "\303\274"},
        {"two marks", "u\314\210\314\201", "\307\230"},
        {"two marks that do not touch, in the other order", "a\314\201\314\243",
                "\341\272\241\314\201"},
        {"two of one kind keep their order", "a\314\204\314\210", "\304\201\314\210"},
        {"one that stands in the way", "a\315\217\314\210", "a\315\217\314\210"},
        {"a letter that is only another's", "\342\204\253", "\303\205"},
        {"one that stays apart", "\340\245\230", "\340\244\225\340\244\274"},
        {"Hangul from its parts", "\341\204\202\341\205\241\341\206\253", "\353\202\234"},
        {"Hangul with a tail alone", "\353\202\230\341\206\253", "\353\202\234"},
        {"Hangul with two tails", "\353\202\234\341\206\253", "\353\202\234\341\206\253"},
        {"a tail that is none", "\353\202\230\341\206\247", "\353\202\230\341\206\247"},
        {"beyond the first plane", "\360\221\202\231\360\221\202\272", "\360\221\202\232"},
};

static void composed(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct buf out AUTO(buf_done), again AUTO(buf_done);
        buf_init(&out, KIB);
        buf_init(&again, KIB);
        unicode_add_nfc(&out, str_from_c(forms[i].text));
        check_str(forms[i].name, buf_str(&out), str_from_c(forms[i].expected));
        unicode_add_nfc(&again, buf_str(&out));
        check_str("it stays", buf_str(&again), buf_str(&out));
    }
}

// What is two bytes long, and three letters; a thousand marks to be put in order.
static void growing(void **state UNUSED)
{
    struct buf text AUTO(buf_done), out AUTO(buf_done);
    buf_init(&text, 64 * KIB);
    buf_init(&out, 64 * KIB);
    for (size_t i = 0; i < 1000; i++)
        buf_add(&text, S("\307\225"));
    unicode_add_nfc(&out, buf_str(&text));
    check_str("as it was", buf_str(&out), buf_str(&text));
    buf_clear(&out);
    buf_clear(&text);
    buf_add_byte(&text, 'a');
    for (size_t i = 0; i < 500; i++)
        buf_add(&text, S("\314\201\314\243"));
    unicode_add_nfc(&out, buf_str(&text));
    check_true("the marks below come first", str_starts(buf_str(&out), S("\341\272\241\314\243")));
    check_u64("one went into the letter", out.len, text.len);
}

static void no_room(void **state UNUSED)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, 1);
    unicode_add_nfc(&out, S("u\314\210"));
    check_true("told", out.overflow);
}

static void folded(void **state UNUSED)
{
    static const uint32_t pairs[][2] = {{'A', 'a'}, {'a', 'a'}, {'[', '['}, {0xC4, 0xE4},
            {0xDF, 0xDF}, {0x1E9E, 0xDF}, {0x130, 0x130}, {0x131, 0x131}, {0x17F, 's'},
            {0x3A3, 0x3C3}, {0x3C2, 0x3C3}, {0x212A, 'k'}, {0x10400, 0x10428}, {0x100, 0x101},
            {0x101, 0x101}, {0xAB70, 0x13A0}, {UNICODE_BAD_BYTE + 0xC4, UNICODE_BAD_BYTE + 0xC4}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        check_u64("fold", unicode_fold(pairs[i][0]), pairs[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(composed), TEST(growing), TEST(no_room), TEST(folded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
