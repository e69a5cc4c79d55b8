// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_stacks.c: what becomes of stacks: pages given back, and those run over.
#include "fixture.h"
#include "in_child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEEP_BYTES 900
#define DEEP_CALLS 30
#define TASKS 400
#define LATER_NS (10 * INT64_C(1000000000))

struct crowd {
    struct waitq gate;
    size_t ended;
};

// --- Giving back ---------------------------------------------------------------------------------

static __attribute__((noinline)) int use_stack(int calls)
{
    volatile char room[DEEP_BYTES];
    room[0] = (char)calls;
    room[DEEP_BYTES - 1] = 1;
    return calls == 0 ? 0 : use_stack(calls - 1) + room[DEEP_BYTES - 1] + (room[0] == (char)calls);
}

static struct err deep_then_wait(void *arg)
{
    struct crowd *c = arg;
    struct err e = OK;
    for (int i = 0; i < 2 && !failed(e); i++) {
        volatile char kept[100] = {1, 2, 3}; // above the pages that are let go
        assert_int_equal(use_stack(DEEP_CALLS), 2 * DEEP_CALLS);
        e = waitq_wait(&c->gate, "the gate");
        assert_int_equal(kept[0] + kept[1] + kept[2], 6);
    }
    c->ended++;
    return e;
}

static size_t resident_pages(const struct task *t)
{
    char *bottom = t->stack_top - STACK_BYTES + STACK_GUARD_BYTES;
    size_t pages = (STACK_BYTES - STACK_GUARD_BYTES) / 4096, count = 0;
    unsigned char in[(260 * KIB) / 4096];
    assert_int_equal(mincore(bottom, pages * 4096, in), 0);
    for (size_t i = 0; i < pages; i++)
        count += in[i] & 1;
    return count;
}

static size_t pages_of_waiting(struct loop *loop)
{
    size_t most = 0;
    each_in_list (t, &loop->all, struct task, all_link)
        if (t->waiting_for != NULL && resident_pages(t) > most)
            most = resident_pages(t);
    return most;
}

static void time_passes(struct loop *loop, int64_t ns)
{
    loop->now_ns += ns;
    for (int i = 0; i < 10; i++)
        trim_some(loop);
}

static struct err idle_tasks_shrink(void *arg UNUSED)
{
    struct loop *loop = loop_running();
    struct crowd c = {0};
    struct group g AUTO(group_end);
    waitq_init(&c.gate);
    group_begin(&g);
    for (int i = 0; i < 3; i++)
        TRY(group_spawn(&g, deep_then_wait, &c));
    let_others_run();
    size_t before = pages_of_waiting(loop);
    assert_true(before > 5);
    time_passes(loop, LATER_NS);
    assert_int_equal(loop->figures.trimmed, 3);
    assert_in_range(pages_of_waiting(loop), 1, before - 5);
    time_passes(loop, LATER_NS);
    assert_int_equal(loop->figures.trimmed, 3); // once is enough
    waitq_wake_all(&c.gate);
    let_others_run();
    assert_true(pages_of_waiting(loop) > 5);
    loop->now_ns += LATER_NS / 1000; // they have only just begun to wait
    trim_some(loop);
    assert_int_equal(loop->figures.trimmed, 3);
    waitq_wake_all(&c.gate);
    TRY(group_wait_all(&g));
    assert_int_equal(c.ended, 3);
    return OK;
}

static struct err free_stacks_shrink(void *arg UNUSED)
{
    struct loop *loop = loop_running();
    struct stack_pool *pool = &loop->stacks;
    struct crowd c = {0};
    for (int round = 0; round < 2; round++) {
        struct group g AUTO(group_end);
        waitq_init(&c.gate);
        group_begin(&g);
        for (int i = 0; i < TASKS; i++)
            TRY(group_spawn(&g, deep_then_wait, &c));
        group_cancel(&g);
        assert_int_equal(group_wait_all(&g).kind, ERR_CANCELLED);
        assert_true(pool->cold_count < pool->free_count - 256);
        time_passes(loop, LATER_NS * (round + 1));
        assert_int_equal(pool->cold_count, pool->free_count - 256);
        assert_true(pool->free_count < TASKS + 2 * STACK_SLAB_COUNT); // used again
    }
    return OK;
}

static void waiting_tasks_give_pages_back(void **state UNUSED)
{
    assert_ok(run_real(idle_tasks_shrink, NULL));
}

static void free_stacks_give_pages_back(void **state UNUSED)
{
    assert_ok(run_real(free_stacks_shrink, NULL));
}

// --- Running over --------------------------------------------------------------------------------

static struct err run_over(void *arg UNUSED)
{
    task_describe("careless", NULL);
    return use_stack(1000) > 0 ? OK : fail(ERR_INTERNAL, "no");
}

static struct err touch_null(void *arg UNUSED)
{
    task_describe("innocent", NULL);
    return *(volatile char *)arg == 0 ? OK : fail(ERR_INTERNAL, "no");
}

// What the child says on standard error before it dies, and of what.
static int last_words(task_main *main, char *said, size_t bytes)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        struct rlimit none = {0};
        setrlimit(RLIMIT_CORE, &none);
        run_real(main, NULL);
        _exit(0);
    }
    close(ends[1]);
    return hear_child(pid, ends[0], said, bytes);
}

static void an_overflow_says_whose(void **state UNUSED)
{
    char said[2000];
    if (RT_ASAN)
        skip(); // which has its own words
    int status = last_words(run_over, said, sizeof(said));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    assert_true(str_starts(
            str_from_c(said), S("posthaste: the task \"careless\" overflowed its stack\n")));
}

static void other_faults_are_not_blamed_on_it(void **state UNUSED)
{
    char said[2000];
    if (RT_ASAN)
        skip();
    int status = last_words(touch_null, said, sizeof(said));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    assert_false(str_contains(str_from_c(said), S("overflowed")));
    assert_true(str_contains(str_from_c(said), S("in task \"innocent\"")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(waiting_tasks_give_pages_back),
            cmocka_unit_test(free_stacks_give_pages_back),
            cmocka_unit_test(an_overflow_says_whose),
            cmocka_unit_test(other_faults_are_not_blamed_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
