// SPDX-License-Identifier: Apache-2.0
// server/generation.c: the workers born with one configuration. Each slot has a task that keeps one
// process running in it: it forks, listens to its wire, and after a crash waits a little longer
// each time before it forks again. Meanwhile the others accept what the kernel queues for it
// (generation_serve.c).
#include "server/supervisor.h"

#include "rt/sandbox.h"

#include <sys/wait.h>

#define BACKOFF_FIRST_MS 100 // the first crash should hardly be noticed
#define BACKOFF_MOST_MS (30 * SECOND_MS)
#define BACKOFF_ALONE_MS (2 * SECOND_MS) // while no other worker could serve instead
#define CALM_MS (60 * SECOND_MS)         // a worker that lived so long starts the back-off anew
#define START_WAIT_MS (30 * SECOND_MS)
#define CRASH_REPORT_BYTES_MAX (4 * MIB)

static struct err slots_begin(struct supervisor *sup, struct generation *g);
static struct err wait_until_ready(struct generation *g) suspends;
static struct err keep_slot_running(void *slot) suspends;
static void tell_exit(struct supervisor *sup, struct slot *s, int64_t again_in_ms);
static int64_t backoff_ms(const struct slot *s);
static struct err run_once(struct supervisor *sup, struct slot *s) suspends;
static void wait_for_end(struct slot *s) suspends;
static void no_longer_ready(struct slot *s);
static bool column_take(struct supervisor *sup, size_t *out);
static void column_give(struct supervisor *sup, size_t column);

struct slot_task {
    struct supervisor *sup;
    struct slot *slot;
};

struct err generation_start(struct supervisor *sup, struct plan *plan, struct generation **out)
{
    struct generation *g = mem_new(struct generation);
    if (g == NULL) {
        logs_forget(sup->logs, plan);
        plan_free(plan);
        return fail(ERR_LIMIT, "no memory for another generation of workers");
    }
    g->plan = plan;
    g->number = plan->number;
    g->worker_count = plan->worker_count;
    g->grace_ms = plan->grace_ms;
    group_begin(&g->watchers);
    waitq_init(&g->changed);
    list_append(&sup->generations, &g->in_supervisor);
    struct err e = slots_begin(sup, g);
    if (!failed(e))
        e = wait_until_ready(g);
    if (failed(e)) {
        generation_finish(sup, g, GENERATION_STOP);
        return e;
    }
    g->started = true;
    generation_spread(sup, g);
    *out = g;
    return OK;
}

static struct err slots_begin(struct supervisor *sup, struct generation *g)
{
    for (size_t i = 0; i < g->worker_count; i++) {
        g->slots[i] = (struct slot){.generation = g, .number = i};
        waitq_init(&g->slots[i].changed);
    }
    for (size_t i = 0; i < g->worker_count; i++) {
        struct slot_task *task = arena_make(&g->plan->arena, struct slot_task);
        if (task == NULL)
            return fail(ERR_LIMIT, "no memory for another worker");
        *task = (struct slot_task){sup, &g->slots[i]};
        TRY(group_spawn(&g->watchers, keep_slot_running, task));
    }
    return OK;
}

// Of a start: later, a worker that does not come up is the back-off's business, not the server's.
static struct err wait_until_ready(struct generation *g)
{
    within_ms(START_WAIT_MS);
    while (!g->failed && g->came_up_count < g->worker_count)
        TRY(waitq_wait(&g->changed, "workers to start"));
    return g->failed ? fail(ERR_INTERNAL, "a worker ended while it started") : OK;
}

void generation_finish(struct supervisor *sup, struct generation *g, enum generation_end how)
{
    g->retiring = true;
    for (size_t i = 0; i < g->worker_count; i++)
        waitq_wake_all(&g->slots[i].changed); // those that wait to fork again
    generation_tell(g, how == GENERATION_STOP ? S("stop\n") : S("retire\n"));
    struct err e = group_wait_below(&g->watchers, 1);
    if (failed(e)) // the grace is over, or a second signal came
        for (size_t i = 0; i < g->worker_count; i++)
            if (g->slots[i].pid != 0)
                process_signal(g->slots[i].pid, SIGKILL);
    group_end(&g->watchers);
    link_remove(&g->in_supervisor);
    if (sup->current == g)
        sup->current = NULL;
    if (g->plan != NULL) {
        logs_forget(sup->logs, g->plan);
        plan_free(g->plan);
    }
    mem_free(g);
    waitq_wake_all(&sup->changed);
}

void generation_tell(struct generation *g, struct str line)
{
    for (size_t i = 0; i < g->worker_count; i++)
        slot_tell(&g->slots[i], line);
}

void slot_tell(struct slot *s, struct str line)
{
    if (s->wire != NULL && !failed(stream_write(s->wire, line)))
        stream_flush_now(s->wire);
}

