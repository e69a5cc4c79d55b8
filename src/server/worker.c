// SPDX-License-Identifier: Apache-2.0
// server/worker.c: accepting, and doing what the supervisor says.
#include "server/worker.h"

#include "rt/process.h"
#include "server/worker_state.h"

#define WIRE_LINE_BYTES_MAX 256
#define ACCEPT_PAUSE_FIRST_MS 5 // when the system has no descriptor or memory left
#define ACCEPT_PAUSE_MOST_MS 1000

struct acceptor_task {
    struct worker *worker;
    const struct plan_listener *listener;
    struct acceptor *acceptor;
};

static struct err run(void *arg) suspends;
static struct err begin_logging(struct worker *w);
static struct err serve(struct worker *w, struct acceptor_task *tasks) suspends;
static struct err accept_loop(void *arg) suspends;
static struct err accept_one(struct acceptor_task *t) suspends;
static struct err obey(struct worker *w, struct acceptor_task *tasks) suspends;
static void finish(struct worker *w, bool politely) suspends;

int worker_main(void *start)
{
    process_die_with_parent();
    struct loop *loop = loop_new_real();
    if (loop == NULL)
        return 1;
    struct worker w = {.start = start};
    struct err e = loop_run(loop, run, &w);
    loop_free(loop);
    return failed(e) ? 1 : 0;
}

static struct err run(void *arg)
{
    struct worker *w = arg;
    TRY(begin_logging(w));
    TRY(wire_adopt(w->start->wire, &w->wire));
    struct acceptor_task *tasks =
            mem_bytes((w->start->socket_count + 1) * sizeof(struct acceptor_task));
    group_begin(&w->sessions);
    struct err e = tasks == NULL ? fail(ERR_LIMIT, "no memory to start a worker") : serve(w, tasks);
    group_end(&w->sessions);
    for (size_t i = 0; tasks != NULL && i < w->start->socket_count; i++)
        acceptor_free(tasks[i].acceptor);
    mem_free(tasks);
    stream_close(w->wire);
    logging_end(&w->logging);
    return e;
}

static struct err begin_logging(struct worker *w)
{
    const struct plan *plan = w->start->plan;
    struct metrics *m = w->start->logging.metrics;
    w->log = w->start->log;
    if (w->log != NULL)
        return OK; // of the simulator's world
    TRY(logging_begin(&w->logging, &w->start->logging));
    w->log = w->logging.log;
    w->metrics = &w->logging.metrics;
    for (size_t i = 0; i < plan->listener_count; i++)
        w->listener_labels[i] = metrics_label_find(m, LABEL_LISTENER, plan->listeners[i].id);
    return OK;
}

static struct err serve(struct worker *w, struct acceptor_task *tasks)
{
    struct group acceptors AUTO(group_end);
    group_begin(&acceptors);
    for (size_t i = 0; i < w->start->socket_count; i++) {
        tasks[i] = (struct acceptor_task){.worker = w, .listener = w->start->sockets[i].listener};
        tasks[i].acceptor = w->start->sockets[i].acceptor;
        if (tasks[i].acceptor == NULL)
            TRY(acceptor_adopt(w->start->sockets[i].fd, &tasks[i].acceptor));
        TRY(group_spawn(&acceptors, accept_loop, &tasks[i]));
    }
    w->health.ready = true;
    TRY(stream_write(w->wire, S("ready\n")));
    TRY(stream_flush(w->wire));
    return obey(w, tasks);
}

// Lines from the supervisor; its end of the wire closing means that it is gone.
static struct err obey(struct worker *w, struct acceptor_task *tasks)
{
    for (;;) {
        struct str line = S("stop\n");
        struct err e = stream_until(w->wire, S("\n"), WIRE_LINE_BYTES_MAX, &line);
        bool stop = failed(e) || str_eq(line, S("stop\n"));
        if (!stop && !str_eq(line, S("retire\n")))
            continue;
        w->retiring = w->health.draining = true;
        task_yield(); // what the kernel has queued for us is seen by the acceptors first
        for (size_t i = 0; i < w->start->socket_count; i++)
            acceptor_close(tasks[i].acceptor);
        finish(w, !stop);
        return OK;
    }
}

// Retiring politely, sessions end by themselves, unless the supervisor then says stop.
static void finish(struct worker *w, bool politely)
{
    while (politely && w->sessions.count > 0) {
        struct str line;
        within_ms(SECOND_MS);
        struct err e = stream_until(w->wire, S("\n"), WIRE_LINE_BYTES_MAX, &line);
        politely = e.kind == ERR_TIMEOUT || (!failed(e) && !str_eq(line, S("stop\n")));
    }
    group_nudge(&w->sessions);
    {
        within_ms(w->start->plan->grace_ms);
        struct err ignored = group_wait_below(&w->sessions, 1);
        (void)ignored; // those left after the grace are cancelled with their group
    }
}

static struct err accept_loop(void *arg)
{
    struct acceptor_task *t = arg;
    int64_t pause_ms = ACCEPT_PAUSE_FIRST_MS;
    task_describe("accept", t->listener);
    for (;;) {
        struct err e = accept_one(t);
        switch (e.kind) {
        case ERR_NONE:
            pause_ms = ACCEPT_PAUSE_FIRST_MS;
            break;
        case ERR_CLOSED:
            return OK;
        case ERR_CANCELLED:
            return e;
        case ERR_LIMIT:
            event(t->worker->log, EV_NETWORK_ACCEPT_ERROR, F_STR(listenerId, t->listener->id),
                    F_ERR(reason, e));
            TRY(task_sleep_ms(pause_ms));
            pause_ms = pause_ms * 2 > ACCEPT_PAUSE_MOST_MS ? ACCEPT_PAUSE_MOST_MS : pause_ms * 2;
            break;
        case ERR_SYNTAX:
        case ERR_UNSUPPORTED:
        case ERR_REFUSED:
        case ERR_NOT_FOUND:
        case ERR_EXISTS:
        case ERR_TIMEOUT:
        case ERR_RESET:
        case ERR_UNREACHABLE:
        case ERR_DNS:
        case ERR_TLS:
        case ERR_IO:
        case ERR_NO_SPACE:
        case ERR_CONFIG:
        case ERR_INTERNAL:
            break; // that connection is gone: accept(2) tells of its network's errors too
        }
    }
}

static struct err accept_one(struct acceptor_task *t)
{
    struct stream *s;
    TRY(net_accept(t->acceptor, &s));
    struct connection *c = mem_new(struct connection);
    if (c == NULL) {
        stream_close(s);
        return fail(ERR_LIMIT, "no memory for a connection");
    }
    *c = (struct connection){.worker = t->worker, .listener = t->listener, .stream = s};
    struct err e = group_spawn(&t->worker->sessions, connection_serve, c);
    if (failed(e)) {
        stream_close(s);
        mem_free(c);
    }
    return e;
}
