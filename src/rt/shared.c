// SPDX-License-Identifier: Apache-2.0
// rt/shared.c: counting over processes by compare-and-swap.
#include "rt/shared.h"

#include <stdatomic.h>
#include <sys/mman.h>

void *shared_bytes(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

// The column is raised first: a death between the two steps then gives back one too many of a
// total that was not raised, which shared_count_forget bounds at zero, rather than losing a slot
// for ever.
bool shared_count_take(struct shared_count *c, size_t column, uint64_t most)
{
    assert(column < COLUMNS_MAX);
    uint64_t now = atomic_load_explicit(&c->total, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->by_column[column], 1, memory_order_relaxed);
    while (now < most)
        if (atomic_compare_exchange_weak_explicit(
                    &c->total, &now, now + 1, memory_order_relaxed, memory_order_relaxed))
            return true;
    atomic_fetch_sub_explicit(&c->by_column[column], 1, memory_order_relaxed);
    return false;
}

void shared_count_give(struct shared_count *c, size_t column)
{
    assert(column < COLUMNS_MAX);
    atomic_fetch_sub_explicit(&c->total, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&c->by_column[column], 1, memory_order_relaxed);
}

void shared_count_forget(struct shared_count *c, size_t column)
{
    assert(column < COLUMNS_MAX);
    uint64_t held = atomic_exchange_explicit(&c->by_column[column], 0, memory_order_relaxed);
    uint64_t now = atomic_load_explicit(&c->total, memory_order_relaxed);
    uint64_t left;
    do
        left = now > held ? now - held : 0;
    while (!atomic_compare_exchange_weak_explicit(
            &c->total, &now, left, memory_order_relaxed, memory_order_relaxed));
}

uint64_t shared_count_total(struct shared_count *c)
{
    return atomic_load_explicit(&c->total, memory_order_relaxed);
}
