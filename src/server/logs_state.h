// SPDX-License-Identifier: Apache-2.0
// server/logs_state.h: what the files of the supervisor's logs share.
#pragma once

#include "base/id.h"
#include "listen/certificates.h"
#include "rt/shared.h"
#include "server/log_writer.h"
#include "server/logging.h"

// Of the metrics: the supervisor, the log writer, then each worker's.
#define METRICS_FIRST_WORKER (LOG_WRITER_COLUMN + 1)
#define METRICS_COLUMNS (METRICS_FIRST_WORKER + COLUMNS_MAX)
static_assert(COLUMNS_MAX + 1 <= LOG_CHANNELS_MAX, "a channel for each process");

#define LAST_WORDS_BYTES_MAX (32 * KIB) // of a worker's standard error: its beginning

struct worker_log { // by column
    struct logs *logs;
    int read, write, errors_write; // -1: not open here
    struct stream *errors;         // NULL: closed
    struct group reader;           // of errors
    struct event_ring *ring;
    pid_t pid;
    size_t slot;
    struct buf said; // last words
};

struct logs {
    struct event_wants *wants; // shared, as are the next two
    struct metrics *metrics;
    void *rings[COLUMNS_MAX + 1];            // NULL: not needed so far
    const struct telemetry *telemetry;       // in force; NULL: no writer is wanted
    const struct certificates *certificates; // of the same plan
    struct logging own;
    int own_read;
    uint8_t node;
    bool begun;
    pid_t writer; // 0: none runs
    int control;
    bool ended_wanted; // the end of the writer that runs is no accident
    struct waitq changed;
    struct group tasks;
    struct worker_log workers[COLUMNS_MAX];
};

struct err logs_take_figures(void *logs) suspends MUST_USE; // a task; server/logs_figures.c
// An empty ring in the place of a process: by column, and COLUMNS_MAX for the supervisor. NULL
// without memory.
struct event_ring *logs_ring(struct logs *l, size_t place);
