// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_bucket.c: the token bucket (configuration.md 10.4).
#include "../base/check.h"
#include "conf/bucket.h"

#include "base/hash.h"

#define SECOND_NS (SECOND_MS * (int64_t)BUCKET_MS_NS)
#define START_NS (1700000000 * SECOND_NS)

static size_t take_all(int64_t *t, int64_t now_ns, const struct bucket_rate *rate)
{
    size_t taken = 0;
    while (taken < 10000000 && bucket_take(t, now_ns, rate, 1))
        taken++;
    return taken;
}

static void a_full_bucket_gives_its_capacity(void **state)
{
    (void)state;
    static const struct bucket_rate rates[] = {{1, 1000, 0}, {5, 3600000, 0}, {7, 1000, 0},
            {1000000, 1000, 0}, {3, 1000, 100}, {100, 1000, 1}, {1000000, 1, 0}};
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        int64_t t = 0;
        uint64_t capacity = rates[i].burst > 0 ? rates[i].burst : rates[i].count;
        assert_int_equal(bucket_level(t, START_NS, &rates[i]), capacity);
        assert_int_equal(take_all(&t, START_NS, &rates[i]), capacity);
        assert_int_equal(bucket_level(t, START_NS, &rates[i]), 0);
        assert_int_equal(bucket_level(t, t, &rates[i]), capacity);
    }
}

static void tokens_come_back_evenly(void **state)
{
    (void)state;
    struct bucket_rate rate = {4, 1000, 0};
    int64_t t = 0;
    assert_int_equal(take_all(&t, START_NS, &rate), 4);
    assert_int_equal(bucket_wait_ns(t, START_NS, &rate, 1), SECOND_NS / 4);
    assert_false(bucket_take(&t, START_NS + SECOND_NS / 4 - 1, &rate, 1));
    assert_true(bucket_take(&t, START_NS + SECOND_NS / 4, &rate, 1));
    assert_false(bucket_take(&t, START_NS + SECOND_NS / 4, &rate, 1));
    assert_int_equal(bucket_level(t, START_NS + SECOND_NS * 3 / 4, &rate), 2);
}

static void a_refusal_takes_nothing(void **state)
{
    (void)state;
    struct bucket_rate rate = {2, 1000, 0};
    int64_t t = 0;
    assert_true(bucket_take(&t, START_NS, &rate, 1));
    int64_t before = t;
    assert_false(bucket_take(&t, START_NS, &rate, 2));
    assert_int_equal(t, before);
    assert_true(bucket_take(&t, START_NS, &rate, 1));
}

static void several_tokens_at_once(void **state)
{
    (void)state;
    struct bucket_rate rate = {10, 1000, 0};
    int64_t t = 0;
    assert_false(bucket_take(&t, START_NS, &rate, 11)); // never
    assert_int_equal(bucket_wait_ns(t, START_NS, &rate, 11), INT64_MAX);
    assert_true(bucket_take(&t, START_NS, &rate, 10));
    assert_int_equal(bucket_wait_ns(t, START_NS, &rate, 10), SECOND_NS);
    assert_true(bucket_take(&t, START_NS + SECOND_NS, &rate, 10));
    assert_true(bucket_take(&t, START_NS + SECOND_NS, &rate, 0));
}

// No window of a period sees more than twice the capacity, and over many periods no more than the
// count each: that is what fixed windows get wrong.
static void never_more_than_the_rate(void **state)
{
    (void)state;
    struct prng p;
    prng_seed(&p, 7);
    struct bucket_rate rate = {7, 1000, 0};
    int64_t t = 0, now = START_NS;
    size_t taken = 0;
    for (size_t i = 0; i < 100000; i++) {
        now += (int64_t)prng_below(&p, SECOND_NS / 7);
        taken += bucket_take(&t, now, &rate, 1) ? 1 : 0;
    }
    int64_t periods = (now - START_NS) / SECOND_NS;
    assert_true(taken <= (size_t)(periods + 1) * 7 + 7);
    assert_true(taken >= (size_t)periods * 7 * 49 / 100); // half the events came at most
}

static void a_clock_that_goes_back(void **state)
{
    (void)state;
    struct bucket_rate rate = {2, 1000, 0};
    int64_t t = 0;
    assert_int_equal(take_all(&t, START_NS + 1000 * SECOND_NS, &rate), 2);
    assert_int_equal(bucket_wait_ns(t, START_NS, &rate, 1), SECOND_NS / 2);
    assert_true(bucket_take(&t, START_NS + SECOND_NS / 2, &rate, 1) ||
                bucket_wait_ns(t, START_NS + SECOND_NS / 2, &rate, 1) <= SECOND_NS);
}

static void extremes_stay_in_order(void **state)
{
    (void)state;
    static const struct bucket_rate rates[] = {{1, INT64_MAX, 0}, {UINT64_MAX, 1, 0},
            {1, INT64_MAX, UINT64_MAX}, {UINT64_MAX, INT64_MAX, 1}};
    static const int64_t moments[] = {0, 1, START_NS, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        for (size_t n = 0; n < COUNT_OF(moments); n++) {
            int64_t t = 0;
            bool taken = bucket_take(&t, moments[n], &rates[i], 1);
            assert_true(bucket_wait_ns(t, moments[n], &rates[i], 1) >= 0);
            assert_true(moments[n] < 0 || taken);
        }
    }
}

static void what_is_given_back_was_never_taken(void **state)
{
    (void)state;
    struct bucket_rate rate = {3, 1000, 0};
    int64_t t = 0, fresh = 0;
    assert_true(bucket_take(&t, START_NS, &rate, 1));
    int64_t before = t;
    assert_true(bucket_take(&t, START_NS, &rate, 2));
    bucket_give(&t, &rate, 2);
    assert_int_equal(t, before);
    bucket_give(&t, &rate, 1);
    assert_int_equal(bucket_level(t, START_NS, &rate), 3);
    bucket_give(&t, &rate, 1000000); // never more than full
    assert_int_equal(bucket_level(t, START_NS, &rate), 3);
    bucket_give(&fresh, &rate, 1);
    assert_int_equal(fresh, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_full_bucket_gives_its_capacity),
            cmocka_unit_test(tokens_come_back_evenly), cmocka_unit_test(a_refusal_takes_nothing),
            cmocka_unit_test(several_tokens_at_once), cmocka_unit_test(never_more_than_the_rate),
            cmocka_unit_test(a_clock_that_goes_back),
            cmocka_unit_test(what_is_given_back_was_never_taken),
            cmocka_unit_test(extremes_stay_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
