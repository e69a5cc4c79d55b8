// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_task.c: tasks, groups, deadlines, nudges, helper threads.
#include "../base/check.h"
#include "rt/rt.h"

struct trace {
    struct buf text;
    struct waitq gate;
};

static struct err run(task_main *main, void *arg)
{
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, main, arg);
    loop_free(loop);
    return e;
}

static struct err note_a(void *arg)
{
    struct trace *t = arg;
    buf_add(&t->text, S("a"));
    task_yield();
    buf_add(&t->text, S("A"));
    return OK;
}

static struct err note_b(void *arg)
{
    struct trace *t = arg;
    buf_add(&t->text, S("b"));
    task_yield();
    buf_add(&t->text, S("B"));
    return fail(ERR_REFUSED, "b says no");
}

static struct err two_take_turns(void *arg)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, note_a, arg));
    TRY(group_spawn(&g, note_b, arg));
    return group_wait_all(&g);
}

static void tasks_take_turns(void **state UNUSED)
{
    struct trace t = {0};
    buf_init(&t.text, 100);
    struct err e = run(two_take_turns, &t);
    assert_int_equal(e.kind, ERR_REFUSED);
    assert_true(str_eq(buf_str(&t.text), S("abAB")));
    buf_done(&t.text);
}

static struct err wait_at_gate(void *arg)
{
    struct trace *t = arg;
    return waitq_wait(&t->gate, "the gate");
}

static struct err deadline_is_the_narrowest(void *arg)
{
    struct trace *t = arg;
    within_ms(HOUR_MS);
    {
        within_ms(5);
        within_ms(DAY_MS); // does not widen
        assert_int_equal(wait_at_gate(t).kind, ERR_TIMEOUT);
        assert_int_equal(deadline_left_ms(), 0);
    }
    assert_true(deadline_left_ms() > HOUR_MS - MINUTE_MS);
    return task_sleep_ms(1);
}

static void deadlines(void **state UNUSED)
{
    struct trace t = {0};
    waitq_init(&t.gate);
    assert_false(failed(run(deadline_is_the_narrowest, &t)));
}

static struct err cancelled_children(void *arg)
{
    struct trace *t = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    for (int i = 0; i < 100; i++)
        TRY(group_spawn(&g, wait_at_gate, t));
    task_yield();
    assert_int_equal(g.count, 100);
    waitq_wake_one(&t->gate);
    TRY(group_wait_below(&g, 100));
    assert_int_equal(g.count, 99);
    group_cancel(&g);
    assert_int_equal(group_wait_all(&g).kind, ERR_CANCELLED);
    assert_int_equal(g.count, 0);
    return OK;
}

static void cancellation(void **state UNUSED)
{
    struct trace t = {0};
    waitq_init(&t.gate);
    assert_false(failed(run(cancelled_children, &t)));
}

static struct err polite(void *arg)
{
    struct trace *t = arg;
    struct err e = wait_at_gate(t); // not nudgeable: must be woken
    buf_add(&t->text, failed(e) ? S("broken ") : S("finished "));
    nudgeable();
    e = wait_at_gate(t);
    buf_add(&t->text, e.kind == ERR_CANCELLED && task_nudged() ? S("nudged") : S("woken"));
    return OK;
}

static struct err nudge_one(void *arg)
{
    struct trace *t = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, polite, t));
    task_yield();
    group_nudge(&g);
    task_yield();
    assert_int_equal(g.count, 1);
    waitq_wake_all(&t->gate);
    return group_wait_all(&g);
}

static void nudges(void **state UNUSED)
{
    struct trace t = {0};
    buf_init(&t.text, 100);
    waitq_init(&t.gate);
    assert_false(failed(run(nudge_one, &t)));
    assert_true(str_eq(buf_str(&t.text), S("finished nudged")));
    buf_done(&t.text);
}

static void deep(void *arg)
{
    char large[100000];
    memset(large, 1, sizeof(large));
    *(int *)arg += large[99999];
    assert_false(in_task());
}

static void helper(void *arg)
{
    *(int *)arg += 1;
}

static struct err deep_and_offloaded(void *arg)
{
    deep_call(deep, arg);
    assert_true(in_task());
    for (int i = 0; i < 20; i++)
        TRY(offload(helper, arg));
    return OK;
}

static void other_stacks(void **state UNUSED)
{
    int count = 0;
    assert_false(failed(run(deep_and_offloaded, &count)));
    assert_int_equal(count, 21);
}

static struct err echo_line(void *arg)
{
    struct stream *s AUTO(stream_close_auto) = arg;
    struct str line;
    for (;;) {
        struct err e = stream_until(s, S("\r\n"), 100, &line);
        if (e.kind == ERR_CLOSED)
            return OK;
        TRY(e);
        TRY(stream_write(s, line));
        TRY(stream_flush(s));
    }
}

static struct err talk(void *arg UNUSED)
{
    struct stream *pair[2];
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(stream_pair(pair));
    struct stream *s AUTO(stream_close_auto) = pair[0];
    TRY(group_spawn(&g, echo_line, pair[1]));
    struct str line;
    TRY(stream_write(s, S("one\r\ntwo\r\nthr")));
    TRY(stream_flush(s));
    TRY(stream_until(s, S("\r\n"), 100, &line));
    assert_true(str_eq(line, S("one\r\n")));
    TRY(stream_until(s, S("\r\n"), 5, &line)); // exactly at the limit
    assert_true(str_eq(line, S("two\r\n")));
    TRY(stream_write(s, S("ee\r\nx\r\n")));
    TRY(stream_flush(s));
    assert_int_equal(stream_until(s, S("\r\n"), 6, &line).kind, ERR_LIMIT); // "three" needs 7
    TRY(stream_peek(s, 10, &line));
    assert_true(str_eq(line, S("three\r\nx\r\n")));
    stream_consume(s, 7);
    TRY(stream_read(s, 100, &line));
    assert_true(str_eq(line, S("x\r\n")));
    within_ms(5);
    assert_int_equal(stream_read(s, 100, &line).kind, ERR_TIMEOUT);
    return stream_end(s);
}

static void streams(void **state UNUSED)
{
    assert_false(failed(run(talk, NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(tasks_take_turns),
            cmocka_unit_test(deadlines),
            cmocka_unit_test(cancellation),
            cmocka_unit_test(nudges),
            cmocka_unit_test(other_stacks),
            cmocka_unit_test(streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
