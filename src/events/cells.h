// SPDX-License-Identifier: Apache-2.0
// events/cells.h: how the block of metrics is laid out; for metrics.c and expose.c.
#pragma once

#include "events/metrics.h"

#define LABEL_NAME_BYTES_MAX 64
#define HISTOGRAM_BOUNDS 11
#define HISTOGRAM_SUM (HISTOGRAM_BOUNDS + 1) // behind the buckets, the last of which is +Inf
#define HISTOGRAM_CELLS (HISTOGRAM_BOUNDS + 2)

#define CELLS_EACH_COUNTER 1
#define CELLS_EACH_GAUGE 1
#define CELLS_EACH_GAUGE_ONE 1
#define CELLS_EACH_SHORT HISTOGRAM_CELLS
#define CELLS_EACH_MEDIUM HISTOGRAM_CELLS
#define CELLS_EACH_LONG HISTOGRAM_CELLS
#define CELLS_EACH_SIZE HISTOGRAM_CELLS

enum metric_cell {
    CELL_EVENTS_LAST = EVENT_COUNT - 1,
#define METRIC(id, name, kind, label1, label2, label3, scale, help)                                \
    CELL_##id,                                                                                     \
            CELL_LAST_##id = CELL_##id +                                                           \
                             LABEL_BOUND_##label1 * LABEL_BOUND_##label2 * LABEL_BOUND_##label3 *  \
                                     CELLS_EACH_##kind -                                           \
                             1,
#include "events/metrics.def"
    CELL_COUNT
};

struct label_names {
    uint32_t count;
    struct {
        uint8_t len;
        char text[LABEL_NAME_BYTES_MAX];
    } at[80];
};

struct metrics {
    uint32_t columns, columns_used;
    struct label_names listeners, certificates, tracers, workers, queues, limiters;
};

// Pages of their own, so that workers do not take each other's cache lines.
#define METRICS_PAGE 4096
#define METRICS_HEAD_BYTES (8 * METRICS_PAGE)
#define METRICS_COLUMN_BYTES                                                                       \
    ((CELL_COUNT * sizeof(uint64_t) + METRICS_PAGE - 1) / METRICS_PAGE * METRICS_PAGE)

uint64_t *metrics_cells(struct metrics *m, uint32_t column);
size_t metric_combinations(enum metric_id id);
size_t metric_label_bound(enum metric_label label);
size_t metric_cell_index(enum metric_id id, struct metric_labels labels);
const double *metric_bounds(enum metric_kind kind, size_t *out_count);
// NULL: all values of the label are fixed.
struct label_names *label_names_of(struct metrics *m, enum metric_label label);
const struct label_names *label_names_of_const(const struct metrics *m, enum metric_label label);
