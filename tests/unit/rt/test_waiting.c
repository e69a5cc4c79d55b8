// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_waiting.c: every call that waits feels a cancellation, a nudge and a deadline;
// who waits first is woken first; and many timers.
#include "fixture.h"

#include "base/hash.h"

#include "rt/offload.h"
#include "rt/tls.h"

#define LARGE_BYTES (4 * MIB) // more than sockets hold
#define TIMERS 100000
#define SLEEPERS 1000

// --- What may wait -------------------------------------------------------------------------------

struct place { // where a waiting task is
    struct stream *here, *there;
    struct acceptor *acceptor;
    struct waitq gate;
    SSL_CTX *tls;
    char *large;
    struct err (*wait)(struct place *p) suspends;
    struct err first, second;
    bool left;
};

static struct err in_waitq(struct place *p)
{
    return waitq_wait(&p->gate, "the gate");
}

static struct err in_sleep(struct place *p UNUSED)
{
    return task_sleep_ms(HOUR_MS);
}

static struct err in_read(struct place *p)
{
    struct str got;
    return stream_read(p->here, 10, &got);
}

static struct err in_until(struct place *p)
{
    struct str got;
    return stream_until(p->here, S("\n"), 10, &got);
}

static struct err in_peek(struct place *p)
{
    struct str got;
    return stream_peek(p->here, 10, &got);
}

static struct err in_write(struct place *p)
{
    return stream_write(p->here, str_of(p->large, LARGE_BYTES));
}

static struct err in_flush(struct place *p)
{
    while (true) {
        TRY(stream_write(p->here, str_of(p->large, 10000)));
        TRY(stream_flush(p->here));
    }
}

static struct err in_accept(struct place *p)
{
    struct stream *s;
    return net_accept(p->acceptor, &s);
}

static struct err in_group(struct place *p)
{
    struct place child = {.wait = NULL}; // outlives the group, which ends first
    struct group g AUTO(group_end);
    (void)p;
    waitq_init(&child.gate);
    group_begin(&g);
    TRY(group_spawn(&g, (task_main *)(void *)in_waitq, &child));
    return group_wait_all(&g);
}

static struct err in_handshake(struct place *p)
{
    struct arena a;
    arena_init(&a, 4096);
    struct err e = stream_tls(p->here, p->tls, TLS_CLIENT, S("mx.example.net"), &a);
    struct err kind = {.kind = e.kind}; // its text may lie in the arena
    arena_done(&a);
    return kind;
}

static const struct {
    const char *name;
    struct err (*wait)(struct place *p);
    bool once; // the stream is of no use after it
} waits[] = {
        {"waitq_wait", in_waitq, false},
        {"task_sleep_ms", in_sleep, false},
        {"stream_read", in_read, false},
        {"stream_until", in_until, false},
        {"stream_peek", in_peek, false},
        {"stream_write", in_write, false},
        {"stream_flush", in_flush, false},
        {"net_accept", in_accept, false},
        {"group_wait_all", in_group, false},
        {"stream_tls", in_handshake, true},
};

static struct err place_make(struct place *p)
{
    struct stream *pair[2];
    *p = (struct place){.tls = SSL_CTX_new(TLS_client_method()), .large = mem_bytes(LARGE_BYTES)};
    waitq_init(&p->gate);
    TRY(stream_pair(pair));
    p->here = pair[0];
    p->there = pair[1];
    return net_listen(&(struct endpoint){.ip = {IP_V4, {127, 0, 0, 1}}},
            &(struct listen_options){0}, &p->acceptor);
}

static void place_end(struct place *p)
{
    stream_close(p->here);
    stream_close(p->there);
    acceptor_free(p->acceptor);
    SSL_CTX_free(p->tls);
    mem_free(p->large);
}

static struct err wait_there(void *arg)
{
    struct place *p = arg;
    nudgeable();
    p->first = p->wait(p);
    p->second = p->first;
    if (p->wait != in_handshake)
        p->second = p->wait(p);
    p->left = true;
    return OK;
}

static struct err deadline_there(void *arg)
{
    within_ms(5);
    return wait_there(arg);
}

static struct err each_is_interrupted(void *arg, task_main *main, enum err_kind want)
{
    void (*interrupt)(struct group * g) = arg;
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        struct place p;
        struct group g AUTO(group_end);
        group_begin(&g);
        assert_ok(place_make(&p));
        p.wait = waits[i].wait;
        TRY(group_spawn(&g, main, &p));
        let_others_run();
        assert_false(p.left);
        if (interrupt != NULL)
            interrupt(&g);
        TRY(group_wait_all(&g));
        if (p.first.kind != want || p.second.kind != want)
            print_error("in %s\n", waits[i].name);
        assert_int_equal(p.first.kind, want);
        assert_int_equal(p.second.kind, want); // and so does every later wait
        place_end(&p);
    }
    return OK;
}

