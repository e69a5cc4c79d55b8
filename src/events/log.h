// SPDX-License-Identifier: Apache-2.0
// events/log.h: a worker's end of the event stream. Events wait in a ring of bounded size until the
// loop hands them to the sink, once a round:
//
//     struct event_log *log = event_log_new(&(struct event_log_options){.wants = wants,
//             .ring = ring, .sink = sink, .now_ms = wall_ms, .metrics = &column, .wake = &made,
//             .node = 1, .slot = slot});
//     for (;;) { // a task of its own
//         if (event_log_flush(log)) ...wait on `made`...
//         else ...the writer is behind: try again in a moment...
//     }
//
// Losing: as the ring fills, trace events are refused first, then debug, info and warn; errors have
// the last room for themselves. What was refused is counted, told once a minute (telemetry.lost)
// and in the metric of that name.
//
// The ring lies in memory given by the caller. In shared memory it outlives its worker: the
// supervisor takes what a dead worker had not sent and its last events for the crash report.
#pragma once

#include "events/event.h"
#include "events/metrics.h"
#include "events/record.h"
#include "events/sink.h"
#include "rt/task.h"

#define EVENT_RING_COUNT 8192
#define EVENT_RING_BYTES MIB
#define EVENT_RECENT_COUNT 64 // of a crash report
#define EVENT_PATIENCE_MS 10  // that a worker may wait for the log writer, once a round

struct event_ring;
size_t event_ring_bytes(void);
struct event_ring *event_ring_at(void *memory); // zeroes it; event_ring_bytes(), aligned for u64

struct event_log_options {
    const struct event_wants *wants; // may be changed by others at any time
    struct event_ring *ring;
    struct event_sink sink;
    int64_t (*now_ms)(void);        // the calendar's time
    struct metrics_column *metrics; // NULL: nothing is counted
    struct waitq *wake;             // woken when the first event waits; NULL: nobody
    uint8_t node, slot;             // of the ids; ID_SLOT_OUTSIDE for the supervisor
    bool lossless;                  // rather wait a moment than lose (no tracer is lossy)
};

struct event_log *event_log_new(const struct event_log_options *options); // NULL: no memory
void event_log_free(struct event_log *log);

// Hands over what fits; true when nothing waits any more.
bool event_log_flush(struct event_log *log);
uint64_t event_log_lost(const struct event_log *log); // since the start
// Ids of messages, spans and reports are made by the same maker.
uint64_t event_log_new_id(struct event_log *log);

// -- For whoever survives a worker --------------------------------------------------------------
// The oldest record not handed over; false when there is none.
bool event_ring_take(struct event_ring *ring, struct str *out_record);
// The last events, oldest first, as log lines; handed over or not. `most` up to EVENT_RECENT_COUNT.
void event_ring_recent(const struct event_ring *ring, size_t most, struct buf *out);
