// SPDX-License-Identifier: Apache-2.0
// queue/gauges.c: see queue/gauges.h. A million units take a tenth of a second in steps of less
// than a millisecond; who rests fifty times as long as he counts takes a fiftieth of a worker at
// most, however long the queue is.
#include "queue/gauges.h"

#include "queue/store/summary.h"
#include "rt/clock.h"
#include "rt/task.h"

#define COUNT_EVERY_MS (10 * SECOND_MS)
#define REST_FACTOR 50
#define STEP_UNITS 2000
#define STEP_REST_MS 2
#define COUNT_BYTES_MAX (64 * KIB)

static void show(const struct queue_gauges *g, const struct summary *s, int64_t wall_now_ms);
static void show_queue(const struct queue_gauges *g, unsigned label,
        const struct summary_group *group, int64_t wall_now_ms);
static void subtract(struct summary_group *from, const struct summary_group *g);

struct err queue_gauges_main(void *arg)
{
    const struct queue_gauges *g = arg;
    task_describe("what waits", NULL);
    for (;;) {
        struct arena a;
        int64_t began_ms = now_ms();
        arena_init(&a, COUNT_BYTES_MAX);
        struct err e = queue_gauges_count(g, &a);
        arena_done(&a);
        if (e.kind == ERR_CANCELLED)
            return OK;
        // One that fails is made again: the store tells of its own troubles.
        int64_t rest_ms = (now_ms() - began_ms) * REST_FACTOR;
        if (failed(task_sleep_ms(rest_ms > COUNT_EVERY_MS ? rest_ms : COUNT_EVERY_MS)))
            return OK;
    }
}

struct err queue_gauges_count(const struct queue_gauges *g, struct arena *a)
{
    struct summary *s AUTO(summary_auto_free) = NULL;
    const struct summary_options options = {.by = SUMMARY_BY_QUEUE, .now_ms = wall_ms()};
    if (g->metrics == NULL)
        return OK;
    TRY(summary_new(&options, &s));
    for (bool end = false; !end;) {
        TRY(summary_step(s, g->store, a, STEP_UNITS, &end));
        if (!end)
            TRY(task_sleep_ms(STEP_REST_MS));
    }
    show(g, s, options.now_ms);
    return OK;
}

// Units of queues that are not configured any more, and of those whose names found no room, stand
// under the label's first value.
static void show(const struct queue_gauges *g, const struct summary *s, int64_t wall_now_ms)
{
    const struct schedule_settings *settings = g->schedules;
    struct summary_group other = *summary_all(s);
    for (size_t i = 0; i < settings->queue_count; i++) {
        struct str id = settings->queues[i].id;
        const struct summary_group *found = summary_find(s, g->store, id);
        uint8_t label = metrics_label_find(g->metrics->all, LABEL_QUEUE, id);
        struct summary_group none = {.oldest_ms = wall_now_ms};
        if (label == QUEUE_OTHER)
            continue;
        show_queue(g, label, found != NULL ? found : &none, wall_now_ms);
        if (found != NULL)
            subtract(&other, found);
    }
    if (other.rcpts == 0)
        other.oldest_ms = wall_now_ms;
    show_queue(g, QUEUE_OTHER, &other, wall_now_ms);
    metric_gauge_set(g->metrics, METRIC_QUEUE_BYTES, NO_LABELS, (int64_t)summary_all(s)->bytes);
}

static void show_queue(const struct queue_gauges *g, unsigned label,
        const struct summary_group *group, int64_t wall_now_ms)
{
    const uint64_t depths[] = {[QUEUE_STATE_DUE] = group->due,
            [QUEUE_STATE_WAITING] = group->waiting,
            [QUEUE_STATE_DEFERRED] = group->deferred,
            [QUEUE_STATE_HELD] = group->held};
    for (unsigned state = 0; state < COUNT_OF(depths); state++)
        metric_gauge_set(
                g->metrics, METRIC_QUEUE_DEPTH, LABELS(label, state), (int64_t)depths[state]);
    int64_t age_ms = wall_now_ms - group->oldest_ms;
    metric_gauge_set(g->metrics, METRIC_QUEUE_OLDEST_AGE, LABELS(label), age_ms > 0 ? age_ms : 0);
}

static void subtract(struct summary_group *from, const struct summary_group *g)
{
    from->rcpts -= g->rcpts;
    from->due -= g->due;
    from->waiting -= g->waiting;
    from->deferred -= g->deferred;
    from->held -= g->held;
}
