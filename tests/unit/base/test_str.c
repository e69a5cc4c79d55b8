// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_str.c: slices.
#include "check.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void null_and_empty(void **unused UNUSED)
{
    assert_true(str_is_null(STR_NULL));
    assert_false(str_is_null(S("")));
    assert_true(str_is_empty(STR_NULL));
    assert_true(str_eq(STR_NULL, S("")));
    assert_true(str_is_null(str_from_c(NULL)));
    check_str("from C", str_from_c("ab\0c"), S("ab"));
    assert_int_equal(str_compare(STR_NULL, S("")), 0);
    assert_true(str_starts(STR_NULL, S("")));
    assert_true(str_ends(STR_NULL, STR_NULL));
    assert_true(str_is_utf8(STR_NULL));
    assert_true(str_is_ascii(STR_NULL));
    assert_int_equal(str_find(STR_NULL, S("x")), STR_NOT_FOUND);
    assert_int_equal(str_find_byte(STR_NULL, 'x'), STR_NOT_FOUND);
    assert_int_equal(str_rfind_byte(STR_NULL, 'x'), STR_NOT_FOUND);
    assert_true(str_is_empty(str_trim(STR_NULL)));
}

static void comparing(void **unused UNUSED)
{
    static const struct {
        const char *name;
        struct str a, b;
        int order, order_nocase;
    } cases[] = {
            {"a NUL counts", S_INIT("a\0b"), S_INIT("a\0c"), -1, -1},
            {"the shorter first", S_INIT("ab"), S_INIT("abc"), -1, -1},
            {"a NUL is longer than nothing", S_INIT("a\0"), S_INIT("a"), 1, 1},
            {"bytes are unsigned", S_INIT("\xff"), S_INIT("a"), 1, 1},
            {"case", S_INIT("ABC"), S_INIT("abc"), -1, 0},
            {"only ASCII letters fold", S_INIT("\xc3\x84"), S_INIT("\xc3\xa4"), -1, -1},
            {"@ is no `", S_INIT("@"), S_INIT("`"), -1, -1},
            {"[ is no {", S_INIT("["), S_INIT("{"), -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str a = cases[i].a, b = cases[i].b;
        check_true(cases[i].name, sign(str_compare(a, b)) == cases[i].order);
        check_true(cases[i].name, sign(str_compare(b, a)) == -cases[i].order);
        check_true(cases[i].name, sign(str_compare_nocase(a, b)) == cases[i].order_nocase);
        check_true(cases[i].name, str_eq(a, b) == (cases[i].order == 0));
        check_true(cases[i].name, str_eq_nocase(a, b) == (cases[i].order_nocase == 0));
        check_true(cases[i].name, str_eq(a, a));
    }
}

static void ends(void **unused UNUSED)
{
    assert_true(str_starts(S("abc"), S("")));
    assert_true(str_starts(S("abc"), S("abc")));
    assert_false(str_starts(S("abc"), S("abcd")));
    assert_true(str_starts_nocase(S("aBc"), S("Ab")));
    assert_false(str_starts(S("aBc"), S("Ab")));
    assert_false(str_starts_nocase(S("ab"), S("abc")));
    assert_true(str_ends(S("abc"), S("bc")));
    assert_false(str_ends(S("bc"), S("abc")));
    assert_false(str_ends(S("abC"), S("bc")));
    assert_true(str_ends_nocase(S("abC"), S("Bc")));
    assert_false(str_ends_nocase(S("c"), S("bc")));
}

static void finding(void **unused UNUSED)
{
    assert_int_equal(str_find(S("aab"), S("ab")), 1);
    assert_int_equal(str_find(S("aab"), S("")), 0);
    assert_int_equal(str_find(S("ab"), S("abc")), STR_NOT_FOUND);
    assert_int_equal(str_find(S("a\0b"), S("\0b")), 1);
    assert_int_equal(str_find_byte(S("a\0b"), 'b'), 2);
    assert_int_equal(str_find_byte(S("aba"), 'a'), 0);
    assert_int_equal(str_rfind_byte(S("aba"), 'a'), 2);
    assert_int_equal(str_rfind_byte(S("aba"), 'c'), STR_NOT_FOUND);
    assert_true(str_contains(S("abc"), S("c")));
    assert_false(str_contains(S("abc"), S("d")));
}

static void parts(void **unused UNUSED)
{
    struct str s = S("abcdef");
    check_str("to the end", str_from(s, 4), S("ef"));
    check_str("at the end", str_from(s, 6), S(""));
    check_str("beyond the end", str_from(s, SIZE_MAX), S(""));
    check_true("stays inside", str_from(s, SIZE_MAX).ptr == s.ptr + 6);
    check_str("up to", str_upto(s, 2), S("ab"));
    check_str("up to beyond", str_upto(s, 7), s);
    check_str("part", str_part(s, 2, 3), S("cde"));
    check_str("part cut", str_part(s, 5, SIZE_MAX), S("f"));
    check_str("trim", str_trim(S(" \t\r\n\v\fa b\n ")), S("a b"));
    check_str("trim all", str_trim(S(" \n ")), S(""));
    check_str("blanks only", str_trim_blanks(S(" \t\na\n\t ")), S("\na\n"));
}

static void splitting(void **unused UNUSED)
{
    static const struct {
        const char *name;
        struct str text;
        const char *pieces[5];
        size_t count;
    } cases[] = {
            {"null has no pieces", {0}, {0}, 0},
            {"empty has one", S_INIT(""), {""}, 1},
            {"only the separator", S_INIT(","), {"", ""}, 2},
            {"no separator", S_INIT("a"), {"a"}, 1},
            {"at both ends", S_INIT(",a,"), {"", "a", ""}, 3},
            {"doubled", S_INIT("a,,b"), {"a", "", "b"}, 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str rest = cases[i].text, piece;
        size_t count = 0;
        while (str_split(&rest, ',', &piece)) {
            assert_true(count < cases[i].count);
            check_str(cases[i].name, piece, str_from_c(cases[i].pieces[count]));
            count++;
        }
        check_u64(cases[i].name, count, cases[i].count);
    }
}

static void cutting(void **unused UNUSED)
{
    struct str before = S("untouched"), after = S("untouched");
    assert_false(str_cut(S("abc"), '=', &before, &after));
    assert_false(str_rcut(S(""), '=', &before, &after));
    check_str("untouched", before, S("untouched"));
    check_str("untouched", after, S("untouched"));
    assert_true(str_cut(S("a=b=c"), '=', &before, &after));
    check_str("first", before, S("a"));
    check_str("first", after, S("b=c"));
    assert_true(str_rcut(S("a=b=c"), '=', &before, &after));
    check_str("last", before, S("a=b"));
    check_str("last", after, S("c"));
    assert_true(str_cut(S("="), '=', &before, &after));
    assert_true(before.len == 0 && after.len == 0 && !str_is_null(after));
    struct str both = S("x=y");
    assert_true(str_cut(both, '=', &both, &after));
    check_str("into itself", both, S("x"));
}

static void whole_numbers(void **unused UNUSED)
{
    static const struct {
        struct str text;
        uint64_t max;
        bool good;
        uint64_t value;
    } cases[] = {
            {S_INIT(""), UINT64_MAX, false, 0},
            {S_INIT("+1"), UINT64_MAX, false, 0},
            {S_INIT("-1"), UINT64_MAX, false, 0},
            {S_INIT(" 1"), UINT64_MAX, false, 0},
            {S_INIT("1 "), UINT64_MAX, false, 0},
            {S_INIT("0x1"), UINT64_MAX, false, 0},
            {S_INIT("1\0"), UINT64_MAX, false, 0},
            {S_INIT("18446744073709551615"), UINT64_MAX, true, UINT64_MAX},
            {S_INIT("18446744073709551616"), UINT64_MAX, false, 0},
            {S_INIT("99999999999999999999"), UINT64_MAX, false, 0},
            {S_INIT("0000000000000000000000000000007"), UINT64_MAX, true, 7},
            {S_INIT("255"), 255, true, 255},
            {S_INIT("256"), 255, false, 0},
            {S_INIT("5"), 4, false, 0},
            {S_INIT("0"), 0, true, 0},
            {S_INIT("1"), 0, false, 0},
            {S_INIT("9"), 3, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t value = 4711;
        check_true(cases[i].text.ptr,
                str_to_u64(cases[i].text, cases[i].max, &value) == cases[i].good);
        check_u64(cases[i].text.ptr, value, cases[i].good ? cases[i].value : 4711);
    }
    int64_t i64 = 0;
    assert_true(str_to_i64(S("-9223372036854775808"), &i64) && i64 == INT64_MIN);
    assert_true(str_to_i64(S("9223372036854775807"), &i64) && i64 == INT64_MAX);
    assert_false(str_to_i64(S("-9223372036854775809"), &i64));
    assert_false(str_to_i64(S("9223372036854775808"), &i64));
    assert_false(str_to_i64(S("-"), &i64));
    assert_false(str_to_i64(S("--1"), &i64));
    assert_false(str_to_i64(STR_NULL, &i64));
}

static void real_numbers(void **unused UNUSED)
{
    double d = 0;
    assert_true(str_to_double(S("1.5"), &d) && d == 1.5);
    assert_true(str_to_double(S("-1e-3"), &d) && d == -0.001);
    assert_true(str_to_double(S("1e308"), &d));
    assert_false(str_to_double(S("1e309"), &d));
    assert_false(str_to_double(S("nan"), &d));
    assert_false(str_to_double(S("inf"), &d));
    assert_false(str_to_double(S("0x10"), &d));
    assert_false(str_to_double(S(" 1"), &d));
    assert_false(str_to_double(S("1,5"), &d));
    assert_false(str_to_double(S("1e"), &d));
    assert_false(str_to_double(S(""), &d));
    char digits[385] = "0.";
    memset(digits + 2, '1', sizeof(digits) - 2);
    assert_true(str_to_double(str_of(digits, 384), &d));
    assert_false(str_to_double(str_of(digits, 385), &d));
}

static void utf8(void **unused UNUSED)
{
    static const struct {
        const char *name;
        struct str text;
        uint32_t code; // 0 and no length: ill-formed
        size_t len;
    } cases[] = {
            {"NUL", S_INIT("\0"), 0, 1},
            {"last of one byte", S_INIT("\x7f"), 0x7f, 1},
            {"first of two", S_INIT("\xc2\x80"), 0x80, 2},
            {"overlong of two", S_INIT("\xc1\xbf"), 0, 0},
            {"last of two", S_INIT("\xdf\xbf"), 0x7ff, 2},
            {"first of three", S_INIT("\xe0\xa0\x80"), 0x800, 3},
            {"overlong of three", S_INIT("\xe0\x9f\xbf"), 0, 0},
            {"before the surrogates", S_INIT("\xed\x9f\xbf"), 0xd7ff, 3},
            {"first surrogate", S_INIT("\xed\xa0\x80"), 0, 0},
            {"last surrogate", S_INIT("\xed\xbf\xbf"), 0, 0},
            {"behind the surrogates", S_INIT("\xee\x80\x80"), 0xe000, 3},
            {"first of four", S_INIT("\xf0\x90\x80\x80"), 0x10000, 4},
            {"overlong of four", S_INIT("\xf0\x8f\xbf\xbf"), 0, 0},
            {"the last code point", S_INIT("\xf4\x8f\xbf\xbf"), 0x10ffff, 4},
            {"one beyond", S_INIT("\xf4\x90\x80\x80"), 0, 0},
            {"five bytes", S_INIT("\xf8\x88\x80\x80\x80"), 0, 0},
            {"continuation first", S_INIT("\x80"), 0, 0},
            {"cut short", S_INIT("\xe2\x82"), 0, 0},
            {"ASCII inside", S_INIT("\xe2\x28\xa1"), 0, 0},
            {"0xff", S_INIT("\xff"), 0, 0},
            {"nothing", S_INIT(""), 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t code = 0;
        char again[4];
        check_u64(cases[i].name, str_utf8_next(cases[i].text, &code), cases[i].len);
        check_u64(cases[i].name, code, cases[i].code);
        if (cases[i].text.len > 0)
            check_true(cases[i].name, str_is_utf8(cases[i].text) == (cases[i].len > 0));
        if (cases[i].len > 0)
            check_str(cases[i].name, str_of(again, utf8_put(code, again)), cases[i].text);
    }
    char out[4];
    assert_int_equal(utf8_put(0xd800, out), 0);
    assert_int_equal(utf8_put(0xdfff, out), 0);
    assert_int_equal(utf8_put(0x110000, out), 0);
    assert_int_equal(str_utf8_count(S("a\xc3\xa4\xff\xe2\x82")), 5);
    assert_true(str_is_ascii(S("\x7f")));
    assert_false(str_is_ascii(S("a\x80")));
    for (size_t at = 0; at < 20; at++) { // in whole words and behind them
        char text[20] = "abcdefghijklmnopqrs";
        text[at] = (char)0x80;
        assert_false(str_is_ascii(str_of(text, sizeof(text))));
        assert_false(str_is_ascii(str_of(text, at + 1)));
        assert_true(str_is_ascii(str_of(text, at)));
    }
}

static void distance(void **unused UNUSED)
{
    static const struct {
        struct str a, b;
        size_t most, distance;
    } cases[] = {
            {S_INIT(""), S_INIT(""), 3, 0},
            {S_INIT(""), S_INIT("abc"), 3, 3},
            {S_INIT(""), S_INIT("abcd"), 3, 4},
            {S_INIT("listener"), S_INIT("listner"), 2, 1},
            {S_INIT("queue"), S_INIT("queeu"), 2, 1},
            {S_INIT("ab"), S_INIT("ba"), 2, 1},
            {S_INIT("kitten"), S_INIT("sitting"), 9, 3},
            {S_INIT("kitten"), S_INIT("sitting"), 2, 3},
            {S_INIT("abc"), S_INIT("xyz"), 9, 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t most = cases[i].most;
        check_u64(cases[i].a.ptr, str_distance(cases[i].a, cases[i].b, most), cases[i].distance);
        check_u64(cases[i].a.ptr, str_distance(cases[i].b, cases[i].a, most), cases[i].distance);
    }
    char word[65];
    memset(word, 'a', sizeof(word));
    assert_int_equal(str_distance(str_of(word, 64), str_of(word, 64), 2), 0);
    assert_int_equal(str_distance(str_of(word, 64), str_of(word, 63), 2), 1);
    assert_int_equal(str_distance(str_of(word, 65), str_of(word, 65), 2), 3);
    assert_int_equal(str_distance(str_of(word, 64), S(""), 99), 64);
}

static void bytes_by_class(void **unused UNUSED)
{
    size_t digits = 0, letters = 0, hex = 0, spaces = 0;
    for (unsigned c = 0; c < 256; c++) {
        digits += byte_is_digit((uint8_t)c);
        letters += byte_is_alpha((uint8_t)c);
        hex += byte_is_hex((uint8_t)c);
        spaces += byte_is_space((uint8_t)c);
        assert_true(byte_is_hex((uint8_t)c) == (byte_hex_value((uint8_t)c) >= 0));
        bool moves = byte_to_lower((uint8_t)c) != c;
        assert_true(moves == byte_is_upper((uint8_t)c));
        assert_true(byte_to_upper(byte_to_lower((uint8_t)c)) == byte_to_upper((uint8_t)c));
    }
    assert_int_equal(digits, 10);
    assert_int_equal(letters, 52);
    assert_int_equal(hex, 22);
    assert_int_equal(spaces, 6);
    assert_int_equal(byte_hex_value('F'), 15);
    assert_int_equal(byte_hex_value('a'), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(null_and_empty),
            TEST(comparing),
            TEST(ends),
            TEST(finding),
            TEST(parts),
            TEST(splitting),
            TEST(cutting),
            TEST(whole_numbers),
            TEST(real_numbers),
            TEST(utf8),
            TEST(distance),
            TEST(bytes_by_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
