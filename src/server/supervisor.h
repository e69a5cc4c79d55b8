// SPDX-License-Identifier: Apache-2.0
// server/supervisor.h: what the files of the supervisor share.
#pragma once

#include "base/list.h"
#include "events/event.h"
#include "rt/process.h"
#include "rt/rt.h"
#include "server/server.h"
#include "server/sockets.h"

struct generation {
    struct link in_supervisor;
    struct plan *plan;
    struct group watchers; // a task for each worker slot
    size_t ready_count;
    bool retiring;
    bool failed; // a worker could not start at all
    struct waitq changed;
    struct slot {
        struct generation *generation;
        size_t number;
        pid_t pid; // 0: none runs
        int exit_status;
        bool exited, was_ready;
        struct stream *wire;
        struct waitq changed;
    } slots[WORKERS_MAX];
};

struct supervisor {
    const struct server_options *options;
    struct server_shared *shared;
    struct sockets *sockets;
    struct signals *signals;
    struct event_log *log; // may be NULL
    struct generation *current;
    struct list generations; // the current one and those that retire
    struct group retirements;
    struct waitq changed;
    bool columns_used[COLUMNS_MAX];
    struct listen_kept kept; // what all generations share of their listeners
    uint64_t generation_number;
    bool reload_wanted, stop_at_once;
    size_t stop_count; // signals that asked for it: the second one means now
};

// Starts the workers of a plan and waits until all are ready; on failure none is left and the plan
// is freed.
struct err generation_start(
        struct supervisor *sup, struct plan *plan, struct generation **out) suspends MUST_USE;
// Tells the workers to end, waits for them, and frees the generation.
enum generation_end { GENERATION_RETIRE, GENERATION_STOP };
void generation_finish(
        struct supervisor *sup, struct generation *g, enum generation_end how) suspends;
void generation_tell(struct generation *g, struct str line) suspends;
// A child has ended.
void supervisor_note_exit(struct supervisor *sup, pid_t pid, int status);
