// SPDX-License-Identifier: Apache-2.0
// server/worker_state.h: what the files of a worker share.
#pragma once

#include "listen/visit.h"
#include "manage/health.h"
#include "rt/rt.h"
#include "server/mail.h"
#include "server/worker.h"

// How a worker ends; the later one wins. Retiring: sessions end by themselves.
enum worker_ending { WORKER_GOES_ON, WORKER_RETIRES, WORKER_STOPS };

// A socket that this worker accepts from.
struct acceptor_task {
    struct worker *worker;
    const struct plan_listener *listener;
    struct acceptor *acceptor;
};

struct worker {
    const struct worker_start *start;
    struct event_log *log; // may be NULL
    struct logging logging;
    // For metrics: &logging.metrics, and the value of their label `listener`, by place in the plan.
    struct metrics_column *metrics;
    uint8_t listener_labels[LISTENERS_MAX];
    struct listen_process *listen;
    struct mail_worker mail;
    int64_t accept_error_told_at_ms;
    struct stream *wire;
    struct group sessions, acceptors, hearing;
    struct acceptor_task **accepting; // by socket of worker_start; NULL: not now
    enum worker_ending ending;
    struct waitq ordered;
    uint64_t settle_wanted, settled; // the numbers of requests to settle
    bool settling;
    bool retiring;
    struct health health;
};

// Accepts, and does what the supervisor says, until it says to end; sessions have ended then, or
// are left to be cancelled.
struct err worker_obey(struct worker *w) suspends MUST_USE;
struct err worker_accept_loop(
        struct acceptor_task *t) suspends MUST_USE; // until the acceptor is closed

// One accepted connection, from the limits to its end; the stream is its own.
struct connection {
    struct worker *worker;
    const struct plan_listener *listener;
    struct stream *stream;
    struct visit visit;
};
struct err connection_serve(void *connection) suspends MUST_USE;
// HTTP on it: health, metrics.
struct err connection_http(struct connection *c) suspends MUST_USE;
