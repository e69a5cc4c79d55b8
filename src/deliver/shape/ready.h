// SPDX-License-Identifier: Apache-2.0
// deliver/shape/ready.h: units that are due, of one destination, while they wait for a courier: the
// most urgent goes first (queue.md 6.3). A unit's urgency is the priority of its message (RFC 6710:
// -9 to 9), and one more for each quarter of an hour that it has waited, up to nine: so what is low
// goes later, and never not at all. Among equals the one that was due first goes first.
//
//     ready_line_add(&to->ready, r);
//     struct ready *next = ready_line_first(&to->ready, wall_ms());
//     ready_line_remove(next);
//
// Those of one priority stand in a list of their own, by the time at which they were due; all of
// them grow more urgent alike, so the most urgent of all is the first of some list, and the least
// urgent the last. Whoever adds a unit keeps it in memory as long as it stands there.
#pragma once

#include "base/list.h"
#include "queue/unit.h"

#define UNIT_KEY_BYTES 10
#define READY_PRIORITIES (2 * UNIT_PRIORITY_MOST + 1)
#define READY_GROWS_EACH_MS (15 * MINUTE_MS)
#define READY_GROWS_MOST 9

struct destination;

// A unit that is due, from when it is found until it is settled.
struct ready {
    struct link in_line; // while it waits for a courier, or for a permit
    struct destination *destination;
    int64_t due_ms;
    uint64_t id;
    uint16_t number;
    int8_t priority; // of its message
    // For a permit of which counter, and since when; and the connection that it would go over. See
    // deliver/blocked.c.
    uint64_t wants, way;
    uint32_t wants_most;
    bool bars_others; // of its destination: they want the same permit
    bool was_blocked;
    int64_t blocked_since_ms;
    char key[UNIT_KEY_BYTES]; // of deliverer.known
};

struct ready_line {
    struct list of[READY_PRIORITIES];
};

void ready_line_init(struct ready_line *line);
void ready_line_add(struct ready_line *line, struct ready *r);
void ready_line_remove(struct ready *r);
// NULL: nobody waits.
struct ready *ready_line_first(const struct ready_line *line, int64_t wall_now_ms);
struct ready *ready_line_last(const struct ready_line *line, int64_t wall_now_ms);

// From -9 to 18.
int ready_urgency(int priority, int64_t due_ms, int64_t wall_now_ms);
