// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_space.c: a disk that fills and empties on the simulated clock, and a real
// folder.
#include "place.h"

#include "queue/space.h"
#include "rt/sim/sim.h"

#define GIB ((uint64_t)1024 * MIB)

static const struct {
    const char *name;
    struct disk_space disk;
    int64_t wait_ms; // before it is asked
    uint64_t bytes;
    bool fits, low;
} steps[] = {
        {"plenty", {50 * GIB, 100 * GIB, 5000, 9000}, 0, 0, true, false},
        {"a large one", {50 * GIB, 100 * GIB, 5000, 9000}, 0, 48 * GIB, true, false},
        {"one byte too large", {50 * GIB, 100 * GIB, 5000, 9000}, 0, 48 * GIB + 1, false, false},
        {"not looked at yet", {1, 100 * GIB, 5000, 9000}, 999, 0, true, false},
        {"two percent", {2 * GIB, 100 * GIB, 5000, 9000}, 1, 0, true, false},
        {"less", {2 * GIB - 1, 100 * GIB, 5000, 9000}, 1000, 0, false, true},
        {"not a tenth more", {2 * GIB + 2 * GIB / 10 - 1, 100 * GIB, 5000, 9000}, 1000, 0, false,
                true},
        {"a tenth more", {2 * GIB + 2 * GIB / 10, 100 * GIB, 5000, 9000}, 1000, 0, true, false},
        {"down a bit", {2 * GIB, 100 * GIB, 5000, 9000}, 1000, 0, true, false},
        {"a small disk", {512 * (uint64_t)MIB - 1, GIB, 5000, 9000}, 1000, 0, false, true},
        {"few inodes", {50 * GIB, 100 * GIB, 999, 9000}, 1000, 0, false, true},
        {"not enough of them", {50 * GIB, 100 * GIB, 1099, 9000}, 1000, 0, false, true},
        {"enough", {50 * GIB, 100 * GIB, 1100, 9000}, 1000, 0, true, false},
        {"uncounted inodes", {50 * GIB, 100 * GIB, 0, 0}, 1000, 0, true, false},
        {"the clock stood still", {1, 100 * GIB, 0, 0}, 0, 0, true, false},
};

static const struct queue_settings settings = {
        .records = {.path = S_INIT("/"), .space = {512 * (uint64_t)MIB, 2, 1000}},
        .bodies = {.path = S_INIT("/"), .space = {0, 0, 0}},
};

static struct err story(void *arg)
{
    (void)arg;
    struct disk_space disk = {0};
    struct space_faults faults = {.instead = &disk};
    struct space_guard *guard = space_guard_new(&settings, NULL, &faults);
    assert_non_null(guard);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        disk = steps[i].disk;
        if (steps[i].wait_ms > 0)
            TRY(task_sleep_ms(steps[i].wait_ms));
        check_u64(steps[i].name, space_fits(guard, steps[i].bytes), steps[i].fits);
        check_u64(steps[i].name, space_is_low(guard), steps[i].low);
    }
    faults.full = true;
    check_true("told full", !space_fits(guard, 0) && space_is_low(guard));
    faults.full = false;
    check_true("and not any more", space_fits(guard, 0) && !space_is_low(guard));
    space_guard_free(guard);
    return OK;
}

static void disks_fill(void **state)
{
    (void)state;
    struct sim *sim = sim_new(1);
    struct err e = sim_run(sim, story, NULL);
    check_str("the story", err_text(e), S(""));
    sim_free(sim);
}

static struct err real_story(void *arg)
{
    static const struct queue_settings all = {
            .records = {.path = S_INIT("/tmp"), .space = {1, 0, 0}},
            .bodies = {.path = S_INIT("/nonexistent"), .space = {INT64_MAX, 90, INT64_MAX}}};
    static const struct queue_settings none = {
            .records = {.path = S_INIT("/tmp"), .space = {INT64_MAX, 0, 0}},
            .bodies = {.path = S_INIT("/tmp"), .space = {0, 0, 0}}};
    (void)arg;
    struct space_guard *guard = space_guard_new(&all, NULL, NULL);
    check_true("there is a byte, and what cannot be looked at is large", space_fits(guard, 0));
    space_guard_free(guard);
    guard = space_guard_new(&none, NULL, NULL);
    check_true("no disk is that large", !space_fits(guard, 0));
    space_guard_free(guard);
    return OK;
}

static void real_folders(void **state)
{
    (void)state;
    in_loop(real_story, NULL);
}

static void folders_are_asked(void **state)
{
    (void)state;
    struct arena a;
    struct disk_space space;
    arena_init(&a, 64 * KIB);
    struct err e = disk_space(&a, S("/tmp"), &space);
    check_str("a folder", err_text(e), S(""));
    check_true("it has bytes", space.total_bytes > 0 && space.free_bytes <= space.total_bytes);
    check_u64("no folder", disk_space(&a, S("/nonexistent/x"), &space).kind, ERR_NOT_FOUND);
    arena_done(&a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            TEST(disks_fill), TEST(real_folders), TEST(folders_are_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
