// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_server.h: a command that changes the queue, and the server that may be running on
// it. Private to the commands of `posthaste queue`. Without a server nothing happens, and nothing
// is said.
#pragma once

#include "cli/queue/queue_store.h"

// Before a change: what its workers have written down is moved to where this process reads it, else
// one of the two changes might be lost. That it could not be is told once, and no reason not to go
// on: the versions of units are looked at all the same.
void queue_server_settle(struct queue_work *w) suspends;
// It was being delivered then.
bool queue_server_carries(const struct queue_work *w, uint64_t id);
// After it: the workers look at the queue at once.
void queue_server_look(struct queue_work *w) suspends;