static struct err cancel_each(void *arg UNUSED)
{
    return each_is_interrupted((void *)group_cancel, wait_there, ERR_CANCELLED);
}

static struct err nudge_each(void *arg UNUSED)
{
    return each_is_interrupted((void *)group_nudge, wait_there, ERR_CANCELLED);
}

static struct err late_each(void *arg UNUSED)
{
    return each_is_interrupted(NULL, deadline_there, ERR_TIMEOUT);
}

static void every_wait_can_be_cancelled(void **state UNUSED)
{
    assert_ok(run_real(cancel_each, NULL));
}

static void every_wait_can_be_nudged(void **state UNUSED)
{
    assert_ok(run_real(nudge_each, NULL));
}

static void every_wait_has_a_deadline(void **state UNUSED)
{
    assert_ok(run_real(late_each, NULL));
}

// --- Helper threads ------------------------------------------------------------------------------

struct helped {
    pthread_mutex_t held;
    bool done;
    struct err during, after;
    struct waitq gate;
};

static void lock_and_unlock(void *arg)
{
    struct helped *h = arg;
    pthread_mutex_lock(&h->held);
    pthread_mutex_unlock(&h->held);
    h->done = true;
}

static struct err ask_for_help(void *arg)
{
    struct helped *h = arg;
    within_ms(HOUR_MS);
    h->during = offload(lock_and_unlock, h);
    assert_true(h->done);
    h->after = waitq_wait(&h->gate, "the gate");
    return OK;
}

// The thread works on the task's memory: a cancellation is felt behind the call, not in it.
static struct err cancel_in_offload(void *arg UNUSED)
{
    struct helped h = {0};
    struct group g AUTO(group_end);
    pthread_mutex_init(&h.held, NULL);
    pthread_mutex_lock(&h.held);
    waitq_init(&h.gate);
    group_begin(&g);
    TRY(group_spawn(&g, ask_for_help, &h));
    let_others_run();
    group_cancel(&g);
    let_others_run();
    assert_int_equal(g.count, 1);
    pthread_mutex_unlock(&h.held);
    TRY(group_wait_all(&g));
    assert_ok(h.during);
    assert_int_equal(h.after.kind, ERR_CANCELLED);
    pthread_mutex_destroy(&h.held);
    return OK;
}

static void offload_is_cancelled_behind(void **state UNUSED)
{
    assert_ok(run_real(cancel_in_offload, NULL));
}

// --- Order ---------------------------------------------------------------------------------------

struct order {
    struct waitq gate;
    struct buf text;
    char next;
};

static struct err note_letter(void *arg)
{
    struct order *o = arg;
    char letter = o->next++;
    struct err e = waitq_wait(&o->gate, "the gate");
    buf_add(&o->text, str_of(&letter, 1));
    if (failed(e))
        buf_add(&o->text, S("!"));
    return OK;
}

static struct err in_order(void *arg)
{
    struct order *o = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    for (int i = 0; i < 6; i++)
        TRY(group_spawn(&g, note_letter, o));
    task_yield();
    waitq_wake_one(&o->gate);
    waitq_wake_one(&o->gate);
    group_cancel(&g); // a and b were woken before: the first reason holds
    task_yield();
    assert_true(str_eq(buf_str(&o->text), S("abc!d!e!f!")));
    return group_wait_all(&g);
}

static struct err turn(void *arg)
{
    struct order *o = arg;
    char letter = o->next++;
    for (int i = 0; i < 3; i++) {
        buf_add(&o->text, str_of(&letter, 1));
        task_yield();
    }
    return OK;
}

static struct err in_turns(void *arg)
{
    struct order *o = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    for (int i = 0; i < 3; i++)
        TRY(group_spawn(&g, turn, o));
    TRY(group_wait_all(&g));
    assert_true(str_eq(buf_str(&o->text), S("abcabcabc")));
    return OK;
}

static void check_order(task_main *main)
{
    struct order o = {.next = 'a'};
    waitq_init(&o.gate);
    buf_init(&o.text, 100);
    assert_ok(run_real(main, &o));
    buf_done(&o.text);
}

static void who_waits_first_is_woken_first(void **state UNUSED)
{
    check_order(in_order);
}

static void yielding_is_fair(void **state UNUSED)
{
    check_order(in_turns);
}

// --- Time ----------------------------------------------------------------------------------------

