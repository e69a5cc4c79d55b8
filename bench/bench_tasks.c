// SPDX-License-Identifier: Apache-2.0
// bench/bench_tasks.c: what a switch between coroutines and a short-lived task cost. Prints the
// median of several rounds in nanoseconds; compare medians, not single runs.
#define POSTHASTE_BASE_ROOM
#include "rt/rt.h"

#define ROUNDS 11
#define SWITCHES 1000000
#define SPAWNS 100000

static int64_t rounds_ns[ROUNDS];

static struct err yield_often(void *arg UNUSED)
{
    for (int i = 0; i < SWITCHES; i++)
        task_yield();
    return OK;
}

static void nothing(void *arg UNUSED)
{
}

// Two tasks that hand over to each other through the loop: two switches a turn each.
static struct err turns(void *arg UNUSED)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(group_spawn(&g, yield_often, NULL));
    TRY(group_spawn(&g, yield_often, NULL));
    return group_wait_all(&g);
}

// Into the loop's stack and back, nothing else: two switches.
static struct err bare(void *arg UNUSED)
{
    for (int i = 0; i < SWITCHES; i++)
        deep_call(nothing, NULL);
    return OK;
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
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static struct err measure(task_main *what, const char *name, double per)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t began_ns = now_ns();
        TRY(what(NULL));
        rounds_ns[i] = now_ns() - began_ns;
    }
    qsort(rounds_ns, ROUNDS, sizeof(rounds_ns[0]), compare);
    printf("%-44s %7.1f ns\n", name, (double)rounds_ns[ROUNDS / 2] / per);
    return OK;
}

static struct err all(void *arg UNUSED)
{
    TRY(measure(bare, "coroutine switch (deep call, one way)", 2.0 * SWITCHES));
    TRY(measure(turns, "turn of a task through the scheduler", 2.0 * SWITCHES));
    return measure(spawn_many, "spawn, run and finish a task", SPAWNS);
}

int main(void)
{
    struct loop *loop = loop_new_real();
    struct err e = loop_run(loop, all, NULL);
    loop_free(loop);
    return failed(e);
}
