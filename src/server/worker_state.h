// SPDX-License-Identifier: Apache-2.0
// server/worker_state.h: what the files of a worker share.
#pragma once

#include "manage/health.h"
#include "rt/rt.h"
#include "server/worker.h"

struct worker {
    const struct worker_start *start;
    struct event_log *log; // may be NULL
    struct logging logging;
    // For metrics: &logging.metrics, and the value of their label `listener`, by place in the plan.
    struct metrics_column *metrics;
    uint8_t listener_labels[LISTENERS_MAX];
    struct stream *wire;
    struct group sessions;
    bool retiring;
    struct health health;
};

// One accepted connection, from the limits to its end; the stream is its own.
struct connection {
    struct worker *worker;
    const struct plan_listener *listener;
    struct stream *stream;
};
struct err connection_serve(void *connection) suspends;
// HTTP on it: health, metrics.
struct err connection_http(struct connection *c) suspends;
