// SPDX-License-Identifier: Apache-2.0
// server/sockets.h: the listening sockets, which belong to the supervisor and outlive generations.
// With reuse-port there is one socket for each worker slot and address, so that the kernel spreads
// connections; else one for each address.
//
// Change of generations in three steps: sockets_want binds what the new one needs and has not yet
// (a failure leaves all as it was), the workers start, sockets_settle closes what nobody wants.
#pragma once

#include "server/plan.h"
#include "server/worker.h"

struct sockets;

struct sockets *sockets_new(void);
void sockets_free(struct sockets *set); // closes all; NULL is fine
struct err sockets_want(struct sockets *set, const struct plan *plan, struct arena *a) MUST_USE;
void sockets_settle(struct sockets *set, const struct plan *plan);
// Those of one worker slot, in memory of the arena.
struct err sockets_of(struct sockets *set, const struct plan *plan, size_t slot, struct arena *a,
        struct worker_socket **out, size_t *out_count) MUST_USE;
