// SPDX-License-Identifier: Apache-2.0
// listen/clients.c: see listen/clients.h.
//
// A client stands in at most one slot of its window. Two processes may at one moment both see none
// and claim two: so whoever has claimed a slot looks over the window again, and when the client
// stands in another one too, takes its claim back and starts again.
#include "listen/clients.h"

#include <stdatomic.h>

#define COUNT_BITS 20
#define COUNT_MASK ((1ULL << COUNT_BITS) - 1)
#define ATTEMPTS_MAX 64 // far more than two processes can disturb each other

enum taken { TAKEN_YES, TAKEN_FULL, TAKEN_AGAIN };

static uint64_t mark_of(uint64_t client);
static uint32_t slot_of(uint64_t client, uint32_t step);
static uint32_t find(struct shared_clients *c, uint64_t client, uint32_t *out_free);
static enum taken take_in(struct shared_clients *c, uint32_t slot, uint64_t mark, uint64_t most);
static bool stands_twice(struct shared_clients *c, uint64_t client, uint32_t slot);
static void lower(struct shared_clients *c, uint32_t slot, uint64_t by);

bool shared_clients_take(
        struct shared_clients *c, size_t column, uint64_t client, uint64_t most, uint32_t *out_slot)
{
    assert(column < COLUMNS_MAX);
    if (most > COUNT_MASK)
        most = COUNT_MASK;
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        uint32_t empty, slot = find(c, client, &empty);
        bool claims = slot == CLIENTS_NOWHERE;
        if (claims)
            slot = empty;
        if (slot == CLIENTS_NOWHERE)
            break;
        // The column comes first: see shared_count_take.
        atomic_fetch_add_explicit(&c->held[column][slot], 1, memory_order_relaxed);
        enum taken taken = take_in(c, slot, mark_of(client), most);
        if (taken == TAKEN_YES && claims && stands_twice(c, client, slot)) {
            lower(c, slot, 1);
            taken = TAKEN_AGAIN;
        }
        if (taken == TAKEN_YES) {
            *out_slot = slot;
            return true;
        }
        atomic_fetch_sub_explicit(&c->held[column][slot], 1, memory_order_relaxed);
        if (taken == TAKEN_FULL)
            return false;
    }
    *out_slot = CLIENTS_NOWHERE;
    return true;
}

void shared_clients_give(struct shared_clients *c, size_t column, uint32_t slot)
{
    if (slot == CLIENTS_NOWHERE)
        return;
    assert(column < COLUMNS_MAX && slot < CLIENTS_SLOTS);
    lower(c, slot, 1);
    atomic_fetch_sub_explicit(&c->held[column][slot], 1, memory_order_relaxed);
}

void shared_clients_forget(struct shared_clients *c, size_t column)
{
    assert(column < COLUMNS_MAX);
    for (uint32_t i = 0; i < CLIENTS_SLOTS; i++) {
        uint64_t held = atomic_exchange_explicit(&c->held[column][i], 0, memory_order_relaxed);
        if (held > 0)
            lower(c, i, held);
    }
}

uint64_t shared_clients_count(struct shared_clients *c, uint64_t client)
{
    uint32_t empty, slot = find(c, client, &empty);
    return slot == CLIENTS_NOWHERE ? 0 : atomic_load(&c->at[slot]) & COUNT_MASK;
}

// Never zero, so that an empty word is no client's.
static uint64_t mark_of(uint64_t client)
{
    uint64_t mark = client >> COUNT_BITS;
    return mark == 0 ? 1 : mark;
}

// The lower bits, which are not in the mark, say where the window begins.
static uint32_t slot_of(uint64_t client, uint32_t step)
{
    return ((uint32_t)client + step) % CLIENTS_SLOTS;
}

static uint32_t find(struct shared_clients *c, uint64_t client, uint32_t *out_free)
{
    *out_free = CLIENTS_NOWHERE;
    for (uint32_t i = 0; i < CLIENTS_WINDOW; i++) {
        uint32_t slot = slot_of(client, i);
        uint64_t word = atomic_load(&c->at[slot]);
        if (word >> COUNT_BITS == mark_of(client))
            return slot;
        if (word == 0 && *out_free == CLIENTS_NOWHERE)
            *out_free = slot;
    }
    return CLIENTS_NOWHERE;
}

static enum taken take_in(struct shared_clients *c, uint32_t slot, uint64_t mark, uint64_t most)
{
    uint64_t word = atomic_load(&c->at[slot]);
    for (;;) {
        if (word != 0 && word >> COUNT_BITS != mark)
            return TAKEN_AGAIN; // somebody else was quicker
        if ((word & COUNT_MASK) >= most)
            return TAKEN_FULL;
        uint64_t next = mark << COUNT_BITS | ((word & COUNT_MASK) + 1);
        if (atomic_compare_exchange_weak(&c->at[slot], &word, next))
            return TAKEN_YES;
    }
}

static bool stands_twice(struct shared_clients *c, uint64_t client, uint32_t slot)
{
    for (uint32_t i = 0; i < CLIENTS_WINDOW; i++) {
        uint32_t other = slot_of(client, i);
        if (other != slot && atomic_load(&c->at[other]) >> COUNT_BITS == mark_of(client))
            return true;
    }
    return false;
}

static void lower(struct shared_clients *c, uint32_t slot, uint64_t by)
{
    uint64_t word = atomic_load(&c->at[slot]), next;
    do
        next = (word & COUNT_MASK) > by ? word - by : 0;
    while (!atomic_compare_exchange_weak(&c->at[slot], &word, next));
}
