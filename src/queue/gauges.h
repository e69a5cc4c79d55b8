// SPDX-License-Identifier: Apache-2.0
// queue/gauges.h: what waits, as numbers for whoever watches the server (queue.md 14.3): recipients
// by virtual queue and state, bytes, the age of the oldest message. Counted by a task of one
// worker, a bit at a time, as often as it is cheap.
#pragma once

#include "events/metrics.h"
#include "queue/schedule/schedule.h"
#include "queue/store/store.h"

struct queue_gauges {
    struct store *store;
    struct metrics_column *metrics; // NULL: nobody wants to know
    const struct schedule_settings *schedules;
};
// The main function of a task; `arg` is a struct queue_gauges, which must stay. Until it is
// cancelled.
struct err queue_gauges_main(void *arg) suspends MUST_USE;
// Counts once.
struct err queue_gauges_count(const struct queue_gauges *g, struct arena *a) suspends MUST_USE;
