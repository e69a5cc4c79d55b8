// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_doubt.c: when what a worker sees says more of itself than of others: the
// borders of the counts, what is counted once, and what is forgotten.
#include "../base/check.h"

#include "deliver/doubt.h"

static void note(struct doubts *d, size_t from, size_t count, enum doubt_domain what, int64_t at_ms)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    for (size_t i = from; i < from + count; i++)
        doubt_note_domain(d, arena_fmt(&a, "d%zu.example", i), what, at_ms);
}

static const struct dns_case {
    const char *name;
    size_t absent, there;
    bool doubts;
} dns_cases[] = {
        {.name = "nothing was asked"},
        {.name = "49 that do not exist", .absent = 49},
        {.name = "50 that do not exist", .absent = 50, .doubts = true},
        {.name = "95 percent", .absent = 95, .there = 5, .doubts = true},
        {.name = "a little less", .absent = 94, .there = 6},
        {.name = "a flood of typing errors", .absent = 400, .there = 40},
        {.name = "more than are remembered", .absent = 2000, .doubts = true},
};

static void domains_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dns_cases); i++) {
        const struct dns_case *c = &dns_cases[i];
        struct doubts *d = mem_new(struct doubts);
        assert_non_null(d);
        note(d, 0, c->absent, DOUBT_ABSENT, 1000);
        note(d, 10000, c->there, DOUBT_EXISTS, 1000);
        check_true(c->name, doubt_dns(d, 2000) == c->doubts);
        check_true("five minutes later", !doubt_dns(d, 1000 + DOUBT_WINDOW_MS));
        check_true("not of the network", !doubt_network(d, 2000));
        mem_free(d);
    }
}

static void a_domain_counts_once_with_its_last_answer(void **state)
{
    (void)state;
    struct doubts *d = mem_new(struct doubts);
    assert_non_null(d);
    for (size_t i = 0; i < 100; i++)
        note(d, 0, 1, DOUBT_ABSENT, 1000);
    check_true("one domain, a hundred times", !doubt_dns(d, 1000));
    note(d, 0, 60, DOUBT_ABSENT, 1000);
    check_true("sixty", doubt_dns(d, 1000));
    note(d, 0, 10, DOUBT_EXISTS, 1001);
    check_true("some have come back", !doubt_dns(d, 1001));
    mem_free(d);
}

static const struct network_case {
    const char *name;
    size_t unreached, others;
    bool doubts;
} network_cases[] = {
        {.name = "nobody was tried"},
        {.name = "19 without a way", .unreached = 19},
        {.name = "20 without a way", .unreached = 20, .doubts = true},
        {.name = "just 90 percent", .unreached = 90, .others = 10},
        {.name = "more than 90 percent", .unreached = 91, .others = 9, .doubts = true},
        {.name = "hosts that refuse", .others = 100},
};

static void connections_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(network_cases); i++) {
        const struct network_case *c = &network_cases[i];
        struct doubts *d = mem_new(struct doubts);
        assert_non_null(d);
        for (size_t k = 0; k < c->unreached; k++)
            doubt_note_connect(d, fail(ERR_UNSUPPORTED, "no way"), 1000);
        for (size_t k = 0; k < c->others; k++)
            doubt_note_connect(d, k % 2 == 0 ? OK : fail(ERR_UNREACHABLE, "refused"), 1000);
        check_true(c->name, doubt_network(d, 2000) == c->doubts);
        check_true("five minutes later", !doubt_network(d, 1000 + DOUBT_WINDOW_MS));
        mem_free(d);
    }
}

static void it_is_told_once_a_minute(void **state)
{
    (void)state;
    struct doubts *d = mem_new(struct doubts);
    assert_non_null(d);
    check_true("at once", doubt_may_tell(d, 1));
    check_true("not again", !doubt_may_tell(d, MINUTE_MS));
    check_true("a minute later", doubt_may_tell(d, 1 + MINUTE_MS));
    mem_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(domains_are_counted),
            TEST(a_domain_counts_once_with_its_last_answer),
            TEST(connections_are_counted),
            TEST(it_is_told_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
