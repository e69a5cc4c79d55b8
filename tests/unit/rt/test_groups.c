// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_groups.c: nobody outlives the group in which he was spawned, whatever happens.
#include "fixture.h"

#define CHILDREN 50

struct stage {
    struct waitq gate;
    size_t begun, ended;
    struct err outcome;
};

static struct err wait_at_gate(void *arg)
{
    struct stage *s = arg;
    s->begun++;
    s->outcome = waitq_wait(&s->gate, "the gate");
    s->ended++;
    return s->outcome;
}

static struct err refuse(void *arg UNUSED)
{
    return fail(ERR_REFUSED, "the first");
}

static struct err time_out(void *arg UNUSED)
{
    task_yield();
    return fail(ERR_TIMEOUT, "the second");
}

static struct err fine(void *arg UNUSED)
{
    for (int i = 0; i < 5; i++)
        task_yield();
    return OK;
}

static struct err first_error_counts(void *arg UNUSED)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, fine, NULL));
    TRY(group_spawn(&g, refuse, NULL));
    TRY(group_spawn(&g, time_out, NULL));
    struct err e = group_wait_all(&g);
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_int_equal(g.count, 0); // all, not only the one that failed
    return OK;
}

static struct err slots(void *arg UNUSED)
{
    struct group g AUTO(group_end);
    size_t most = 0;
    group_begin(&g);
    for (int i = 0; i < 100; i++) {
        TRY(group_wait_below(&g, 3));
        TRY(group_spawn(&g, fine, NULL));
        most = g.count > most ? g.count : most;
    }
    assert_int_equal(most, 3);
    return group_wait_all(&g);
}

static struct err born_cancelled(void *arg)
{
    struct stage *s = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    group_cancel(&g);
    TRY(group_spawn(&g, wait_at_gate, s));
    assert_int_equal(group_wait_all(&g).kind, ERR_CANCELLED);
    assert_int_equal(s->ended, 1);
    return OK;
}

static struct err inner(void *arg)
{
    struct stage *s = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    for (int i = 0; i < CHILDREN; i++)
        TRY(group_spawn(&g, wait_at_gate, s));
    return waitq_wait(&s->gate, "the gate, with children");
}

// The middle task is cancelled; its children are inside its frame, and must be gone with it.
static struct err cancel_reaches_grandchildren(void *arg)
{
    struct stage *s = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, inner, s));
    let_others_run();
    assert_int_equal(s->begun, CHILDREN);
    group_cancel(&g);
    assert_int_equal(group_wait_all(&g).kind, ERR_CANCELLED);
    assert_int_equal(s->ended, CHILDREN);
    return OK;
}

struct stubborn {
    struct waitq gate;
    bool parent_left, child_left;
};

// Its clean-up takes some turns: the end of the group must wait for it all the same.
static struct err slow_to_leave(void *arg)
{
    struct stubborn *s = arg;
    struct err e = waitq_wait(&s->gate, "the gate");
    for (int i = 0; i < 10; i++)
        task_yield();
    assert_false(s->parent_left);
    s->child_left = true;
    return e;
}

static struct err late_parent(void *arg)
{
    struct stubborn *s = arg;
    {
        struct group g AUTO(group_end);
        within_ms(0);
        group_begin(&g);
        TRY(group_spawn(&g, slow_to_leave, s));
        task_yield();
        assert_int_equal(group_wait_all(&g).kind, ERR_TIMEOUT);
    }
    s->parent_left = true;
    assert_true(s->child_left);
    return task_cancelled() ? fail(ERR_CANCELLED, "felt") : OK;
}

static struct err ends_wait_for_stubborn(void *arg UNUSED)
{
    struct stubborn s = {0}, t = {0};
    waitq_init(&s.gate);
    waitq_init(&t.gate);
    assert_ok(late_parent(&s)); // past its own deadline
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, late_parent, &t));
    task_yield();
    task_yield();
    task_yield();
    group_cancel(&g); // while it ends its own group: felt afterwards
    assert_int_equal(group_wait_all(&g).kind, ERR_CANCELLED);
    assert_true(t.parent_left);
    return OK;
}

static struct err stacks_have_a_limit(void *arg)
{
    struct stage *s = arg;
    struct stack_pool *pool = &loop_running()->stacks;
    struct group g AUTO(group_end);
    size_t spawned = 0;
    struct err e = OK;
    pool->count_max = 2 * STACK_SLAB_COUNT;
    group_begin(&g);
    while (!failed(e) && spawned < 1000) {
        e = group_spawn(&g, wait_at_gate, s);
        spawned += !failed(e);
    }
    assert_int_equal(e.kind, ERR_LIMIT);
    assert_int_equal(spawned, 2 * STACK_SLAB_COUNT - 1); // one is ours
    task_yield();
    waitq_wake_one(&s->gate);
    TRY(group_wait_below(&g, spawned));
    task_yield();
    assert_ok(group_spawn(&g, wait_at_gate, s)); // on the stack that came free
    assert_int_equal(group_spawn(&g, wait_at_gate, s).kind, ERR_LIMIT);
    return OK;
}

static void on_real(task_main *main)
{
    struct stage s = {0};
    waitq_init(&s.gate);
    assert_ok(run_real(main, &s));
}

static void the_first_error_is_kept(void **state UNUSED)
{
    on_real(first_error_counts);
}

static void waiting_below_a_count(void **state UNUSED)
{
    on_real(slots);
}

static void a_cancelled_group_cancels_newcomers(void **state UNUSED)
{
    on_real(born_cancelled);
}

static void cancellation_goes_down(void **state UNUSED)
{
    on_real(cancel_reaches_grandchildren);
}

static void groups_end_when_their_tasks_have(void **state UNUSED)
{
    on_real(ends_wait_for_stubborn);
}

static void too_many_tasks(void **state UNUSED)
{
    on_real(stacks_have_a_limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_first_error_is_kept),
            cmocka_unit_test(waiting_below_a_count),
            cmocka_unit_test(a_cancelled_group_cancels_newcomers),
            cmocka_unit_test(cancellation_goes_down),
            cmocka_unit_test(groups_end_when_their_tasks_have),
            cmocka_unit_test(too_many_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
