// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_rule.h: a standing rule as `posthaste queue rule add` is told of it, and what it
// does to the mail that waits already. Private to the commands of the queue.
#pragma once

#include "cli/queue/queue_store.h"

#include "queue/control/standing.h"

// With its options; without an id.
struct err queue_rule_read(struct cli *c, int64_t wall_now_ms, struct standing_rule *out) MUST_USE;
store_wanted_fn queue_rule_wants; // `filter` is a struct standing_rule
// Holds the unit, or makes it due, for who delivers to give it up. False: it stays as it is.
bool queue_rule_change(const struct queue_work *w, const struct standing_rule *rule,
        const struct message *m, struct unit *u);
