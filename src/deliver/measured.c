// SPDX-License-Identifier: Apache-2.0
// deliver/measured.c: see deliver/measured.h.
#include "deliver/measured.h"

#include "events/metrics.h"

#define NS_A_MS 1000000

static void measure_queues(const struct deliverer *d, bool is_first);
static uint64_t span_of(int64_t from, int64_t to);

// How late it is looked at, which is the backlog that somebody waits for.
void measure_begin(const struct job *j)
{
    metric_observe(j->d->in.metrics, METRIC_QUEUE_DISPATCH_LAG, NO_LABELS,
            span_of(j->u->due_ms, j->wall_now_ms));
}

void measure_attempt(const struct job *j)
{
    metric_observe(j->d->in.metrics, METRIC_DELIVERY_ATTEMPT_TIME, NO_LABELS,
            span_of(j->began_ms, now_ms()));
}

void measure_settled(const struct job *j, size_t place)
{
    if ((j->look.of_rcpt[place] & LOOK_EXPIRED) != 0)
        metric_add(j->d->in.metrics, METRIC_QUEUE_EXPIRED, NO_LABELS, 1);
}

void measure_done(const struct job *j)
{
    metric_observe(j->d->in.metrics, METRIC_DELIVERY_TOTAL_TIME, NO_LABELS,
            span_of(j->m.created_ms, wall_ms()));
}

void measure_look(const struct deliverer *d, int64_t began_ns)
{
    metric_observe(d->in.metrics, METRIC_QUEUE_SCAN_TIME, NO_LABELS,
            span_of(began_ns, now_ns()) / NS_A_MS);
}

// Calendars go back, too.
static uint64_t span_of(int64_t from, int64_t to)
{
    return to > from ? (uint64_t)(to - from) : 0;
}

void deliverer_measure(const struct deliverer *d, bool is_first)
{
    struct store_figures stored;
    measure_queues(d, is_first);
    metric_gauge_set(
            d->in.metrics, METRIC_DELIVERY_ACTIVE_CONNECTIONS, NO_LABELS, (int64_t)d->connections);
    if (!is_first || failed(store_figures(d->in.store, &stored)))
        return;
    metric_gauge_set(d->in.metrics, METRIC_QUEUE_COUNT, NO_LABELS, (int64_t)stored.messages);
    metric_gauge_set(d->in.metrics, METRIC_STORE_USED_BYTES, NO_LABELS, (int64_t)stored.used_bytes);
}

// Those whose name found no room among the label's values count under the first one together.
static void measure_queues(const struct deliverer *d, bool is_first)
{
    const struct schedule_settings *s = d->in.schedules;
    int64_t in_flight[LABEL_BOUND_QUEUE] = {0}, slots[LABEL_BOUND_QUEUE] = {0};
    if (d->in.metrics == NULL)
        return;
    for (size_t i = 0; i < s->queue_count; i++) {
        const struct virtual_state *v = map_get(&d->virtuals, s->queues[i].id);
        uint8_t label = metrics_label_find(d->in.metrics->all, LABEL_QUEUE, s->queues[i].id);
        in_flight[label] += v != NULL ? (int64_t)v->in_flight : 0;
        slots[label] += s->queues[i].slots;
    }
    in_flight[QUEUE_OTHER] += (int64_t)d->fallback.in_flight;
    for (unsigned label = 0; label < LABEL_BOUND_QUEUE; label++) {
        metric_gauge_set(d->in.metrics, METRIC_QUEUE_IN_FLIGHT, LABELS(label), in_flight[label]);
        if (is_first) // of the node
            metric_gauge_set(d->in.metrics, METRIC_QUEUE_SLOTS, LABELS(label), slots[label]);
    }
}
