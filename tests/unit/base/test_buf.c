// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_buf.c: growing bytes.
#include "check.h"

static void limit_is_met_and_not_passed(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 4);
    buf_add(&b, S("abcde"));
    assert_true(b.overflow);
    check_str("dropped whole", buf_str(&b), S(""));
    buf_clear(&b);
    assert_false(b.overflow);
    buf_add(&b, S("abcd"));
    assert_false(b.overflow);
    buf_add(&b, S(""));
    assert_false(b.overflow);
    buf_add_byte(&b, 'e');
    assert_true(b.overflow);
    check_str("as before", buf_str(&b), S("abcd"));
    buf_clear(&b);
    buf_fmt(&b, "%d", 12345);
    assert_true(b.overflow && b.len == 0);
    buf_clear(&b);
    buf_fmt(&b, "%d", 1234);
    assert_false(b.overflow);
    buf_clear(&b);
    buf_add_repeat(&b, 'x', 5);
    assert_true(b.overflow && b.len == 0);
    buf_clear(&b);
    buf_add_repeat(&b, 'x', 4);
    check_str("repeated", buf_str(&b), S("xxxx"));
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(b.overflow);
    buf_done(&b);
    assert_int_equal(b.limit_bytes, 4);
    assert_false(b.overflow);
    check_str("done", buf_str(&b), S(""));
    buf_add(&b, S("ab"));
    check_str("again", buf_str(&b), S("ab"));
    buf_done(&b);
}

static void empty_is_not_null(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 10);
    assert_false(str_is_null(buf_str(&b)));
    buf_add(&b, STR_NULL);
    buf_add_repeat(&b, 'x', 0);
    buf_take_front(&b, 0);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

static void long_formats(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 10 * KIB);
    for (int width = 250; width <= 260; width++) { // on both sides of the buffer on the stack
        buf_clear(&b);
        buf_fmt(&b, "%*d", width, 7);
        assert_int_equal(b.len, width);
        assert_int_equal(b.ptr[width - 1], '7');
    }
    buf_done(&b);
}

static void numbers(void **unused UNUSED)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
            {0.1, "0.1"},
            {0.30000000000000004, "0.30000000000000004"},
            {-0.0, "-0"},
            {1e300, "1e+300"},
            {5e-324, "5e-324"},
            {1.7976931348623157e308, "1.7976931348623157e+308"},
            {123456789.25, "123456789.25"},
    };
    struct buf b;
    buf_init(&b, 100);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double again;
        buf_clear(&b);
        buf_add_double(&b, cases[i].value);
        check_str(cases[i].text, buf_str(&b), str_from_c(cases[i].text));
        assert_true(str_to_double(buf_str(&b), &again) && again == cases[i].value);
    }
    buf_clear(&b);
    buf_add_i64(&b, INT64_MIN);
    buf_add_byte(&b, ' ');
    buf_add_i64(&b, INT64_MAX);
    check_str("i64", buf_str(&b), S("-9223372036854775808 9223372036854775807"));
    buf_clear(&b);
    buf_add_u64(&b, 0);
    buf_add_byte(&b, ' ');
    buf_add_u64(&b, 10);
    buf_add_byte(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    check_str("u64", buf_str(&b), S("0 10 18446744073709551615"));
    buf_done(&b);
}

static void taking_from_the_front(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 100);
    buf_add(&b, S("abcdef"));
    buf_take_front(&b, 2);
    check_str("two", buf_str(&b), S("cdef"));
    buf_take_front(&b, 4);
    check_str("all", buf_str(&b), S(""));
    buf_add_utf8(&b, 0x20ac);
    buf_add_utf8(&b, 0xd800); // no scalar value: nothing
    check_str("utf-8", buf_str(&b), S("\xe2\x82\xac"));
    buf_done(&b);
}

static void inserting(void **unused UNUSED)
{
    struct buf b;
    buf_init(&b, 6);
    buf_insert(&b, 0, S("cd"));
    buf_insert(&b, 0, S("a"));
    buf_insert(&b, 1, S("b"));
    buf_insert(&b, 4, S("ef"));
    check_str("front, middle, end", buf_str(&b), S("abcdef"));
    buf_insert(&b, 3, S(""));
    assert_false(b.overflow);
    buf_insert(&b, 3, S("x"));
    assert_true(b.overflow);
    check_str("nothing was moved", buf_str(&b), S("abcdef"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(limit_is_met_and_not_passed),
            TEST(empty_is_not_null),
            TEST(long_formats),
            TEST(numbers),
            TEST(taking_from_the_front),
            TEST(inserting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
