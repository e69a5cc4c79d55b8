// SPDX-License-Identifier: Apache-2.0
// deliver/shape/warmed.h: what addresses that are being warmed up have sent today
// (deliver/shape/warmup.h), over restarts. The counts are in the shared memory of limits/; workers
// write those that they have met into a file of the state folder, `warmed`, each half minute at
// most and at their end, and read it when they begin: so a restart gives no address a second
// allowance. Of two counts the greater one holds. What a crash loses is what was sent since the
// last time.
//
// A line of the file is {"day":20780,"ip":"192.0.2.1","provider":"gmail","count":37}; those of
// other days are dropped.
#pragma once

#include "deliver/shape/warmup.h"

#define WARMED_MAX 10000 // of a day
#define WARMED_EVERY_MS (30 * SECOND_MS)

struct warmed_count {
    struct ip ip;
    struct str provider;
    uint32_t count;
};
struct warmed_counts {
    VEC(struct warmed_count) all;
};

struct warmed {      // of a worker
    struct str path; // null: nothing is kept
    struct limits_shared *shared;
    struct arena arena; // of the day's counts
    int64_t day;
    struct warmed_counts met;
    bool changed, is_written; // by a task, at this moment
    int64_t written_at_ms;
};

void warmed_init(struct warmed *w, struct str path, struct limits_shared *shared);
void warmed_done(struct warmed *w);
// A message was counted: that address has sent to that provider.
void warmed_note(struct warmed *w, const struct ip *ip, struct str provider, int64_t day);
bool warmed_wants_writing(const struct warmed *w, int64_t now_ms);
struct err warmed_write(struct warmed *w) suspends MUST_USE;
struct err warmed_read(struct warmed *w, int64_t wall_now_ms) suspends MUST_USE;

// For tests. ERR_SYNTAX: a line makes no sense.
struct err warmed_parse(
        struct arena *a, struct str text, int64_t day, struct warmed_counts *out) MUST_USE;
// The file as it is then: blocking calls.
struct err warmed_merge(
        struct arena *a, struct str path, int64_t day, const struct warmed_counts *counts) MUST_USE;
struct str warmed_path(struct arena *a, const struct conf *conf);
