// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_clock.c: what counts as a step of the calendar, and for how long it is
// not believed then (queue.md 17.3).
#include "../base/check.h"

#include "deliver/clock.h"

#define RUN_MS INT64_C(1000)
#define WALL_MS INT64_C(1763768100000)

static const struct {
    const char *name;
    struct {
        int64_t run_ms, wall_ms; // that pass
    } then[3];
    int64_t step_ms;        // that the last of them was
    int64_t doubted_for_ms; // from then on; 0: not
} cases[] = {
        {"time passes", {{5000, 5000}}, 0, 0},
        {"a clock is set right by little", {{5000, 6999}}, 0, 0},
        {"and little again", {{5000, 6999}, {5000, 6999}}, 0, 0},
        {"forward by seconds", {{5000, 7000}}, 2000, 0},
        {"back by seconds", {{5000, 3000}}, -2000, 0},
        {"a day is not too much", {{0, DAY_MS}}, DAY_MS, 0},
        {"more is", {{0, DAY_MS + 1}}, DAY_MS + 1, CLOCK_DOUBT_MS},
        {"a machine that slept over the week-end", {{100, 3 * DAY_MS + 100}}, 3 * DAY_MS,
                CLOCK_DOUBT_MS},
        {"the doubt ends", {{0, 2 * DAY_MS}, {CLOCK_DOUBT_MS, CLOCK_DOUBT_MS}}, 0, 0},
        {"not before", {{0, 2 * DAY_MS}, {CLOCK_DOUBT_MS - 1, CLOCK_DOUBT_MS - 1}}, 0, 1},
        {"a second step prolongs it", {{0, 2 * DAY_MS}, {MINUTE_MS, 2 * DAY_MS + MINUTE_MS}},
                2 * DAY_MS, CLOCK_DOUBT_MS},
        {"one by little does not", {{0, 2 * DAY_MS}, {MINUTE_MS, MINUTE_MS}, {0, HOUR_MS}}, HOUR_MS,
                CLOCK_DOUBT_MS - MINUTE_MS},
        {"back again: it is right", {{0, 2 * DAY_MS}, {MINUTE_MS, MINUTE_MS - 2 * DAY_MS}},
                -2 * DAY_MS, 0},
        {"back by years", {{0, -1000 * (int64_t)DAY_MS}}, -1000 * (int64_t)DAY_MS, 0},
};

static void steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct clock_watch w = {0};
        int64_t run_ms = RUN_MS, wall_ms = WALL_MS, step_ms = clock_step(&w, run_ms, wall_ms);
        if (step_ms != 0)
            check_failed("%s: the first look is no step", cases[i].name);
        for (size_t k = 0; k < COUNT_OF(cases[i].then); k++) {
            if (cases[i].then[k].run_ms == 0 && cases[i].then[k].wall_ms == 0)
                continue;
            run_ms += cases[i].then[k].run_ms;
            wall_ms += cases[i].then[k].wall_ms;
            step_ms = clock_step(&w, run_ms, wall_ms);
        }
        if (step_ms != cases[i].step_ms)
            check_failed("%s: a step of %lld ms", cases[i].name, (long long)step_ms);
        int64_t until_ms = clock_doubted_until_ms(&w, run_ms, wall_ms);
        int64_t want_ms = cases[i].doubted_for_ms > 0 ? wall_ms + cases[i].doubted_for_ms : 0;
        if (until_ms != want_ms)
            check_failed("%s: doubted for %lld ms", cases[i].name, (long long)(until_ms - wall_ms));
    }
}

// A reload: those who come know what those before them have seen.
static void generations(void **state)
{
    (void)state;
    struct clock_shared shared = {0};
    struct clock_watch first = {0}, second = {0}, third = {0}, slow = {0};
    assert_int_equal(clock_step_shared(&first, &shared, RUN_MS, WALL_MS), 0);
    assert_int_equal(clock_step_shared(&slow, &shared, RUN_MS, WALL_MS), 0);
    // The step falls between two generations, or is seen by one of the old and taken on by the new.
    assert_int_equal(
            clock_step_shared(&second, &shared, RUN_MS + 5, WALL_MS + 5 + 2 * DAY_MS), 2 * DAY_MS);
    assert_int_equal(clock_step_shared(&third, &shared, RUN_MS + 9, WALL_MS + 9 + 2 * DAY_MS), 0);
    assert_int_equal(
            clock_doubted_until_ms(&third, RUN_MS + 9, WALL_MS), WALL_MS + CLOCK_DOUBT_MS - 4);
    // Who has not looked yet says nothing against it, and sees it in his turn.
    assert_int_equal(clock_step_shared(&slow, &shared, RUN_MS + 10, WALL_MS + 10), 0);
    (void)clock_step_shared(&third, &shared, RUN_MS + 11, WALL_MS + 11 + 2 * DAY_MS);
    assert_true(clock_doubted_until_ms(&third, RUN_MS + 11, WALL_MS) > 0);
    assert_int_equal(
            clock_step_shared(&slow, &shared, RUN_MS + 12, WALL_MS + 12 + 2 * DAY_MS), 2 * DAY_MS);
    // A person says that it is right, and all believe it.
    assert_true(clock_confirm(&shared));
    assert_false(clock_confirm(&shared));
    assert_int_equal(clock_step_shared(&third, &shared, RUN_MS + 13, WALL_MS + 13 + 2 * DAY_MS), 0);
    assert_int_equal(clock_doubted_until_ms(&third, RUN_MS + 13, WALL_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(steps), TEST(generations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
