// SPDX-License-Identifier: Apache-2.0
// tests/unit/server/test_names.c: the order to ask other servers of the DNS, there and back.
#include "../base/check.h"
#include "server/names.h"

static const struct {
    const char *words, *expected; // NULL: refused
} cases[] = {
        {"", NULL},
        {"5000", NULL},
        {"5000 2", NULL},
        {"5000 2 ", NULL},
        {"-1 2 192.0.2.1", NULL},
        {"99999999999 2 192.0.2.1", NULL},
        {"5000 x 192.0.2.1", NULL},
        {"5000 2 ns.example", NULL},
        {"5000 2 192.0.2.1 [2001:db8::1]", NULL},
        {"5000 2 192.0.2.1", "names 5000 2 192.0.2.1\n"},
        {"1000 0 2001:db8::1 192.0.2.1", "names 1000 0 2001:db8::1 192.0.2.1\n"},
};

static void orders(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        const struct dns_settings before = {.inflight_max = 7, .ttl_max_s = 9};
        struct dns_settings s = before;
        arena_init(&a, 16 * KIB);
        buf_init(&text, NAMES_LINE_BYTES_MAX);
        bool good = names_order_read(&a, str_from_c(cases[i].words), &s);
        check_u64(cases[i].words, good, cases[i].expected != NULL);
        assert_int_equal(s.inflight_max, 7);
        assert_int_equal(s.ttl_max_s, 9);
        if (!good) {
            assert_int_equal(s.server_count, 0);
            continue;
        }
        assert_int_equal(s.servers[0].port, 53);
        names_order_add(&text, &s);
        check_str(cases[i].words, buf_str(&text), str_from_c(cases[i].expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(orders)};
    return cmocka_run_group_tests_name("server/names", tests, NULL, NULL);
}
