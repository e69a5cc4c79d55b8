// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_scan.c: every step of the scanner takes what it names or stays.
#include "check.h"

static void at_the_end(void **unused UNUSED)
{
    static const struct str texts[] = {{0}, S_INIT("")};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct scan in = scan_over(texts[i]);
        struct str taken = S("untouched");
        uint8_t byte;
        uint16_t be16;
        uint64_t number;
        assert_true(scan_end(&in));
        assert_int_equal(scan_peek(&in), -1);
        assert_int_equal(scan_peek_at(&in, 0), -1);
        assert_int_equal(scan_column(&in), 1);
        assert_false(scan_any(&in, &byte));
        assert_false(scan_byte(&in, '\0'));
        assert_true(scan_lit(&in, S("")));
        assert_false(scan_lit(&in, S("a")));
        assert_true(scan_skip(&in, 0));
        assert_false(scan_skip(&in, 1));
        assert_false(scan_line(&in, &taken));
        assert_false(scan_while(&in, byte_is_digit, &taken));
        assert_false(scan_until(&in, ',', &taken));
        assert_false(scan_u64(&in, 9, &number));
        assert_false(scan_hex_u64(&in, 4, &number));
        assert_false(scan_be16(&in, &be16));
        check_str("untouched", taken, S("untouched"));
        assert_true(scan_while0(&in, byte_is_digit, &taken));
        assert_true(taken.len == 0 && !str_is_null(taken));
        assert_true(scan_take(&in, 0, &taken));
        assert_int_equal(scan_blanks(&in), 0);
    }
}

static void what_fails_stays(void **unused UNUSED)
{
    struct scan in = scan_over(S("abc12"));
    struct str taken;
    uint64_t number;
    uint64_t be64;
    uint32_t be32;
    assert_false(scan_byte(&in, 'b'));
    assert_false(scan_lit(&in, S("abd")));
    assert_false(scan_lit(&in, S("abc123")));
    assert_false(scan_lit_nocase(&in, S("abd")));
    assert_false(scan_skip(&in, 6));
    assert_false(scan_take(&in, 6, &taken));
    assert_false(scan_take(&in, SIZE_MAX, &taken));
    assert_false(scan_until(&in, 'x', &taken));
    assert_false(scan_until_past(&in, 'x', &taken));
    assert_false(scan_while(&in, byte_is_digit, &taken));
    assert_false(scan_u64(&in, UINT64_MAX, &number));
    assert_false(scan_hex_u64(&in, 4, &number)); // five digits stand there
    assert_false(scan_be64(&in, &be64));
    assert_int_equal(scan_column(&in), 1);
    assert_true(scan_be32(&in, &be32));
    assert_int_equal(be32, 0x61626331);
    assert_int_equal(scan_column(&in), 5);
}

static void words(void **unused UNUSED)
{
    struct scan in = scan_over(S("MAIL \t FROM:<a>\0,rest"));
    struct str taken;
    uint8_t byte;
    assert_true(scan_lit_nocase(&in, S("mail")));
    assert_int_equal(scan_peek(&in), ' ');
    assert_int_equal(scan_peek_at(&in, 1), '\t');
    assert_int_equal(scan_peek_at(&in, 99), -1);
    assert_int_equal(scan_blanks(&in), 3);
    size_t start = scan_offset(&in);
    assert_true(scan_while(&in, byte_is_upper, &taken));
    check_str("while", taken, S("FROM"));
    check_str("since", scan_since(&in, start), S("FROM"));
    assert_true(scan_byte(&in, ':'));
    assert_true(scan_until(&in, '>', &taken));
    check_str("until", taken, S("<a"));
    assert_true(scan_any(&in, &byte) && byte == '>');
    assert_true(scan_until_past(&in, ',', &taken));
    check_str("a NUL is a byte", taken, S("\0"));
    check_str("rest", scan_rest(&in), S("rest"));
    assert_true(scan_take(&in, 4, &taken));
    assert_true(scan_end(&in));
}

static void lines(void **unused UNUSED)
{
    static const char *wanted[] = {"a", "", "b\rc", "\r", "d", "last\r"};
    struct scan in = scan_over(S("a\r\n\nb\rc\r\n\r\r\nd\nlast\r"));
    struct str line;
    size_t count = 0;
    while (scan_line(&in, &line)) {
        assert_true(count < COUNT_OF(wanted));
        check_str("line", line, str_from_c(wanted[count]));
        count++;
    }
    assert_int_equal(count, COUNT_OF(wanted));
}

static void numbers(void **unused UNUSED)
{
    static const struct {
        struct str text;
        uint64_t max;
        bool good;
        uint64_t value;
        size_t column;
    } cases[] = {
            {S_INIT("12ab"), 12, true, 12, 3},
            {S_INIT("13ab"), 12, false, 0, 1},
            {S_INIT("120"), 12, false, 0, 1}, // not "12 and then 0"
            {S_INIT("18446744073709551615."), UINT64_MAX, true, UINT64_MAX, 21},
            {S_INIT("18446744073709551616"), UINT64_MAX, false, 0, 1},
            {S_INIT("x"), 12, false, 0, 1},
            {S_INIT("7"), 0, false, 0, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scan in = scan_over(cases[i].text);
        uint64_t value = 0;
        check_true(cases[i].text.ptr, scan_u64(&in, cases[i].max, &value) == cases[i].good);
        check_u64(cases[i].text.ptr, value, cases[i].value);
        check_u64(cases[i].text.ptr, scan_column(&in), cases[i].column);
    }
    struct scan in = scan_over(S("fFfFffffffffffff:12345"));
    uint64_t hex;
    assert_true(scan_hex_u64(&in, 16, &hex));
    assert_true(hex == UINT64_MAX);
    assert_true(scan_byte(&in, ':'));
    assert_false(scan_hex_u64(&in, 4, &hex));
    assert_true(scan_hex_u64(&in, 5, &hex) && hex == 0x12345);
}

static void big_endian(void **unused UNUSED)
{
    struct scan in = scan_over(S("\x01\x02\xff\x00\x00\x01\x80\x00\x00\x00\x00\x00\x00\x01\x00"));
    uint16_t be16;
    uint32_t be32;
    uint64_t be64;
    assert_true(scan_be16(&in, &be16) && be16 == 0x0102);
    assert_true(scan_be32(&in, &be32) && be32 == 0xff000001);
    assert_true(scan_be64(&in, &be64) && be64 == 0x8000000000000001);
    assert_false(scan_be16(&in, &be16));
    assert_int_equal(scan_rest(&in).len, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(at_the_end),
            TEST(what_fails_stays),
            TEST(words),
            TEST(lines),
            TEST(numbers),
            TEST(big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
