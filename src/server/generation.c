// SPDX-License-Identifier: Apache-2.0
// server/generation.c: the workers born with one configuration. Each slot has a task that keeps one
// process running in it: it forks, listens to its wire, and after a crash waits a little longer
// each time before it forks again.
#include "server/supervisor.h"

#include <sys/wait.h>

#define BACKOFF_FIRST_MS 100 // the first crash should hardly be noticed
#define BACKOFF_MOST_MS (30 * SECOND_MS)
#define CALM_MS (60 * SECOND_MS) // a worker that lived so long starts the back-off anew
#define START_WAIT_MS (30 * SECOND_MS)
#define WIRE_LINE_BYTES_MAX 256

static struct err keep_slot_running(void *slot) suspends;
static struct err run_once(struct supervisor *sup, struct slot *s) suspends;
static struct err fork_worker(struct supervisor *sup, struct slot *s, size_t column);
static void listen_to(struct slot *s) suspends;
static void tell_exit(struct supervisor *sup, struct slot *s, int64_t again_in_ms);
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
        plan_free(plan);
        return fail(ERR_LIMIT, "no memory for another generation of workers");
    }
    g->plan = plan;
    group_begin(&g->watchers);
    waitq_init(&g->changed);
    list_append(&sup->generations, &g->in_supervisor);
    struct err e = OK;
    for (size_t i = 0; i < plan->worker_count && !failed(e); i++) {
        g->slots[i] = (struct slot){.generation = g, .number = i};
        waitq_init(&g->slots[i].changed);
        struct slot_task *task = arena_make(&plan->arena, struct slot_task);
        if (task == NULL)
            e = fail(ERR_LIMIT, "no memory for another worker");
        else {
            *task = (struct slot_task){sup, &g->slots[i]};
            e = group_spawn(&g->watchers, keep_slot_running, task);
        }
    }
    {
        within_ms(START_WAIT_MS);
        while (!failed(e) && !g->failed && g->ready_count < plan->worker_count)
            e = waitq_wait(&g->changed, "workers to start");
    }
    if (!failed(e) && g->failed)
        e = fail(ERR_INTERNAL, "a worker ended while it started");
    if (failed(e)) {
        generation_finish(sup, g, GENERATION_STOP);
        return e;
    }
    *out = g;
    return OK;
}

void generation_finish(struct supervisor *sup, struct generation *g, enum generation_end how)
{
    g->retiring = true;
    for (size_t i = 0; i < g->plan->worker_count; i++)
        waitq_wake_all(&g->slots[i].changed); // those that wait to fork again
    generation_tell(g, how == GENERATION_STOP ? S("stop\n") : S("retire\n"));
    struct err e = group_wait_below(&g->watchers, 1);
    if (failed(e)) // the grace is over, or a second signal came
        for (size_t i = 0; i < g->plan->worker_count; i++)
            if (g->slots[i].pid != 0)
                process_signal(g->slots[i].pid, SIGKILL);
    group_end(&g->watchers);
    link_remove(&g->in_supervisor);
    if (sup->current == g)
        sup->current = NULL;
    plan_free(g->plan);
    mem_free(g);
    waitq_wake_all(&sup->changed);
}

void generation_tell(struct generation *g, struct str line)
{
    for (size_t i = 0; i < g->plan->worker_count; i++) {
        struct stream *wire = g->slots[i].wire;
        if (wire != NULL && !failed(stream_write(wire, line)))
            stream_flush_now(wire);
    }
}

