// SPDX-License-Identifier: Apache-2.0
// tests/unit/server/test_patience.c: who hangs, and who is only slow.
#include "../base/check.h"

#include "server/patience.h"

#define MOST 4

// Ticks until the verdict; 0: not within so many.
static size_t ticks_until(
        struct patience *p, enum patience_verdict wanted, uint64_t step, size_t ticks_max)
{
    uint64_t beats = p->beats;
    for (size_t i = 1; i <= ticks_max; i++) {
        beats += step;
        if (patience_tick(p, beats, MOST) == wanted)
            return i;
    }
    return 0;
}

static void one_that_stands_still(void **unused UNUSED)
{
    struct patience p = {0};
    check_u64("asked at once", ticks_until(&p, PATIENCE_ASK, 0, 1), 1);
    check_u64("hangs", ticks_until(&p, PATIENCE_HANGS, 0, 100), MOST);
    check_u64("exhausted", ticks_until(&p, PATIENCE_EXHAUSTED, 0, 100), 2);
    check_u64("again and again", ticks_until(&p, PATIENCE_EXHAUSTED, 0, 100), 1);
}

static void one_that_answers(void **unused UNUSED)
{
    struct patience p = {0};
    for (size_t i = 0; i < 3 * MOST; i++) {
        check_true("asked", patience_tick(&p, 0, MOST) == PATIENCE_ASK);
        p.unanswered = 0;
    }
}

static void one_that_moves(void **unused UNUSED)
{
    struct patience p = {0};
    check_u64("asked", ticks_until(&p, PATIENCE_ASK, 1, 1), 1);
    check_u64("is spared", ticks_until(&p, PATIENCE_HANGS, 1, PATIENCE_TICKS_SPARED), 0);
    check_u64("all is well as long", p.unanswered, 1);
    check_u64("not for ever", ticks_until(&p, PATIENCE_HANGS, 1, 100), MOST);
}

static void one_that_stops_moving(void **unused UNUSED)
{
    struct patience p = {0};
    check_u64("asked", ticks_until(&p, PATIENCE_ASK, 1, 1), 1);
    check_u64("moves", ticks_until(&p, PATIENCE_HANGS, 1, 10), 0);
    check_u64("hangs", ticks_until(&p, PATIENCE_HANGS, 0, 100), MOST);
    check_u64("moving is too late", ticks_until(&p, PATIENCE_EXHAUSTED, 1, 100), 2);
}

static void one_that_is_slow_again(void **unused UNUSED)
{
    struct patience p = {0};
    check_u64("asked", ticks_until(&p, PATIENCE_ASK, 1, 1), 1);
    check_u64("spared", ticks_until(&p, PATIENCE_HANGS, 1, PATIENCE_TICKS_SPARED), 0);
    p.unanswered = 0;
    check_u64("asked again", ticks_until(&p, PATIENCE_ASK, 1, 1), 1);
    check_u64("spared again", ticks_until(&p, PATIENCE_HANGS, 1, PATIENCE_TICKS_SPARED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(one_that_stands_still),
            TEST(one_that_answers),
            TEST(one_that_moves),
            TEST(one_that_stops_moving),
            TEST(one_that_is_slow_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
