// SPDX-License-Identifier: Apache-2.0
// bench/bench_tasks.c: what a switch between coroutines, a call on the large stack, a wait and a
// short-lived task cost. Each figure is CPU time of this process (not the clock on the wall: other
// processes may be running) per operation: the median of many short rounds, and the least.
//
// usage: bench-tasks [ROUNDS]
#define POSTHASTE_BASE_ROOM
#include "rt/rt.h"

#include <time.h>

#define ROUNDS_MOST 1001
#define ROUNDS_DEFAULT 101
#define SWITCHES 16000
#define SPAWNS 6400
#define CROWD 16

struct bench {
    size_t rounds;
    double ns[ROUNDS_MOST];
};

static struct err yield_often(void *count)
{
    for (int i = *(int *)count; i > 0; i--)
        task_yield();
    return OK;
}

static struct err yield_in_group(int tasks)
{
    struct group g AUTO(group_end);
    int each = SWITCHES / tasks;
    group_begin(&g);
    for (int i = 0; i < tasks; i++)
        TRY(group_spawn(&g, yield_often, &each));
    return group_wait_all(&g);
}

// Each hands over to the next, as sessions do on a busy worker.
static struct err crowd(void *arg UNUSED)
{
    return yield_in_group(CROWD);
}

// Two only: every second switch goes through the scheduler's own stack, and the looks at the
// outside world, which are system calls, are spread over few tasks.
static struct err pair(void *arg UNUSED)
{
    return yield_in_group(2);
}

static void nothing(void *arg UNUSED)
{
}

static struct err deep(void *arg UNUSED)
{
    for (int i = 0; i < SWITCHES; i++)
        deep_call(nothing, NULL);
    return OK;
}

struct ball {
    struct waitq here[2];
    int at;
};

static struct err play(struct ball *b, int me)
{
    within_ms(MINUTE_MS);
    for (int i = 0; i < SWITCHES / 2; i++) {
        while (b->at != me)
            TRY(waitq_wait(&b->here[me], "the ball"));
        b->at = !me;
        waitq_wake_one(&b->here[!me]);
    }
    return OK;
}

static struct err second_player(void *arg)
{
    return play(arg, 1);
}

// Waiting with a deadline and being woken, one after the other.
static struct err table_tennis(void *arg UNUSED)
{
    struct group g AUTO(group_end);
    struct ball b = {0};
    group_begin(&g);
    waitq_init(&b.here[0]);
    waitq_init(&b.here[1]);
    TRY(group_spawn(&g, second_player, &b));
    TRY(play(&b, 0));
    return group_wait_all(&g);
}

static struct err finish(void *arg UNUSED)
{
    return OK;
}

static struct err spawn_many(void *arg UNUSED)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    for (int i = 0; i < SPAWNS; i++) {
        TRY(group_spawn(&g, finish, NULL));
        if (i % 64 == 63)
            TRY(group_wait_all(&g));
    }
    return group_wait_all(&g);
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct err measure(struct bench *b, task_main *what, const char *name, double per)
{
    for (size_t i = 0; i < b->rounds; i++) {
        double began_ns = cpu_ns();
        TRY(what(NULL));
        b->ns[i] = (cpu_ns() - began_ns) / per;
    }
    qsort(b->ns, b->rounds, sizeof(b->ns[0]), compare);
    printf("%-42s median %6.1f ns   least %6.1f ns\n", name, b->ns[b->rounds / 2], b->ns[0]);
    return OK;
}

static struct err all(void *bench)
{
    TRY(measure(bench, crowd, "coroutine switch, 16 tasks in turn", SWITCHES));
    TRY(measure(bench, pair, "coroutine switch, 2 tasks in turn", SWITCHES));
    TRY(measure(bench, table_tennis, "wait with a deadline, be woken", SWITCHES));
    TRY(measure(bench, deep, "call on the large stack and back", SWITCHES));
    return measure(bench, spawn_many, "spawn, run and finish a task", SPAWNS);
}

int main(int argc, char **argv)
{
    struct bench *b = mem_new(struct bench);
    struct loop *loop = loop_new_real();
    if (b == NULL || loop == NULL)
        return 1;
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS_DEFAULT;
    b->rounds = rounds < 1 || rounds > ROUNDS_MOST ? ROUNDS_DEFAULT : (size_t)rounds;
    struct err e = loop_run(loop, all, b);
    loop_free(loop);
    mem_free(b);
    return failed(e);
}
