// SPDX-License-Identifier: Apache-2.0
// server/worker.c: a worker's life, and accepting. What the supervisor says: worker_orders.c.
#include "server/worker.h"

#include "rt/process.h"
#include "server/confine.h"
#include "server/names.h"
#include "server/worker_state.h"

#define ACCEPT_PAUSE_FIRST_MS 5 // when the system has no descriptor or memory left
#define ACCEPT_PAUSE_MOST_MS 1000
#define ACCEPT_ERROR_TOLD_MS (10 * SECOND_MS)
#define ACCEPT_IN_A_ROW_MAX 64
#define CONFINE_BYTES_MAX (64 * MIB) // some kilobytes a certificate, and only for a moment

static struct err run(void *arg) suspends;
static struct err begin_logging(struct worker *w);
static struct err confine(struct worker *w);
static struct err begin_listening(struct worker *w);
static struct err begin_mail(struct worker *w) suspends MUST_USE;
static void shed_one(struct acceptor_task *t, struct err why);
static struct err accept_one(struct acceptor_task *t) suspends;

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

struct err worker_task(void *start)
{
    struct worker w = {.start = start};
    return run(&w);
}

static struct err run(void *arg)
{
    struct worker *w = arg;
    TRY(begin_logging(w));
    w->wire = w->start->wire_stream;
    if (w->wire == NULL)
        TRY(wire_adopt(w->start->wire, &w->wire));
    if (w->start->wire_stream == NULL) { // a process of its own, and not a part of a simulation
        loop_beat(&w->start->shared->beats[w->start->column]);
        TRY(confine(w));
    }
    TRY(begin_listening(w));
    struct group tending;
    group_begin(&tending);
    group_begin(&w->sessions);
    struct err e = group_spawn(&tending, listen_tend, w->listen);
    if (!failed(e))
        e = begin_mail(w);
    if (!failed(e))
        e = worker_obey(w);
    group_end(&w->sessions);
    mail_worker_end(&w->mail);
    group_end(&tending);
    listen_process_free(w->listen);
    stream_close(w->wire);
    logging_end(&w->logging);
    return e;
}

static struct err begin_logging(struct worker *w)
{
    const struct plan *plan = w->start->plan;
    struct metrics *m = w->start->logging.metrics;
    TRY(logging_begin(&w->logging, &w->start->logging));
    w->log = w->logging.log;
    w->metrics = &w->logging.metrics;
    for (size_t i = 0; i < plan->listener_count; i++)
        w->listener_labels[i] = metrics_label_find(m, LABEL_LISTENER, plan->listeners[i].id);
    return OK;
}

static struct err confine(struct worker *w)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, CONFINE_BYTES_MAX);
    struct err e = confine_worker(&a, w->start->plan);
    if (!failed(e))
        return OK;
    event(w->log, EV_SERVER_STARTUP_ERROR, F_ERR(reason, e));
    return fail(e.kind, "the sandbox could not be built");
}

static struct err begin_listening(struct worker *w)
{
    const struct worker_start *start = w->start;
    struct listen_process_options options = {
            .settings = &start->plan->listen,
            .conf = start->wire_stream == NULL ? start->plan->conf : NULL,
            .is_first = start->slot == 0,
            .shared = &start->shared->listen,
            .column = start->column,
            .log = w->log,
            .metrics = w->metrics,
    };
    w->listen = listen_process_new(&options);
    return w->listen != NULL ? OK : fail(ERR_LIMIT, "no memory to start a worker");
}

static struct err begin_mail(struct worker *w)
{
    struct mail_worker_inputs inputs = {.plan = w->start->plan,
            .shared = w->start->shared,
            .column = w->start->column,
            .is_first = w->start->slot == 0,
            .log = w->log,
            .metrics = w->metrics,
            .test = w->start->test};
    TRY(mail_worker_begin(&w->mail, &inputs));
    if (w->start->wire_stream != NULL || !inputs.is_first)
        return OK;
    struct err e = names_check(&w->mail);
    if (failed(e) && e.kind == ERR_CONFIG && w->start->is_new)
        event(w->log, EV_SERVER_STARTUP_ERROR, F_ERR(reason, e));
    return w->start->is_new ? e : OK; // one that has died is replaced, whatever the DNS is like
}

struct err worker_accept_loop(struct acceptor_task *t)
{
    int64_t pause_ms = ACCEPT_PAUSE_FIRST_MS;
    size_t in_a_row = 0;
    task_describe("accept", t->listener);
    for (;;) {
        struct err e = accept_one(t);
        if (++in_a_row % ACCEPT_IN_A_ROW_MAX == 0)
            task_yield(); // a flood of connections leaves the others their turn
        switch (e.kind) {
        case ERR_NONE:
            pause_ms = ACCEPT_PAUSE_FIRST_MS;
            break;
        case ERR_CLOSED:
            return OK;
        case ERR_CANCELLED:
            return e;
        case ERR_INTERNAL: // the socket is of no use any more; the others go on
            event(t->worker->log, EV_NETWORK_LISTEN_ERROR, F_STR(listenerId, t->listener->id),
                    F_IP(localIp, &acceptor_local(t->acceptor)->ip),
                    F_U64(localPort, acceptor_local(t->acceptor)->port), F_ERR(reason, e));
            return e;
        case ERR_LIMIT:
            shed_one(t, e);
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
            break; // that connection is gone: accept(2) tells of its network's errors too
        }
    }
}

// listeners.md 7.1: one client is told, so that a full server is not a silent one.
static void shed_one(struct acceptor_task *t, struct err why)
{
    struct worker *w = t->worker;
    const struct endpoint *local = acceptor_local(t->acceptor);
    struct arena a AUTO(arena_done);
    arena_init(&a, 4 * KIB);
    acceptor_shed(t->acceptor, listen_shed_word(t->listener->settings, &a));
    if (w->accept_error_told_at_ms != 0 &&
            now_ms() - w->accept_error_told_at_ms < ACCEPT_ERROR_TOLD_MS)
        return;
    w->accept_error_told_at_ms = now_ms();
    event(w->log, EV_NETWORK_ACCEPT_ERROR, F_STR(listenerId, t->listener->id),
            F_IP(localIp, &local->ip), F_U64(localPort, local->port), F_ERR(reason, why));
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
