// SPDX-License-Identifier: Apache-2.0
// events/writer.h: the log writer: the one process that writes logs. It takes records from all
// workers, gives each tracer those that it wants in its form, and looks after its files: rotation,
// retention, compression, and disks that are full for a while. Plain code without tasks or threads:
//
//     struct writer *w = writer_new(telemetry, outside_real(), &column, wall_ms());
//     ...bytes from a worker's channel (one packet: whole records):   writer_feed(w, bytes, now);
//     ...when `due` has come:                                  due = writer_tick(w, now);
//     ...on SIGUSR1:                                                  writer_reopen(w);
//     ...at the end:                                                  writer_free(w, now);
//
// A tracer that cannot write keeps up to 4 MiB, tries again each second, and drops the oldest
// beyond that; the other tracers are told (telemetry.log-error). No failure ends it.
#pragma once

#include "events/metrics.h"
#include "events/outside.h"
#include "events/settings.h"

#define OUTLET_BYTES_MAX (4 * MIB) // kept for a tracer that cannot write
#define OUTLET_RETRY_MS SECOND_MS
#define JOURNAL_PATH "/run/systemd/journal/socket"

struct writer;
// Takes over nothing: `telemetry`, and the column (may be NULL) in which telemetry.lost is counted,
// must live as long as the writer. NULL without memory.
struct writer *writer_new(const struct telemetry *telemetry, struct outside outside,
        struct metrics_column *metrics, int64_t now_ms) MUST_USE;
// Tries once more to write what is kept.
void writer_free(struct writer *w, int64_t now_ms);

void writer_feed(struct writer *w, struct str records, int64_t now_ms);
// Retries, reopens files that were moved away, removes old ones; tells when to come again.
int64_t writer_tick(struct writer *w, int64_t now_ms);
// How long after the last tick the next one is due, as things are now: what was fed meanwhile may
// have met a disk that is full or a journal that is busy.
int64_t writer_patience_ms(const struct writer *w);
void writer_reopen(struct writer *w);

uint64_t writer_dropped(const struct writer *w, size_t tracer); // lines, of this tracer
uint64_t writer_bad_records(const struct writer *w);            // packets that were no records
