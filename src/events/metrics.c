// SPDX-License-Identifier: Apache-2.0
// events/metrics.c: the block of numbers and the additions. A column is an array of cells: one for
// each event, then for each metric one a combination of its labels' values, or, for a histogram,
// its buckets and its sum. Where each begins is known to the compiler, from the table.
#include "events/metrics.h"

#include "events/cells.h"

static inline void cell_add(uint64_t *cell, uint64_t count);
static void note_used(struct metrics *m, uint32_t columns);
static uint64_t *cell_of(
        const struct metrics_column *c, enum metric_id id, struct metric_labels labels);
static uint64_t sum_of(const struct metrics *m, size_t cell);
static size_t bucket_for(enum metric_kind kind, uint64_t value);

// All that counting needs to know of a metric, in one line of the cache.
struct place {
    uint32_t first; // cell
    uint8_t kind;   // enum metric_kind
    uint8_t bounds[3];
};
static const struct place places[] = {
#define METRIC(id, name, kind, label1, label2, label3, scale, help)                                \
    [METRIC_##id] = {CELL_##id, METRIC_KIND_##kind,                                                \
            {LABEL_BOUND_##label1, LABEL_BOUND_##label2, LABEL_BOUND_##label3}},
#include "events/metrics.def"
};

static const uint32_t label_bounds[] = {
#define LABEL(id, name, values) [LABEL_##id] = (values),
#include "events/labels.def"
};

// operations.md 9.
static const double bounds_short[] = {5, 10, 50, 100, 500, 1000, 2000, 5000, 10000, 30000, 60000};
static const double bounds_medium[] = {
        250, 500, 1000, 5000, 10000, 60000, 300000, 600000, 1800000, 3600000, 18000000};
static const double bounds_long[] = {1000, 30000, 300000, 600000, 1800000, 3600000, 14400000,
        28800000, 43200000, 86400000, 604800000};
static const double bounds_size[] = {500, 1e3, 1e4, 1e5, 1e6, 5e6, 1e7, 2.5e7, 5e7, 1e8, 5e8};

size_t metrics_bytes_needed(uint32_t columns)
{
    return METRICS_HEAD_BYTES + (size_t)columns * METRICS_COLUMN_BYTES;
}

struct metrics *metrics_at(void *memory, uint32_t columns)
{
    struct metrics *m = memory;
    static_assert(sizeof(struct metrics) <= METRICS_HEAD_BYTES, "the head has room for its names");
    assert(columns >= 1);
    m->columns = columns;
    m->columns_used = 1;
    return m;
}

struct metrics_column metrics_column_begin(struct metrics *m, uint32_t column)
{
    assert(column < m->columns);
    struct metrics_column c = {.all = m, .cells = metrics_cells(m, column)};
    note_used(m, column + 1);
    for (size_t id = 0; id < METRIC_COUNT; id++) {
        enum metric_kind kind = (enum metric_kind)places[id].kind;
        if (kind != METRIC_KIND_GAUGE && kind != METRIC_KIND_GAUGE_ONE)
            continue;
        size_t count = metric_combinations((enum metric_id)id);
        for (size_t i = 0; i < count; i++)
            __atomic_store_n(&c.cells[places[id].first + i], 0, __ATOMIC_RELAXED);
    }
    return c;
}

// Columns beyond the highest that ever counted need not be looked at.
static void note_used(struct metrics *m, uint32_t columns)
{
    uint32_t used = __atomic_load_n(&m->columns_used, __ATOMIC_RELAXED);
    while (used < columns && !__atomic_compare_exchange_n(&m->columns_used, &used, columns, true,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
}

// The supervisor is the only one who adds; readers see a name before they see its number.
uint8_t metrics_label_add(struct metrics *m, enum metric_label label, struct str name)
{
    uint8_t found = metrics_label_find(m, label, name);
    struct label_names *names = label_names_of(m, label);
    uint32_t used = names != NULL ? __atomic_load_n(&names->count, __ATOMIC_RELAXED) : 0;
    if (found != 0 || names == NULL || used + 1 >= label_bounds[label] ||
            name.len > LABEL_NAME_BYTES_MAX || name.len == 0)
        return found;
    memcpy(names->at[used].text, name.ptr, name.len);
    names->at[used].len = (uint8_t)name.len;
    __atomic_store_n(&names->count, used + 1, __ATOMIC_RELEASE);
    return (uint8_t)(used + 1);
}

uint8_t metrics_label_find(const struct metrics *m, enum metric_label label, struct str name)
{
    const struct label_names *names = label_names_of_const(m, label);
    uint32_t used = names != NULL ? __atomic_load_n(&names->count, __ATOMIC_ACQUIRE) : 0;
    for (uint32_t i = 0; i < used; i++)
        if (str_eq(str_of(names->at[i].text, names->at[i].len), name))
            return (uint8_t)(i + 1);
    return 0;
}

struct label_names *label_names_of(struct metrics *m, enum metric_label label)
{
    switch (label) {
    case LABEL_LISTENER:
        return &m->listeners;
    case LABEL_CERTIFICATE:
        return &m->certificates;
    case LABEL_TRACER:
        return &m->tracers;
    case LABEL_WORKER:
        return &m->workers;
    case LABEL_QUEUE:
        return &m->queues;
    case LABEL_LIMITER:
        return &m->limiters;
    case LABEL_NONE:
    case LABEL_TLS_VERSION:
    case LABEL_RESULT:
    case LABEL_REFUSAL:
    case LABEL_CODE_CLASS:
    case LABEL_STAGE:
    case LABEL_BAN:
    case LABEL_BOUNCE:
    case LABEL_QUEUE_STATE:
    case LABEL_COUNT:
        break;
    }
    return NULL;
}

const struct label_names *label_names_of_const(const struct metrics *m, enum metric_label label)
{
    struct metrics *same = (struct metrics *)(uintptr_t)m; // looked at only
    return label_names_of(same, label);
}

uint64_t *metrics_cells(struct metrics *m, uint32_t column)
{
    char *columns = (char *)m + METRICS_HEAD_BYTES;
    return (uint64_t *)(void *)(columns + (size_t)column * METRICS_COLUMN_BYTES);
}

size_t metric_combinations(enum metric_id id)
{
    const struct metric_row *row = metric_row(id);
    return (size_t)label_bounds[row->labels[0]] * label_bounds[row->labels[1]] *
           label_bounds[row->labels[2]];
}

size_t metric_label_bound(enum metric_label label)
{
    return label_bounds[label];
}

size_t metric_cell_index(enum metric_id id, struct metric_labels labels)
{
    const struct place *p = &places[id];
    assert(labels.at[0] < p->bounds[0] && labels.at[1] < p->bounds[1] &&
            labels.at[2] < p->bounds[2]);
    size_t index = ((size_t)labels.at[0] * p->bounds[1] + labels.at[1]) * p->bounds[2];
    index += labels.at[2];
    return p->first + index * (p->kind >= METRIC_KIND_SHORT ? HISTOGRAM_CELLS : 1);
}

// A column has one writer, so nobody adds in between: a plain load and store, each whole for those
// who read meanwhile, cost a tenth of an addition that locks the line.
static inline void cell_add(uint64_t *cell, uint64_t count)
{
    uint64_t now = __atomic_load_n(cell, __ATOMIC_RELAXED);
    __atomic_store_n(cell, now + count, __ATOMIC_RELAXED);
}

void metric_add(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, uint64_t count)
{
    if (c == NULL)
        return;
    assert((enum metric_kind)places[id].kind == METRIC_KIND_COUNTER);
    cell_add(cell_of(c, id, labels), count);
}

void metric_gauge_add(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, int64_t change)
{
    if (c == NULL)
        return;
    assert((enum metric_kind)places[id].kind == METRIC_KIND_GAUGE);
    cell_add(cell_of(c, id, labels), (uint64_t)change);
}

void metric_gauge_set(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, int64_t value)
{
    if (c == NULL)
        return;
    enum metric_kind kind = (enum metric_kind)places[id].kind;
    assert(kind == METRIC_KIND_GAUGE || kind == METRIC_KIND_GAUGE_ONE);
    __atomic_store_n(cell_of(c, id, labels), (uint64_t)value, __ATOMIC_RELAXED);
}

void metric_observe(
        struct metrics_column *c, enum metric_id id, struct metric_labels labels, uint64_t value)
{
    if (c == NULL)
        return;
    enum metric_kind kind = (enum metric_kind)places[id].kind;
    assert(kind >= METRIC_KIND_SHORT);
    uint64_t *cells = cell_of(c, id, labels);
    cell_add(&cells[bucket_for(kind, value)], 1);
    cell_add(&cells[HISTOGRAM_SUM], value);
}

void metric_event(struct metrics_column *c, enum event_id id)
{
    if (c != NULL)
        cell_add(&c->cells[id], 1);
}

static uint64_t *cell_of(
        const struct metrics_column *c, enum metric_id id, struct metric_labels labels)
{
    return &c->cells[metric_cell_index(id, labels)];
}

static size_t bucket_for(enum metric_kind kind, uint64_t value)
{
    size_t count = 0;
    const double *bounds = metric_bounds(kind, &count);
    size_t i = 0;
    while (i < count && (double)value > bounds[i])
        i++;
    return i;
}

const double *metric_bounds(enum metric_kind kind, size_t *out_count)
{
    *out_count = COUNT_OF(bounds_short);
    switch (kind) {
    case METRIC_KIND_MEDIUM:
        return bounds_medium;
    case METRIC_KIND_LONG:
        return bounds_long;
    case METRIC_KIND_SIZE:
        return bounds_size;
    case METRIC_KIND_SHORT:
    case METRIC_KIND_COUNTER:
    case METRIC_KIND_GAUGE:
    case METRIC_KIND_GAUGE_ONE:
        break;
    }
    return bounds_short;
}

uint64_t metric_value(const struct metrics *m, enum metric_id id, struct metric_labels labels)
{
    size_t cell = metric_cell_index(id, labels);
    if ((enum metric_kind)places[id].kind == METRIC_KIND_GAUGE_ONE)
        return __atomic_load_n(
                &metrics_cells((struct metrics *)(uintptr_t)m, 0)[cell], __ATOMIC_RELAXED);
    return sum_of(m, cell);
}

uint64_t metric_event_value(const struct metrics *m, enum event_id id)
{
    return sum_of(m, id);
}

struct metric_histogram metric_histogram(
        const struct metrics *m, enum metric_id id, struct metric_labels labels)
{
    struct metric_histogram h = {0};
    size_t cell = metric_cell_index(id, labels);
    h.bounds = metric_bounds((enum metric_kind)places[id].kind, &h.bound_count);
    for (size_t i = 0; i <= h.bound_count; i++) {
        h.buckets[i] = sum_of(m, cell + i);
        h.count += h.buckets[i];
    }
    h.sum = sum_of(m, cell + HISTOGRAM_SUM);
    return h;
}

static uint64_t sum_of(const struct metrics *m, size_t cell)
{
    struct metrics *same = (struct metrics *)(uintptr_t)m; // looked at only
    uint64_t sum = 0;
    uint32_t used = __atomic_load_n(&m->columns_used, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < used; i++)
        sum += __atomic_load_n(&metrics_cells(same, i)[cell], __ATOMIC_RELAXED);
    return sum;
}
