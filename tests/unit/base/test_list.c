// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_list.c: lists through things.
#include "check.h"

#include "base/list.h"

struct thing {
    int number;
    struct link in_list;
    struct link in_other;
};

static void check_order(const struct list *l, const char *want)
{
    struct buf got;
    buf_init(&got, 100);
    each_in_list (t, l, struct thing, in_list)
        buf_fmt(&got, "%d", t->number);
    check_str("order", buf_str(&got), str_from_c(want));
    buf_done(&got);
}

static void empty(void **unused UNUSED)
{
    struct list l;
    list_init(&l);
    assert_true(list_is_empty(&l));
    assert_null(list_first(&l));
    assert_null(list_take_first(&l));
    check_order(&l, "");
    each_safe_in_list (t, &l, struct thing, in_list)
        assert_true(t == NULL);
}

static void order(void **unused UNUSED)
{
    struct list l;
    struct thing things[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&l);
    list_append(&l, &things[1].in_list);
    list_append(&l, &things[2].in_list);
    list_prepend(&l, &things[0].in_list);
    link_insert_before(&things[2].in_list, &things[3].in_list);
    check_order(&l, "0132");
    assert_true(link_is_in(&things[3].in_list));
    assert_false(link_is_in(&things[3].in_other));
    link_remove(&things[3].in_list);
    link_remove(&things[3].in_list); // once more does nothing
    assert_false(link_is_in(&things[3].in_list));
    check_order(&l, "012");
    struct link *first = list_take_first(&l);
    assert_true(CONTAINER_OF(first, struct thing, in_list) == &things[0]);
    assert_false(link_is_in(first));
    list_append(&l, first);
    check_order(&l, "120");
}

static void removing_on_the_way(void **unused UNUSED)
{
    struct list l, other;
    struct thing things[6];
    list_init(&l);
    list_init(&other);
    for (int i = 0; i < 6; i++) {
        things[i] = (struct thing){.number = i};
        list_append(&l, &things[i].in_list);
        list_append(&other, &things[i].in_other);
    }
    each_safe_in_list (t, &l, struct thing, in_list)
        if (t->number != 2 && t->number != 3)
            link_remove(&t->in_list);
    check_order(&l, "23");
    int count = 0;
    each_in_list (t, &other, struct thing, in_other)
        count += t->number == count;
    assert_int_equal(count, 6);
    each_safe_in_list (t, &l, struct thing, in_list)
        link_remove(&t->in_list);
    assert_true(list_is_empty(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(empty),
            TEST(order),
            TEST(removing_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
