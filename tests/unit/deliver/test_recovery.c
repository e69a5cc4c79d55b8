// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_recovery.c: when a back-off ends before its time (outbound.md 28.2).
#include "../base/check.h"

#include "deliver/shape/recovery.h"

static const struct {
    const char *name;
    const char *messages; // '+' went well, '-' did not
    uint32_t percent;
    size_t over_after; // so many; 0: it is not
} cases[] = {
        {"all well", "++++++++++++++++++++", 100, 20},
        {"not before there are enough", "+++++++++++++++++++", 1, 0},
        {"one is too many of all", "-+++++++++++++++++++", 100, 0},
        {"until it is forgotten", "-++++++++++++++++++++", 100, 21},
        {"half of them", "----------++++++++++", 50, 20},
        {"less than half", "-----------+++++++++", 50, 0},
        {"nobody wants to know", "+++++++++++++++++++++++++++++++++++", 0, 0},
        {"the first of two times", "++++++++++++++++++++-+++++++++++++++++++", 100, 20},
};

static void ratios(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct recoveries all = {0};
        struct str messages = str_from_c(cases[i].messages);
        size_t over_after = 0;
        for (size_t k = 0; k < messages.len; k++) {
            bool is_over = recovery_note(
                    &all, S("gmail"), messages.ptr[k] == '+', cases[i].percent, (int64_t)k);
            if (is_over && over_after == 0)
                over_after = k + 1;
            else if (is_over)
                check_failed("%s: a second time after %zu", cases[i].name, k + 1);
        }
        check_u64(cases[i].name, over_after, cases[i].over_after);
    }
}

// Each site has its own; who is not heard of makes room.
static void fill(struct recoveries *all, size_t others)
{
    for (size_t k = 0; k + 1 < RECOVERY_MESSAGES; k++) {
        check_true("a", !recovery_note(all, S("a"), true, 100, 0));
        check_true("b", !recovery_note(all, S("b"), false, 100, 1));
    }
    for (size_t i = 0; i < others; i++) {
        char name[2] = {'c', (char)i};
        check_true("others", !recovery_note(all, str_of(name, 2), true, 100, 2));
    }
}

static void sites(void **state)
{
    struct recoveries all = {0};
    (void)state;
    fill(&all, RECOVERY_SITES - 2);
    check_true("the last that was missing", recovery_note(&all, S("a"), true, 100, 3));
}

static void one_too_many(void **state)
{
    struct recoveries all = {0};
    (void)state;
    fill(&all, RECOVERY_SITES - 1);
    check_true("has the place of the oldest", !recovery_note(&all, S("a"), true, 100, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(ratios), TEST(sites), TEST(one_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
