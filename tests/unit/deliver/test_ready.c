// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_ready.c: who of a destination goes first (queue.md 6.3, 9.3).
#include "../base/check.h"

#include "deliver/shape/ready.h"

#define NOW_MS INT64_C(1763768100000)
#define QUARTER_MS (15 * MINUTE_MS)

static const struct {
    const char *name;
    struct {
        int priority;
        int64_t waited_ms;
    } of[4]; // with the numbers 1 to 4; waited -1: there is none
    const char *order;
} cases[] = {
        {"by priority", {{0, 0}, {-9, 0}, {9, 0}, {1, 0}}, "3412"},
        {"equals by age", {{0, 1}, {0, 3}, {0, 2}, {0, 3}}, "2431"},
        {"a quarter of an hour is worth one", {{0, 0}, {-1, QUARTER_MS}, {1, 0}, {0, -1}}, "321"},
        {"less of it is worth nothing", {{0, 0}, {-1, QUARTER_MS - 1}, {0, -1}, {0, -1}}, "12"},
        {"nine at most", {{-9, 100 * QUARTER_MS}, {0, 0}, {1, 0}, {-8, 0}}, "3124"},
        {"so the lowest are never behind all that is new",
                {{0, 0}, {-9, 9 * QUARTER_MS}, {0, 0}, {-9, 0}}, "2134"},
        {"what is not due yet has waited for nothing", {{0, -QUARTER_MS}, {0, 0}, {0, -1}, {0, -1}},
                "21"},
        {"nobody", {{0, -1}, {0, -1}, {0, -1}, {0, -1}}, ""},
};

static void order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ready all[4] = {0};
        struct ready_line line;
        struct buf forth AUTO(buf_done), back AUTO(buf_done);
        buf_init(&forth, KIB);
        buf_init(&back, KIB);
        ready_line_init(&line);
        for (size_t k = 0; k < COUNT_OF(all); k++) {
            all[k] = (struct ready){.id = k + 1,
                    .due_ms = NOW_MS - cases[i].of[k].waited_ms,
                    .priority = (int8_t)cases[i].of[k].priority};
            if (cases[i].of[k].waited_ms != -1)
                ready_line_add(&line, &all[k]);
        }
        for (struct ready *r; (r = ready_line_first(&line, NOW_MS)) != NULL;) {
            buf_fmt(&forth, "%u", (unsigned)r->id);
            ready_line_remove(r);
        }
        check_str(cases[i].name, buf_str(&forth), str_from_c(cases[i].order));
        for (size_t k = 0; k < COUNT_OF(all); k++)
            if (cases[i].of[k].waited_ms != -1)
                ready_line_add(&line, &all[k]);
        for (struct ready *r; (r = ready_line_last(&line, NOW_MS)) != NULL;) {
            buf_fmt(&back, "%u", (unsigned)r->id);
            ready_line_remove(r);
        }
        check_u64(cases[i].name, back.len, forth.len);
        for (size_t k = 0; k < back.len && k < forth.len; k++)
            check_u64(cases[i].name, (uint64_t)back.ptr[back.len - 1 - k], (uint64_t)forth.ptr[k]);
    }
}

static void bounds(void **state)
{
    const struct envelope_edits edits = {.has_priority = true, .priority = 7};
    struct unit u = {.priority = 100};
    (void)state;
    assert_int_equal(unit_priority(&u), 9);
    u.priority = -100;
    assert_int_equal(unit_priority(&u), -9);
    u.edits = &edits;
    assert_int_equal(unit_priority(&u), 7);
    assert_int_equal(ready_urgency(9, 0, NOW_MS), 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(order), TEST(bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
