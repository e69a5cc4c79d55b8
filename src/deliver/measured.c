// SPDX-License-Identifier: Apache-2.0
// deliver/measured.c: see deliver/measured.h.
#include "deliver/measured.h"

#include "events/metrics.h"

static uint64_t span_of(int64_t from_ms, int64_t to_ms);

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

// Calendars go back, too.
static uint64_t span_of(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? (uint64_t)(to_ms - from_ms) : 0;
}

void deliverer_measure(const struct deliverer *d, bool is_first)
{
    struct store_figures stored;
    metric_gauge_set(d->in.metrics, METRIC_QUEUE_IN_FLIGHT, NO_LABELS, (int64_t)d->couriers.count);
    metric_gauge_set(
            d->in.metrics, METRIC_DELIVERY_ACTIVE_CONNECTIONS, NO_LABELS, (int64_t)d->connections);
    if (is_first && !failed(store_figures(d->in.store, &stored)))
        metric_gauge_set(d->in.metrics, METRIC_QUEUE_COUNT, NO_LABELS, (int64_t)stored.messages);
}
