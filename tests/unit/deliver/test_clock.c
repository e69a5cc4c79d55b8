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

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
