// SPDX-License-Identifier: Apache-2.0
// listen/clients.h: how many connections each client holds on each listener, exactly, over all
// processes, in shared memory without locks. A client is known by a number of 64 bits that the
// caller makes of listener and address under a secret, so nobody can choose whom to collide with.
//
// One word holds the client's mark and its count, and changes by compare-and-swap; a word whose
// count falls to zero is free again. What each process holds is counted in its column as well, so
// that it can be given back when the process dies.
#pragma once

#include "base/base.h"
#include "rt/shared.h"

#define CLIENTS_SLOTS 32768 // four times the connections that a server takes by default
#define CLIENTS_WINDOW 16   // slots in which a client may stand
#define CLIENTS_NOWHERE UINT32_MAX

struct shared_clients {
    _Atomic uint64_t at[CLIENTS_SLOTS]; // mark in the upper bits, count in the lower
    _Atomic uint32_t held[COLUMNS_MAX][CLIENTS_SLOTS];
};

// False: the client holds `most` already. *out_slot is what to give back; CLIENTS_NOWHERE when all
// its slots are taken by others: then it is let in without being counted.
bool shared_clients_take(struct shared_clients *c, size_t column, uint64_t client, uint64_t most,
        uint32_t *out_slot);
void shared_clients_give(struct shared_clients *c, size_t column, uint32_t slot);
void shared_clients_forget(struct shared_clients *c, size_t column); // its process has died
uint64_t shared_clients_count(struct shared_clients *c, uint64_t client);