static struct err scopes_nest(void *arg UNUSED)
{
    struct waitq gate;
    waitq_init(&gate);
    assert_int_equal(deadline_left_ms(), NO_DEADLINE);
    {
        within_ms(1000);
        {
            within_ms(HOUR_MS); // does not widen
            assert_int_equal(deadline_left_ms(), 1000);
            within_ms(100);
            int64_t began_ms = now_ms();
            assert_int_equal(waitq_wait(&gate, "nothing").kind, ERR_TIMEOUT);
            assert_int_equal(now_ms() - began_ms, 100);
            assert_int_equal(waitq_wait(&gate, "nothing").kind, ERR_TIMEOUT);
            assert_int_equal(now_ms() - began_ms, 100);
        }
        assert_int_equal(deadline_left_ms(), 900);
        assert_ok(task_sleep_ms(900 - 1));
        assert_int_equal(task_sleep_ms(2).kind, ERR_TIMEOUT); // the outer one came first
        within_ms(INT64_MAX); // more than can be said is none, and does not widen either
        assert_int_equal(deadline_left_ms(), 0);
    }
    assert_int_equal(deadline_left_ms(), NO_DEADLINE);
    within_ms(0);
    return waitq_wait(&gate, "nothing").kind == ERR_TIMEOUT ? OK : fail(ERR_INTERNAL, "it waited");
}

static void deadlines_nest(void **state UNUSED)
{
    assert_ok(run_simulated(scopes_nest, NULL));
}

struct sleeper {
    struct prng *prng;
    int64_t *last_ms;
};

static struct err sleep_some(void *arg)
{
    struct sleeper *s = arg;
    for (int i = 0; i < 20; i++) {
        int64_t ms = (int64_t)(prng_u64(s->prng) % DAY_MS), until_ms = now_ms() + ms;
        TRY(task_sleep_ms(ms));
        assert_int_equal(now_ms(), until_ms);
        assert_true(*s->last_ms <= until_ms); // time goes forward
        *s->last_ms = until_ms;
    }
    return OK;
}

static struct err many_sleep(void *arg UNUSED)
{
    struct prng prng;
    int64_t last_ms = 0;
    struct sleeper s = {&prng, &last_ms};
    struct group g AUTO(group_end);
    prng_seed(&prng, 7);
    group_begin(&g);
    for (int i = 0; i < SLEEPERS; i++)
        TRY(group_spawn(&g, sleep_some, &s));
    return group_wait_all(&g);
}

static void sleepers_wake_when_they_said(void **state UNUSED)
{
    assert_ok(run_simulated(many_sleep, NULL));
}

// The heap by itself, with bare records instead of tasks.
static void a_hundred_thousand_timers(void **state UNUSED)
{
    struct loop loop = {.timer_cap = TIMERS};
    struct task *tasks = mem_bytes(TIMERS * sizeof(struct task));
    struct prng prng;
    size_t fired = 0, removed = 0, later = 0;
    list_init(&loop.ready);
    loop.timers = mem_bytes(TIMERS * sizeof(struct task *));
    prng_seed(&prng, 3);
    for (size_t i = 0; i < TIMERS; i++) {
        struct task *t = &tasks[i];
        *t = (struct task){.loop = &loop, .timer_slot = NOT_IN_HEAP, .waiting_for = "its timer"};
        t->deadline_ns = (int64_t)(1 + prng_u64(&prng) % 1000000);
        timers_add(&loop, t, t->deadline_ns);
        if (i % 5 == 0) { // a later wait with a later deadline leaves the heap alone
            timers_add(&loop, t, t->deadline_ns + 500000);
            t->deadline_ns += 500000;
            later++;
        }
    }
    for (size_t i = 1; i < TIMERS; i += 3, removed++)
        timers_remove(&loop, &tasks[i]);
    assert_int_equal(loop.timer_count, TIMERS - removed);
    for (int64_t now = 0; loop.timer_count > 0; now += 997) {
        loop.now_ns = now;
        timers_fire(&loop);
        for (struct link *k; (k = list_take_first(&loop.ready)) != NULL; fired++) {
            struct task *t = CONTAINER_OF(k, struct task, ready_link);
            assert_int_equal(t->woken_by, WAKE_TIMEOUT);
            assert_true(t->deadline_ns <= now && t->deadline_ns > now - 997);
            assert_int_equal(t->timer_slot, NOT_IN_HEAP);
        }
    }
    assert_true(later > 0);
    assert_int_equal(fired, TIMERS - removed);
    mem_free(loop.timers);
    mem_free(tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_wait_can_be_cancelled),
            cmocka_unit_test(every_wait_can_be_nudged),
            cmocka_unit_test(every_wait_has_a_deadline),
            cmocka_unit_test(offload_is_cancelled_behind),
            cmocka_unit_test(who_waits_first_is_woken_first),
            cmocka_unit_test(yielding_is_fair),
            cmocka_unit_test(deadlines_nest),
            cmocka_unit_test(sleepers_wake_when_they_said),
            cmocka_unit_test(a_hundred_thousand_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
