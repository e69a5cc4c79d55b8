// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_warmed.c: a restart gives no address a second allowance (outbound.md
// 28.3): what was sent today is written down and read again.
#include "../base/check.h"

#include "../../support/state.h"

#include "deliver/shape/warmed.h"
#include "queue/control/statefile.h"
#include "rt/rt.h"

#define DAY 20780
#define LINE(day, provider, count)                                                                 \
    "{\"day\":" #day ",\"ip\":\"192.0.2.1\",\"provider\":\"" provider "\",\"count\":" #count "}\n"

static const struct {
    const char *name, *text;
    const char *got; // "provider count" each; "!": an error
} files[] = {
        {"none", "", ""},
        {"today's", LINE(20780, "gmail", 37) LINE(20780, "b.example", 1), "gmail 37 b.example 1 "},
        {"yesterday's", LINE(20779, "gmail", 37), ""},
        {"twice: the greater one", LINE(20780, "gmail", 2) LINE(20780, "gmail", 7), "gmail 7 "},
        {"no number", LINE(20780, "gmail", "x"), "!"},
        {"below zero", LINE(20780, "gmail", -1), "!"},
        {"no address", "{\"day\":20780,\"ip\":\"x\",\"provider\":\"gmail\",\"count\":1}", "!"},
        {"nothing of ours", "hello", "!"},
};

static void show(const struct warmed_counts *counts, struct buf *out)
{
    each_in_vec (one, &counts->all)
        buf_fmt(out, "%.*s %u ", ARG(one->provider), one->count);
}

static void reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct arena a AUTO(arena_done);
        struct buf got AUTO(buf_done);
        struct warmed_counts counts = {0};
        arena_init(&a, MIB);
        buf_init(&got, KIB);
        if (failed(warmed_parse(&a, str_from_c(files[i].text), DAY, &counts)))
            buf_add_byte(&got, '!');
        else
            show(&counts, &got);
        check_str(files[i].name, buf_str(&got), str_from_c(files[i].got));
    }
}

// Two workers write what each has met; the file has the greater of two counts, and no other day.
static void merging(void **state)
{
    struct state_folder folder;
    struct arena a AUTO(arena_done);
    (void)state;
    arena_init(&a, MIB);
    assert_false(failed(state_folder_make(&folder)));
    struct str path = arena_fmt(&a, "%s/warmed", folder.path);
    static const struct {
        int64_t day;
        const char *text, *after;
    } steps[] = {
            {DAY, LINE(20780, "gmail", 5), "gmail 5 "},
            {DAY, LINE(20780, "gmail", 3) LINE(20780, "yahoo", 1), "gmail 5 yahoo 1 "},
            {DAY, LINE(20780, "gmail", 9), "gmail 9 yahoo 1 "},
            {DAY + 1, LINE(20781, "gmail", 1), "gmail 1 "},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct warmed_counts counts = {0}, none = {0}, after = {0};
        struct buf got AUTO(buf_done);
        buf_init(&got, KIB);
        struct str text = str_from_c(steps[i].text);
        assert_false(failed(warmed_parse(&a, text, steps[i].day, &counts)));
        assert_false(failed(warmed_merge(&a, path, steps[i].day, &counts)));
        assert_false(failed(warmed_merge(&a, path, steps[i].day, &none)));
        struct str file;
        assert_false(failed(statefile_read(&a, path, MIB, &file)));
        assert_false(failed(warmed_parse(&a, file, steps[i].day, &after)));
        show(&after, &got);
        check_str(steps[i].text, buf_str(&got), str_from_c(steps[i].after));
    }
    state_folder_remove(&folder);
}

// The allowance of a provider, before and after a start of all.
static struct err live_through_a_start(void *arg)
{
    const struct ip ip = {IP_V4, {192, 0, 2, 1}};
    const uint32_t days[] = {3};
    const struct warmup_plan plan = {.days = days, .day_count = 1};
    const struct source_address one = {
            .ip = ip, .warmup = &plan, .warmup_from_ms = DAY * (int64_t)DAY_MS};
    struct limits_shared *shared = mem_new(struct limits_shared);
    int64_t now = one.warmup_from_ms + HOUR_MS;
    struct warmup_place place;
    struct warmed w;
    assert(shared != NULL);
    for (uint64_t seed = 1; seed <= 2; seed++) {
        memset(shared, 0, sizeof(*shared));
        limits_shared_init(shared, seed);
        warmed_init(&w, str_from_c(arg), shared);
        TRY(warmed_read(&w, now));
        check_true("room", warmup_take(shared, &one, S("gmail"), now, &place));
        warmed_note(&w, &ip, S("gmail"), place.day);
        check_true("changed", warmed_wants_writing(&w, INT64_MAX / 2));
        TRY(warmed_write(&w));
        check_true("written", !warmed_wants_writing(&w, INT64_MAX / 2));
        warmed_done(&w);
    }
    check_true("the third", warmup_take(shared, &one, S("gmail"), now, &place));
    check_true("no fourth", !warmup_take(shared, &one, S("gmail"), now, &place));
    check_true("another provider", warmup_take(shared, &one, S("yahoo"), now, &place));
    mem_free(shared);
    return OK;
}

static void over_a_start(void **state)
{
    struct state_folder folder;
    struct arena a AUTO(arena_done);
    (void)state;
    arena_init(&a, MIB);
    assert_false(failed(state_folder_make(&folder)));
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, live_through_a_start,
            (void *)(uintptr_t)arena_fmt(&a, "%s/warmed%c", folder.path, 0).ptr);
    check_str("lived", err_text(e), S(""));
    loop_free(loop);
    state_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(reading), TEST(merging), TEST(over_a_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
