// SPDX-License-Identifier: Apache-2.0
// server/worker.h: one worker: the process that serves. See server/server.h.
#pragma once

#include "deliver/clock.h"
#include "events/event.h"
#include "limits/shared.h"
#include "listen/shared.h"
#include "queue/quota/quota.h"
#include "rt/shared.h"
#include "server/logging.h"
#include "server/plan.h"

// In shared memory, for the life of the supervisor.
struct server_shared {
    struct listen_shared listen;
    struct limits_shared limits;
    struct quota_shared *quota; // NULL: nothing is counted
    struct clock_shared clock;
    _Atomic uint32_t names;    // enum names_state, of the generation that was born last
    uint8_t pepper[32];        // secret: see struct smtp_service
    _Atomic uint32_t draining; // readiness says no from then on
    struct task_beats beats[COLUMNS_MAX];
};

#define SOCKET_OF_ALL SIZE_MAX // all workers accept from it
struct worker_socket {
    int fd;
    size_t slot;               // it is served by the worker of this slot, as long as there is one
    struct acceptor *acceptor; // in the simulator instead of fd; the worker frees it
    const struct plan_listener *listener;
};

struct mail_worker;
struct space_faults;
struct store_faults;

// In a simulation: what shall go wrong, and the worker's own part of the mail as long as it has
// one, for who looks at its queue.
struct worker_test {
    struct store_faults *store_faults; // may be NULL, as the other
    const struct space_faults *space_faults;
    struct mail_worker *mail;
    bool delivers_nothing; // what is accepted stays in the queue
};

struct worker_start {
    const struct plan *plan;
    struct server_shared *shared;
    size_t slot;        // 0 .. worker_count - 1
    size_t column;      // unique among the living
    uint64_t serves;    // slots of sockets, a bit each, until the supervisor says otherwise
    struct str waiting; // "listener smtp 10.0.0.21:25" that cannot be bound yet; empty: all are
    int wire;
    struct stream *wire_stream; // in the simulator instead of wire; the worker closes it
    struct logging_start logging;
    const struct worker_socket *sockets;
    size_t socket_count;
    struct worker_test *test; // NULL: this is no test
    bool is_new;              // of a generation that does not serve yet: it looks whether it can
};

int worker_main(void *start); // a process_main
// The same as a task, on the loop that runs: many workers of many servers in one simulation.
struct err worker_task(void *start) suspends MUST_USE;
