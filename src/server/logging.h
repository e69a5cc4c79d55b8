// SPDX-License-Identifier: Apache-2.0
// server/logging.h: how what the processes say comes to the logs, and what they count to a scrape.
//
// Files are written by one process alone, the log writer, a child of the supervisor like the
// workers: it reads what they send, and they talk to strangers, so neither slow disks nor bytes
// that were forged may trouble the one process that must not fail. Each worker has a ring in shared
// memory and a channel of packets to the writer. The supervisor keeps the reading ends of all
// channels too: a writer that dies or is replaced (at a reload) loses nothing that was sent. When a
// worker dies, the supervisor takes from its ring what it had not sent yet, and the text that the
// worker left on its standard error goes into server.worker-exit.
//
// In a worker:
//
//     TRY(logging_begin(&w->logging, &w->start->logging));
//     w->log = w->logging.log;
//     ...event(w->log, ...); metric_add(&w->logging.metrics, ...)...
//     logging_end(&w->logging); // suspends
//
// In the supervisor: logs_new, logs_prepare before the workers of a plan are forked, logs_apply
// when they run, logs_worker_... around each fork, logs_end last.
#pragma once

#include "events/log.h"
#include "events/settings.h"
#include "events/sink.h"
#include "rt/process.h"
#include "rt/rt.h"

struct plan;

// What the supervisor gives a process that speaks.
struct logging_start {
    struct event_ring *ring;
    const struct event_wants *wants;
    struct metrics *metrics;
    uint32_t column;        // of the metrics
    int channel;            // to the log writer
    struct event_sink sink; // in the simulator instead of the channel; else zero
    int errors;             // takes the place of standard error; -1: none
    uint8_t node, slot;     // of ids: `slot` is unique among the living, unlike a worker's slot
    bool lossless;
};

// One process's voice. It must not move.
struct logging {
    struct event_log *log; // NULL: nothing is said
    struct metrics_column metrics;
    struct sink_channel channel;
    struct waitq made;
    struct group tasks;
};

struct err logging_begin(struct logging *l, const struct logging_start *start) MUST_USE;
// Hands over what still waits; for a second at most, should the writer not take it.
void logging_end(struct logging *l) suspends;

// -- The supervisor's end -----------------------------------------------------------------------

struct logs;

struct logs *logs_new(void); // NULL without memory
// Tells the writer to end when it has written all there is, and waits for that, though not for
// ever. NULL is fine.
void logs_end(struct logs *logs) suspends;

struct event_log *logs_log(struct logs *logs); // NULL until the first logs_prepare

// The names of listeners, virtual queues and limiters become values of their labels.
void logs_name_labels(struct metrics *m, const struct plan *plan);
// Before the workers of a plan are born: names of listeners become labels; at the first plan, the
// writer starts as this plan wants it.
struct err logs_prepare(struct logs *logs, const struct plan *plan) suspends MUST_USE;
// The plan is in force: levels change at once, in all processes; another writer takes over.
void logs_apply(struct logs *logs, const struct plan *plan) suspends;
// Its certificates have been renewed; those before are gone.
void logs_certificates(struct logs *logs, const struct plan *plan);
// This plan is about to be freed.
void logs_forget(struct logs *logs, const struct plan *plan);
void logs_reopen(struct logs *logs); // SIGUSR1
// A child has ended. True: it was the log writer, which is started again.
bool logs_note_exit(struct logs *logs, pid_t pid);

#define LOGS_WORKER_KEEPS 2 // descriptors that the worker inherits
// `column` is the worker's own among the living. The descriptors to keep are written to `keep`.
struct err logs_worker_open(struct logs *logs, size_t column, size_t slot,
        struct logging_start *out, int *keep) MUST_USE;
// After the fork; pid 0: there was none, and the column is free again.
void logs_worker_forked(struct logs *logs, size_t column, pid_t pid);
// It has ended: nothing of what it said is lost. The text is what it last had to say on standard
// error, null when nothing; it lives until the column is opened again.
struct str logs_worker_ended(struct logs *logs, size_t column) suspends;
// server.worker-exit's `path`: the crash report, made from the ring before the column is opened
// again. Null: none could be written.
struct str logs_crash_report(
        struct logs *logs, const struct plan *plan, size_t column, int status, struct arena *a);

// server/logging_tell.c: what the supervisor has to tell of a plan.
struct findings;
void logs_tell_findings(struct event_log *log, const struct findings *findings);
// network.listen-start of what `now` has and `before` had not, network.listen-stop of the others;
// either may be NULL.
void logs_tell_listeners(struct event_log *log, const struct plan *before, const struct plan *now);
