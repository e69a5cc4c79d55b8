// SPDX-License-Identifier: Apache-2.0
// server/generation_fork.c: the birth of a worker, and what it says while it lives.
#include "server/supervisor.h"

#include <stdatomic.h>

#define WIRE_LINE_BYTES_MAX 256
#define START_BYTES_MAX MIB

static struct err fork_with(
        struct supervisor *sup, struct slot *s, struct worker_start *start, struct arena *a);
static void hear(struct supervisor *sup, struct slot *s, struct str line) suspends;

struct err slot_fork(struct supervisor *sup, struct slot *s)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, START_BYTES_MAX);
    int wire[2];
    TRY(wire_make(wire));
    struct worker_start start = {.plan = s->generation->plan,
            .shared = sup->shared,
            .slot = s->number,
            .column = s->column,
            .serves = generation_own_slots(sup, s->generation, s->number),
            .waiting = sockets_waiting(sup->sockets, &a),
            .wire = wire[1],
            .is_new = !s->came_up};
    struct err e = start.plan == NULL ? fail(ERR_CANCELLED, "another generation has its plan")
                                      : fork_with(sup, s, &start, &a);
    descriptor_close(wire[1]);
    if (failed(e))
        descriptor_close(wire[0]);
    else
        e = wire_adopt(wire[0], &s->wire);
    s->serves = start.serves;
    return e;
}

static struct err fork_with(
        struct supervisor *sup, struct slot *s, struct worker_start *start, struct arena *a)
{
    struct worker_socket *sockets = NULL;
    TRY(sockets_of(sup->sockets, start->plan, a, &sockets, &start->socket_count));
    start->sockets = sockets;
    size_t keep_count = start->socket_count + 1;
    int *keep = arena_array(a, keep_count + LOGS_WORKER_KEEPS, int);
    if (keep == NULL)
        return fail(ERR_LIMIT, "no memory for another worker");
    for (size_t i = 0; i < start->socket_count; i++)
        keep[i] = sockets[i].fd;
    keep[start->socket_count] = start->wire;
    TRY(logs_worker_open(sup->logs, s->column, s->number, &start->logging, keep + keep_count));
    struct err e = process_fork(worker_main, start, keep, keep_count + LOGS_WORKER_KEEPS, &s->pid);
    logs_worker_forked(sup->logs, s->column, failed(e) ? 0 : s->pid);
    return e;
}

// Until the worker's end of the wire closes.
void slot_listen(struct supervisor *sup, struct slot *s)
{
    struct str line;
    while (!failed(stream_until(s->wire, S("\n"), WIRE_LINE_BYTES_MAX, &line)))
        hear(sup, s, line);
}

static void hear(struct supervisor *sup, struct slot *s, struct str line)
{
    s->patience.unanswered = 0;
    queue_hear(sup, s, line);
    if (!str_eq(line, S("ready\n")) || s->ready)
        return;
    struct generation *g = s->generation;
    g->came_up_count += !s->came_up;
    s->came_up = true;
    waitq_wake_all(&g->changed);
    if (s->exited)
        return;
    s->ready = true;
    g->ready_count++;
    event(sup->log, EV_SERVER_WORKER_START, F_U64(slot, s->number), F_U64(total, g->number));
    if (atomic_load(&sup->shared->draining))
        slot_tell(s, S("unready\n"));
    if (g->started && !g->retiring)
        generation_spread(sup, g);
}
