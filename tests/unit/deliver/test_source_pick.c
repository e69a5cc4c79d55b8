// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_source_pick.c: each address has its part of the mail, in every way.
#include "../base/check.h"

#include "base/hash.h"
#include "deliver/shape/source_pick.h"

#define MAILS 20000
#define ADDRESSES_MAX 4

static const struct source_address at[ADDRESSES_MAX] = {
        {.ip = {IP_V4, {192, 0, 2, 1}}},
        {.ip = {IP_V4, {192, 0, 2, 2}}},
        {.ip = {IP_V4, {192, 0, 2, 3}}},
        {.ip = {IP_V6, {0x20, 1, [15] = 4}}},
};

static const struct {
    const char *name;
    uint32_t weights[ADDRESSES_MAX];
    size_t count;
    const char *turns; // a round and two more, by place
} cases[] = {
        {"one", {7}, 1, "000"},
        {"none is one", {0, 0}, 2, "0101"},
        {"equal ones go round", {1, 1, 1}, 3, "01201"},
        {"equal and large ones do, too", {500, 500}, 2, "0101"},
        {"one to two", {1, 2}, 2, "01101"},
        {"five, one, one", {5, 1, 1}, 3, "000102000"},
        {"two to one, three times", {200, 100, 200, 100}, 4, "00122300"},
        {"all in a thousand", {1000, 1}, 2, NULL},
};

struct some {
    struct source_address made[ADDRESSES_MAX];
    const struct source_address *fit[ADDRESSES_MAX];
    size_t count;
    uint64_t sum;
};

static void some_init(struct some *s, size_t c)
{
    *s = (struct some){.count = cases[c].count};
    for (size_t i = 0; i < s->count; i++) {
        s->made[i] = at[i];
        s->made[i].weight = cases[c].weights[i];
        s->fit[i] = &s->made[i];
        s->sum += source_weight(s->fit[i]);
    }
}

static void turns_are_exact(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct some s;
        struct buf seen AUTO(buf_done);
        size_t taken[ADDRESSES_MAX] = {0};
        some_init(&s, c);
        buf_init(&seen, KIB);
        for (size_t i = 0; cases[c].turns != NULL && i < str_from_c(cases[c].turns).len; i++)
            buf_fmt(&seen, "%zu", pick_by_turn(s.fit, s.count, i));
        if (cases[c].turns != NULL)
            check_str(cases[c].name, buf_str(&seen), str_from_c(cases[c].turns));
        for (uint64_t i = 0; i < s.sum; i++)
            taken[pick_by_turn(s.fit, s.count, 12345 + i)]++;
        for (size_t i = 0; i < s.count; i++)
            check_u64(cases[c].name, taken[i], source_weight(s.fit[i]));
    }
}

static void check_part(const char *name, size_t taken, uint64_t weight, uint64_t sum)
{
    uint64_t expected = MAILS * weight / sum, off = MAILS / 50; // 4 sigma and more
    if (taken + off < expected || taken > expected + off)
        check_failed("%s: %zu of %llu", name, taken, (unsigned long long)expected);
}

static void hashes_and_chance_are_fair(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct some s;
        size_t by_hash[ADDRESSES_MAX] = {0}, by_chance[ADDRESSES_MAX] = {0};
        some_init(&s, c);
        for (uint64_t i = 0; i < MAILS; i++) {
            uint64_t number = hash_sip24(5, i, S("x"));
            by_hash[pick_by_hash(s.fit, s.count, number)]++;
            by_chance[pick_by_chance(s.fit, s.count, number)]++;
        }
        for (size_t i = 0; i < s.count; i++) {
            check_part(cases[c].name, by_hash[i], source_weight(s.fit[i]), s.sum);
            check_part(cases[c].name, by_chance[i], source_weight(s.fit[i]), s.sum);
        }
    }
}

// Who had the one that is out is spread over the others; nobody else moves.
static void one_that_drops_out_moves_only_its_own(void **state)
{
    const struct source_address *all[] = {&at[0], &at[1], &at[2]}, *left[] = {&at[0], &at[2]};
    size_t moved_to[2] = {0};
    (void)state;
    for (uint64_t i = 0; i < MAILS; i++) {
        uint64_t number = hash_sip24(9, i, S("x"));
        size_t before = pick_by_hash(all, 3, number), after = pick_by_hash(left, 2, number);
        assert_int_equal(pick_by_hash(all, 3, number), before);
        if (before == 1)
            moved_to[after]++;
        else
            assert_ptr_equal(all[before], left[after]);
    }
    assert_in_range(moved_to[0], MAILS / 7, MAILS / 5);
    assert_in_range(moved_to[1], MAILS / 7, MAILS / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(turns_are_exact),
            TEST(hashes_and_chance_are_fair),
            TEST(one_that_drops_out_moves_only_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
