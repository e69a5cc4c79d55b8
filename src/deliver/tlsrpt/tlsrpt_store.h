// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_store.h: where counts wait for their report (reports.md 9): an LMDB
// environment of its own in the state folder, which all workers and the commands have open at the
// same time. A report object is a policy domain, the record by which it asked, and a window of
// time; its rows are observations with their counts. Whoever adds to a row adds to what is on disk,
// in one transaction, so nothing is lost between processes.
//
// Databases: `window` begin, end, hash of the record, domain -> number of the object; `object`
// number -> record; `row` number, digest of the observation -> count and observation; `meta` the
// last number, and how many objects each window has. Numbers are big-endian.
//
// Objects are bounded by the caller's domains_max in a window, rows by REPORT_ROWS_MAX in an
// object; what is beyond is counted as dropped and never an error. Blocking calls: a worker makes
// them on a helper thread.
#pragma once

#include "base/base.h"

struct report_store;

#define REPORT_ROWS_MAX 2000        // of one object
#define REPORT_KEPT_MS (7 * DAY_MS) // after its window: reports.md 9

enum report_use { REPORT_SERVE, REPORT_LOOK }; // LOOK: ERR_NOT_FOUND when there is none yet
// The folder of the reports within global.state-dir.
struct str report_folder(struct arena *a, struct str state_folder);
struct err report_store_open(struct arena *a, struct str folder, enum report_use use,
        struct report_store **out) MUST_USE;
void report_store_close(struct report_store *s); // NULL is fine

struct report_window {
    struct str domain;        // A-labels, lower case
    struct str record;        // the TXT record in force
    int64_t begin_ms, end_ms; // the first moment behind it
};
struct report_addition {
    struct report_window window;
    struct str row; // an observation
    uint64_t count;
};
struct report_limits {
    size_t domains_max; // objects of one window (begin and end)
};
// All of it or nothing.
struct err report_store_add(struct report_store *s, struct arena *a,
        const struct report_limits *limits, const struct report_addition *additions, size_t count,
        uint64_t *out_dropped) MUST_USE;

struct report_object {
    uint64_t number;
    struct report_window window;
    struct str id;  // "t!DOMAIN!HASH!NUMBER!DUE"
    int64_t due_ms; // the report may be sent then
    size_t row_count;
};
struct report_row {
    struct str bytes; // the observation
    uint64_t count;
};
// By their due times. `domain_part`: a part of the domain, in lower case; empty: all.
struct err report_store_list(struct report_store *s, struct arena *a, struct str domain_part,
        struct report_object **out, size_t *out_count) MUST_USE;
// ERR_NOT_FOUND: there is none of this id.
struct err report_store_find(
        struct report_store *s, struct arena *a, struct str id, struct report_object *out) MUST_USE;
struct err report_store_rows(struct report_store *s, struct arena *a, uint64_t number,
        struct report_row **out, size_t *out_count) MUST_USE;
struct err report_store_remove(struct report_store *s, struct arena *a, uint64_t number) MUST_USE;
// Those whose window has ended REPORT_KEPT_MS ago.
struct err report_store_expire(
        struct report_store *s, struct arena *a, int64_t wall_now_ms, size_t *out_removed) MUST_USE;
