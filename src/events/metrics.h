// SPDX-License-Identifier: Apache-2.0
// events/metrics.h: counting without waiting for anybody. All numbers of all workers lie in one
// block of shared memory, made by the supervisor before the workers are born. Each process writes
// only a column of its own, from one thread, so an addition costs a nanosecond or two; a scrape
// adds the columns up, without a lock. Every event with COUNT has a counter of its name; the others
// are rows of metrics.def.
//
//     metric_add(column, METRIC_LISTENER_ACCEPTED, LABELS(listener_label), 1);
//     metric_add(column, METRIC_TLS_HANDSHAKES,
//             LABELS(listener_label, TLS_VERSION_1_3, RESULT_OK), 1);
//     metric_gauge_add(column, METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, -1);
//     metric_observe(column, METRIC_TLS_HANDSHAKE_TIME, NO_LABELS, elapsed_ms);
//
// A NULL column counts nothing. A worker that is born into a column keeps its counters (they never
// go back while the supervisor lives) and zeroes its gauges.
#pragma once

#include "events/event.h"

enum metric_id {
#define METRIC(id, name, kind, label1, label2, label3, scale, help) METRIC_##id,
#include "events/metrics.def"
    METRIC_COUNT
};

enum metric_label {
#define LABEL(id, name, values) LABEL_##id,
#include "events/labels.def"
    LABEL_COUNT
};
enum metric_label_bound {
#define LABEL(id, name, values) LABEL_BOUND_##id = (values),
#include "events/labels.def"
};

// The fixed values of each label, from 0.
enum listener_label { LISTENER_OTHER };
enum certificate_label { CERTIFICATE_OTHER };
enum tracer_label { TRACER_ALL };
enum worker_label { WORKER_SUPERVISOR };
enum tls_version_label {
    TLS_VERSION_NONE, // the handshake failed before it was known
    TLS_VERSION_1_0,
    TLS_VERSION_1_1,
    TLS_VERSION_1_2,
    TLS_VERSION_1_3,
};
enum result_label { RESULT_OK, RESULT_RESUMED, RESULT_FAILED, RESULT_TIMEOUT };
enum refusal_label {
    REFUSAL_GLOBAL,
    REFUSAL_LISTENER,
    REFUSAL_ADDRESS,
    REFUSAL_RATE,
    REFUSAL_BLOCKED,
    REFUSAL_PROXY,
    REFUSAL_DRAIN,
};
enum code_class_label {
    CODE_CLASS_1XX,
    CODE_CLASS_2XX,
    CODE_CLASS_3XX,
    CODE_CLASS_4XX,
    CODE_CLASS_5XX,
};
enum stage_label {
    STAGE_CONNECT,
    STAGE_EHLO,
    STAGE_AUTH,
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,
    STAGE_OTHER,
};
enum queue_label { QUEUE_OTHER };
enum limiter_label { LIMITER_OTHER };
enum queue_state_label {
    QUEUE_STATE_DUE,
    QUEUE_STATE_WAITING,
    QUEUE_STATE_DEFERRED,
    QUEUE_STATE_HELD
};
enum ban_label { BAN_AUTH, BAN_ABUSE, BAN_LOITER, BAN_SCAN };
enum bounce_class { // what deliver/reply/classify.h makes of failures
#define BOUNCE_CLASS(id, word, is_hard, about) BOUNCE_##id,
#include "events/bounce_classes.def"
};
static inline uint8_t code_class_of(unsigned code) // of an SMTP reply or an HTTP status
{
    return (uint8_t)(code >= 100 && code < 600 ? code / 100 - 1 : CODE_CLASS_5XX);
}

struct metric_labels { // in the order of the row; those that a row has not are 0
    unsigned at[3];
};
#define NO_LABELS ((struct metric_labels){{0, 0, 0}})
#define LABELS(...) ((struct metric_labels){{__VA_ARGS__}})

// -- The block, by the supervisor ---------------------------------------------------------------
// Column 0 is the supervisor's. A reload has two generations of workers alive for a while, so have
// more columns than workers.

struct metrics;
size_t metrics_bytes_needed(uint32_t columns);
// `memory` is zeroed, page-aligned and shared.
struct metrics *metrics_at(void *memory, uint32_t columns);

struct metrics_column { // a process's handle
    struct metrics *all;
    uint64_t *cells;
};
// Zeroes the column's gauges. For a worker: right after its birth; again by the supervisor when a
// worker died and its place stays empty.
struct metrics_column metrics_column_begin(struct metrics *m, uint32_t column);

// The place of a configured name (a listener's id) among a label's values; new ones are added by
// the supervisor alone, before it starts the workers that use them. 0, the first fixed value, when
// the label is full.
uint8_t metrics_label_add(struct metrics *m, enum metric_label label, struct str name);
uint8_t metrics_label_find(const struct metrics *m, enum metric_label label, struct str name);
// The word of a fixed value, as it is exposed; null: there is none.
struct str metric_label_word(enum metric_label label, unsigned value);

// -- Counting -----------------------------------------------------------------------------------

void metric_add(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, uint64_t count);
void metric_gauge_add(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, int64_t change);
void metric_gauge_set(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, int64_t value);
void metric_observe(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, uint64_t value);
void metric_event(struct metrics_column *c, enum event_id id); // event_produce calls it

// -- Reading ------------------------------------------------------------------------------------
// Sums over all columns. A scrape during additions sees each number whole, though not all of one
// moment; a histogram's count is the sum of its buckets, so that it agrees with itself.

uint64_t metric_value(const struct metrics *m, enum metric_id id, struct metric_labels labels);
uint64_t metric_event_value(const struct metrics *m, enum event_id id);
struct metric_histogram {
    size_t bound_count;
    const double *bounds;
    uint64_t buckets[16]; // not cumulative; the one behind the last bound is +Inf
    uint64_t count, sum;
};
struct metric_histogram metric_histogram(
        const struct metrics *m, enum metric_id id, struct metric_labels labels);

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
struct metrics_form {
    enum metrics_format format;
    struct str prefix;     // before each name; mostly empty
    bool compatible_names; // counters also without _total (not in OpenMetrics, which forbids it)
    const struct event_wants *wants; // events without WANT_COUNT are left out; NULL: none is
};
// The answer to a scrape (operations.md 6.4). The buf's limit is the caller's; 1 MiB is plenty.
void metrics_expose(const struct metrics *m, const struct metrics_form *form, struct buf *out);
// What an Accept header asks for, and the Content-Type to answer with.
enum metrics_format metrics_format_for(struct str accept);
struct str metrics_content_type(enum metrics_format format);

enum metric_kind {
    METRIC_KIND_COUNTER,
    METRIC_KIND_GAUGE,
    METRIC_KIND_GAUGE_ONE,
    METRIC_KIND_SHORT,
    METRIC_KIND_MEDIUM,
    METRIC_KIND_LONG,
    METRIC_KIND_SIZE,
};
struct metric_row {
    struct str name;
    enum metric_kind kind;
    enum metric_label labels[3];
    uint32_t scale;
    struct str help;
};
const struct metric_row *metric_row(enum metric_id id);
struct str metric_label_name(enum metric_label label);