static struct err keep_slot_running(void *arg)
{
    struct slot_task *task = arg;
    struct slot *s = task->slot;
    int64_t backoff_ms = BACKOFF_FIRST_MS;
    task_describe("worker slot", s);
    while (!s->generation->retiring) {
        int64_t began_ms = now_ms();
        struct err e = run_once(task->sup, s);
        if (s->generation->retiring)
            break;
        if (!s->was_ready) {
            s->generation->failed = true; // of a start: the supervisor gives the generation up
            waitq_wake_all(&s->generation->changed);
        }
        if (failed(e) && e.kind == ERR_CANCELLED)
            return e;
        if (now_ms() - began_ms >= CALM_MS)
            backoff_ms = BACKOFF_FIRST_MS;
        tell_exit(task->sup, s, backoff_ms);
        {
            within_ms(backoff_ms);
            e = waitq_wait(&s->changed, "the back-off after a crash");
            if (failed(e) && e.kind != ERR_TIMEOUT)
                return e;
        }
        backoff_ms = backoff_ms * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : backoff_ms * 2;
    }
    return OK;
}

static void tell_exit(struct supervisor *sup, struct slot *s, int64_t again_in_ms)
{
    int status = s->exit_status;
    event(sup->log, EV_SERVER_WORKER_EXIT, F_U64(slot, s->number),
            F_U64(signal, WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0),
            F_U64(code, WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0),
            F_TIME(nextRetry, wall_ms() + again_in_ms));
}

// From fork to exit.
static struct err run_once(struct supervisor *sup, struct slot *s)
{
    size_t column;
    if (!column_take(sup, &column))
        return fail(ERR_LIMIT, "too many processes are still ending");
    s->exited = false;
    struct err e = fork_worker(sup, s, column);
    if (!failed(e))
        listen_to(s);
    while (!failed(e) && !s->exited)
        e = waitq_wait(&s->changed, "a worker to end");
    if (s->pid != 0 && !s->exited) {
        process_signal(s->pid, SIGKILL);
        s->pid = 0;
    }
    stream_close(s->wire);
    s->wire = NULL;
    column_give(sup, column);
    return e;
}

static struct err fork_worker(struct supervisor *sup, struct slot *s, size_t column)
{
    struct arena a;
    arena_init(&a, MIB);
    int wire[2];
    struct err e = wire_make(wire);
    if (failed(e))
        return e;
    struct worker_start start = {.plan = s->generation->plan,
            .shared = sup->shared,
            .slot = s->number,
            .column = column,
            .wire = wire[1]};
    struct worker_socket *sockets = NULL;
    e = sockets_of(sup->sockets, start.plan, s->number, &a, &sockets, &start.socket_count);
    start.sockets = sockets;
    int *keep = arena_array(&a, start.socket_count + 1, int);
    if (!failed(e) && keep == NULL)
        e = fail(ERR_LIMIT, "no memory for another worker");
    if (!failed(e)) {
        for (size_t i = 0; i < start.socket_count; i++)
            keep[i] = sockets[i].fd;
        keep[start.socket_count] = wire[1];
        e = process_fork(worker_main, &start, keep, start.socket_count + 1, &s->pid);
    }
    descriptor_close(wire[1]);
    if (failed(e))
        descriptor_close(wire[0]);
    else
        e = wire_adopt(wire[0], &s->wire);
    arena_done(&a);
    return e;
}

// Until the worker's end of the wire closes.
static void listen_to(struct slot *s)
{
    struct str line;
    while (!failed(stream_until(s->wire, S("\n"), WIRE_LINE_BYTES_MAX, &line))) {
        if (!str_eq(line, S("ready\n")) || s->was_ready)
            continue;
        s->was_ready = true;
        s->generation->ready_count++;
        waitq_wake_all(&s->generation->changed);
    }
}

void supervisor_note_exit(struct supervisor *sup, pid_t pid, int status)
{
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->plan->worker_count; i++)
            if (g->slots[i].pid == pid) {
                g->slots[i].exited = true;
                g->slots[i].exit_status = status;
                g->slots[i].pid = 0;
                waitq_wake_all(&g->slots[i].changed);
            }
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
    shared_count_forget(&sup->shared->connections, column);
    for (size_t i = 0; i < LISTENERS_MAX; i++)
        shared_count_forget(&sup->shared->listener_connections[i], column);
    sup->columns_used[column] = false;
}
