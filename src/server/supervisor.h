// SPDX-License-Identifier: Apache-2.0
// server/supervisor.h: what the files of the supervisor share.
#pragma once

#include "base/list.h"
#include "events/event.h"
#include "rt/process.h"
#include "rt/rt.h"
#include "server/birth.h"
#include "server/control.h"
#include "server/logging.h"
#include "server/patience.h"
#include "server/server.h"
#include "server/service.h"
#include "server/sockets.h"

struct generation {
    struct link in_supervisor;
    struct plan *plan;     // NULL: the next generation has it
    uint64_t number;       // the plan's
    size_t worker_count;   // the plan's
    int64_t grace_ms;      // the plan's
    struct group watchers; // a task for each worker slot
    size_t ready_count;    // workers that serve now
    size_t came_up_count;  // slots whose worker has served
    bool started;          // all of them have
    bool retiring;
    bool failed; // a worker could not start at all
    struct waitq changed;
    struct slot {
        struct generation *generation;
        size_t number;
        pid_t pid; // 0: none runs
        int exit_status;
        bool exited, ready, hung;
        bool came_up;                   // some worker of it was ready
        size_t crash_count;             // in a row
        struct patience patience;       // with the one that runs
        uint64_t serves;                // slots of sockets, as it was told last
        struct str last_words;          // of the one that ended last; null: none
        uint64_t settle_asked, settled; // the last request to settle, and the last answered
        bool unsettled;                 // it said that it could not
        size_t column;                  // while one runs, and until the next one is forked
        struct stream *wire;
        struct waitq changed;
    } slots[WORKERS_MAX];
};

struct supervisor {
    const struct server_options *options;
    struct server_shared *shared;
    struct sockets *sockets;
    struct signals *signals;
    struct logs *logs;
    struct event_log *log; // may be NULL
    struct generation *current;
    struct list generations; // the current one and those that retire
    struct group retirements;
    struct waitq changed;
    bool columns_used[COLUMNS_MAX];
    struct listen_kept kept; // what all generations share of their listeners
    uint64_t generation_number;
    struct service service;
    struct control *control; // may be NULL
    struct birth birth;
    int lock_fd;      // of the state folder; -1: not yet
    bool lock_signed; // its file holds our pid
    int follow_fd;    // to process 1 of a container, -1 elsewhere
    int64_t started_ms, generation_since_ms;

    struct buf report; // what the last load of the configuration had to say
    uint64_t reloads_begun, reloads_done, handovers_done;
    bool reload_failed; // the last one
    size_t reload_errors;
    struct waitq reloaded; // or handed over, or not
    uint64_t settles;      // requests to settle, counted
    struct waitq settled;  // a worker has answered one, or is gone
    size_t settlers;       // who wait for that
    struct buf carried;    // what workers had in flight then: struct carried of generation_queue.c
    pid_t successor;       // 0: none
    size_t handed_count;   // sockets that it got
    bool replaced;         // it serves: this process ends with its sessions

    // What is to be done. Of several requests of a kind one remains.
    bool reload_wanted, renew_wanted, replace_wanted, stop_at_once;
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

// server/generation_fork.c: makes the slot's process; hears it until it ends its wire.
struct err slot_fork(struct supervisor *sup, struct slot *s) suspends MUST_USE;
void slot_listen(struct supervisor *sup, struct slot *s) suspends;
void slot_tell(struct slot *s, struct str line) suspends;
// server/generation_serve.c: each worker that is ready learns which sockets it serves now.
void generation_spread(struct supervisor *sup, struct generation *g) suspends;
uint64_t generation_own_slots(
        const struct supervisor *sup, const struct generation *g, size_t number);

// server/generation_queue.c: all workers look at the queue now.
void queue_look(struct supervisor *sup) suspends;
// What they have written down so far is where other processes see it. False: within the time, one
// did not answer, or could not. The ids of messages that were being delivered go to `out_carried`,
// a line each.
bool queue_settle(struct supervisor *sup, struct buf *out_carried) suspends;
void queue_hear(struct supervisor *sup, struct slot *s, struct str line);

// A child has ended.
void supervisor_note_exit(struct supervisor *sup, pid_t pid, int status);

// Would a reload be accepted? What there is to say goes to `out`.
bool supervisor_check(struct supervisor *sup, struct buf *out) suspends;
// A generation that serves no longer: its workers finish their sessions.
void supervisor_let_finish(struct supervisor *sup, struct generation *g) suspends;
// server/ending.c: from the first signal, or from the hand-over, to the end of all workers.
void supervisor_end(struct supervisor *sup) suspends;
// server/handover.c: starts a successor; true: it serves.
bool handover(struct supervisor *sup) suspends;
// server/instance.c: no other server has the state folder of this configuration.
struct err instance_claim(
        struct supervisor *sup, const struct conf *conf, struct arena *a) MUST_USE;
void instance_sign(struct supervisor *sup);
enum instance_end { INSTANCE_ENDS, INSTANCE_IS_REPLACED };
void instance_leave(struct supervisor *sup, enum instance_end how);
// server/status.c
enum status_form { STATUS_TEXT, STATUS_JSON };
void status_write(struct supervisor *sup, enum status_form form, struct buf *out);
bool status_ready(struct supervisor *sup, struct buf *out); // false: `out` says why not
void status_tell(struct supervisor *sup);
// server/tend.c: a task, for as long as the server serves.
struct err tend(void *supervisor) suspends MUST_USE;
// server/watch.c: another.
struct err watch_configuration(void *supervisor) suspends MUST_USE;
