// SPDX-License-Identifier: Apache-2.0
// events/outlet.h: a tracer at work, for the files of the log writer. What is written waits in
// `pending`: lines for files and consoles; for the journal, entries with their length before them.
#pragma once

#include "events/writer.h"

#define OUTLET_ARENA_BYTES_MAX (4 * MIB) // of one step: names and listings of files

#define OUTLET_LINE_BYTES_MAX (48 * KIB) // of one event in any form; the journal's is the longest

struct pack; // events/pack.h

struct outlet {
    const struct tracer *tracer;
    enum tracer_type type; // console for a journal that is not there
    const struct outside *outside;
    struct arena scratch; // of one step
    uint32_t *seen;       // events of each id, for sampling
    struct buf pending;
    size_t begin; // of pending: what is before it was written
    uint64_t dropped;
    struct metrics_column *metrics;
    uint8_t label; // of the tracer
    bool failing;
    bool busy; // failing, but only for a moment: nothing to tell anybody
    int64_t retry_at_ms, told_at_ms;
    // log
    struct append_file file; // fd -1: not open
    struct buf path;
    int64_t period_begin_ms, period_end_ms; // in which the open file belongs
    int64_t checked_at_ms, cleaned_at_ms;
    struct pack *pack; // a file being compressed; NULL: none
    // journal
    int journal_fd;
};

// So much of what waits has been written.
void outlet_advance(struct outlet *o, size_t count);
static inline struct str outlet_waiting(const struct outlet *o)
{
    return str_from(buf_str(&o->pending), o->begin);
}

// Each writes what goes; an error leaves the rest pending.
// events/logfile.c
struct err logfile_write(struct outlet *o, int64_t now_ms) MUST_USE;
void logfile_close(struct outlet *o);
void logfile_check(struct outlet *o, int64_t now_ms); // moved away? time to rotate, to clean?
// events/journal.c
void journal_add_entry(struct buf *out, const struct record *r);
struct err journal_write(struct outlet *o) MUST_USE;
size_t journald_entry_bytes(struct str waiting); // of the first one, its length included
