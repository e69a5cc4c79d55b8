// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_id.c: ids rise, whatever the clock does, and say where and when they were
// made.
#include "check.h"

#include "base/id.h"

#define NOON_MS INT64_C(1740830400000)

static void parts(void **unused UNUSED)
{
    struct id_maker ids = id_maker_for(255, ID_SLOT_OUTSIDE);
    uint64_t id = id_make(&ids, NOON_MS);
    assert_true(id_made_at_ms(id) == NOON_MS);
    assert_int_equal(id_node(id), 255);
    assert_int_equal(id_slot(id), ID_SLOT_OUTSIDE);
    assert_int_equal(id & 127, 0);
    ids = id_maker_for(1, 0);
    id = id_make(&ids, NOON_MS);
    assert_int_equal(id_node(id), 1);
    assert_int_equal(id_slot(id), 0);
}

static void all_of_a_millisecond_and_one_more(void **unused UNUSED)
{
    struct id_maker ids = id_maker_for(1, 2);
    uint64_t last = 0;
    for (int i = 0; i < 128; i++) {
        uint64_t id = id_make(&ids, NOON_MS);
        assert_true(id > last);
        assert_true(id_made_at_ms(id) == NOON_MS);
        last = id;
    }
    uint64_t next = id_make(&ids, NOON_MS); // the time runs ahead of the clock by 1 ms
    assert_true(next > last);
    assert_true(id_made_at_ms(next) == NOON_MS + 1);
    assert_true(id_make(&ids, NOON_MS + 1) > next);
}

static void a_clock_that_goes_back(void **unused UNUSED)
{
    struct id_maker ids = id_maker_for(1, 2);
    uint64_t before = id_make(&ids, NOON_MS);
    uint64_t after = id_make(&ids, NOON_MS - HOUR_MS);
    assert_true(after > before);
    assert_true(id_made_at_ms(after) == NOON_MS);
    assert_true(id_make(&ids, NOON_MS + 1) > after);
}

static void a_clock_that_is_not_set(void **unused UNUSED)
{
    struct id_maker ids = id_maker_for(1, 2);
    uint64_t first = id_make(&ids, 0), second = id_make(&ids, INT64_MIN);
    assert_true(id_made_at_ms(first) == ID_EPOCH_MS);
    assert_true(second > first);
}

static void texts(void **unused UNUSED)
{
    static const struct {
        struct str text;
        bool good;
    } cases[] = {
            {S_INIT("097cafc65e804183"), true},
            {S_INIT("097CAFC65E804183"), true},
            {S_INIT("0000000000000000"), true},
            {S_INIT("ffffffffffffffff"), true},
            {S_INIT("97cafc65e804183"), false},
            {S_INIT("0097cafc65e804183"), false},
            {S_INIT("097cafc65e80418g"), false},
            {S_INIT("0x7cafc65e804183"), false},
            {S_INIT(" 97cafc65e804183"), false},
            {S_INIT(""), false},
    };
    struct buf b;
    buf_init(&b, ID_DIGITS);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t id = 4711;
        check_true(cases[i].text.ptr, id_parse(cases[i].text, &id) == cases[i].good);
        if (!cases[i].good) {
            check_u64("untouched", id, 4711);
            continue;
        }
        buf_clear(&b);
        id_add(&b, id);
        check_true(cases[i].text.ptr, str_eq_nocase(buf_str(&b), cases[i].text));
        struct arena a;
        arena_init(&a, KIB);
        check_str(cases[i].text.ptr, id_text(&a, id), buf_str(&b));
        arena_done(&a);
    }
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(parts),
            TEST(all_of_a_millisecond_and_one_more),
            TEST(a_clock_that_goes_back),
            TEST(a_clock_that_is_not_set),
            TEST(texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