static struct err keep_slot_running(void *arg)
{
    struct slot_task *task = arg;
    struct slot *s = task->slot;
    task_describe("worker slot", s);
    while (!s->generation->retiring) {
        int64_t began_ms = now_ms();
        struct err e = run_once(task->sup, s);
        if (s->generation->retiring)
            break;
        if (!s->generation->started && !s->came_up) {
            s->generation->failed = true; // the supervisor gives the generation up
            waitq_wake_all(&s->generation->changed);
        }
        if (failed(e) && e.kind == ERR_CANCELLED)
            return e;
        s->crash_count = now_ms() - began_ms >= CALM_MS ? 1 : s->crash_count + 1;
        int64_t wait_ms = backoff_ms(s);
        tell_exit(task->sup, s, wait_ms);
        {
            within_ms(wait_ms);
            e = waitq_wait(&s->changed, "the back-off after a crash");
            if (failed(e) && e.kind != ERR_TIMEOUT)
                return e;
        }
    }
    return OK;
}

static int64_t backoff_ms(const struct slot *s)
{
    int64_t ms = BACKOFF_FIRST_MS;
    for (size_t i = 1; i < s->crash_count && ms < BACKOFF_MOST_MS; i++)
        ms *= 2;
    bool alone = s->generation->ready_count == 0;
    if (alone && ms > BACKOFF_ALONE_MS)
        return BACKOFF_ALONE_MS;
    return ms > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : ms;
}

static void tell_exit(struct supervisor *sup, struct slot *s, int64_t again_in_ms)
{
    int status = s->exit_status;
    struct arena a AUTO(arena_done);
    arena_init(&a, CRASH_REPORT_BYTES_MAX);
    struct str report = STR_NULL, reason = s->last_words;
    if (s->generation->plan != NULL)
        report = logs_crash_report(sup->logs, s->generation->plan, s->column, status, &a);
    if (s->hung)
        reason = S("it did not answer and was ended");
    if (WIFSIGNALED(status) && !str_is_null(sandbox_explain_signal(WTERMSIG(status))))
        reason = sandbox_explain_signal(WTERMSIG(status));
    if (s->crash_count > 1)
        reason = arena_fmt(&a, "%zu times in a row%s%.*s", s->crash_count,
                str_is_empty(reason) ? "" : ": ", ARG(reason));
    event(sup->log, EV_SERVER_WORKER_EXIT, F_U64(slot, s->number),
            F_U64(signal, WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0),
            F_U64(code, WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0),
            F_STR(reason, reason), F_STR(path, report), F_TIME(nextRetry, wall_ms() + again_in_ms));
}

// From fork to exit.
static struct err run_once(struct supervisor *sup, struct slot *s)
{
    size_t column;
    if (!column_take(sup, &column))
        return fail(ERR_LIMIT, "too many processes are still ending");
    s->exited = s->hung = false;
    s->exit_status = 0;
    s->patience = (struct patience){0};
    s->settle_asked = s->settled = 0;
    s->column = column;
    struct err e = slot_fork(sup, s);
    if (!failed(e)) {
        slot_listen(sup, s);
        wait_for_end(s);
    }
    stream_close(s->wire);
    s->wire = NULL;
    no_longer_ready(s);
    waitq_wake_all(&sup->settled);
    s->last_words = logs_worker_ended(sup->logs, column);
    column_give(sup, column);
    if (s->generation->started && !s->generation->retiring)
        generation_spread(sup, s->generation);
    return task_cancelled() ? fail(ERR_CANCELLED, "the workers are given up") : e;
}

// Its wire has closed, so it is ending, unless we are cancelled: then it is ended.
static void wait_for_end(struct slot *s)
{
    struct err e = OK;
    while (!failed(e) && !s->exited)
        e = waitq_wait(&s->changed, "a worker to end");
    if (s->pid != 0 && !s->exited) {
        process_signal(s->pid, SIGKILL);
        s->pid = 0;
    }
}

void supervisor_note_exit(struct supervisor *sup, pid_t pid, int status)
{
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->worker_count; i++)
            if (g->slots[i].pid == pid) {
                g->slots[i].exited = true;
                g->slots[i].exit_status = status;
                g->slots[i].pid = 0;
                no_longer_ready(&g->slots[i]);
                waitq_wake_all(&g->slots[i].changed);
            }
}

// At the first sign of its end: nobody who asks may hear of a ready worker that does not exist.
static void no_longer_ready(struct slot *s)
{
    if (!s->ready)
        return;
    s->ready = false;
    s->generation->ready_count--;
}

static bool column_take(struct supervisor *sup, size_t *out)
{
    for (size_t i = 0; i < COLUMNS_MAX; i++)
        if (!sup->columns_used[i]) {
            sup->columns_used[i] = true;
            *out = i;
            return true;
        }
    return false;
}

// What the process held when it ended is nobody's now.
static void column_give(struct supervisor *sup, size_t column)
{
    listen_shared_forget(&sup->shared->listen, column);
    limits_shared_forget(&sup->shared->limits, column);
    if (sup->shared->quota != NULL)
        quota_forget(sup->shared->quota, column);
    sup->columns_used[column] = false;
}
