// SPDX-License-Identifier: Apache-2.0
// rt/shared.h: memory that the processes of one server share. The supervisor makes it before it
// forks; its address is the same in all of them. Everything in it is atomic and without locks, so
// a worker that dies in the middle of a change leaves nothing held.
//
// Every live process has a column (a small number that the supervisor gives it). What a process
// holds is counted in its column as well, so that the supervisor can give it back when it dies.
#pragma once

#include "base/base.h"

#define COLUMNS_MAX 128 // processes alive at once: two generations of workers and some

void *shared_bytes(size_t bytes) MUST_USE; // zeroed; NULL without memory; never freed

// How many of something are in use, exactly, over all processes.
struct shared_count {
    _Atomic uint64_t total;
    _Atomic uint32_t by_column[COLUMNS_MAX];
};
bool shared_count_take(struct shared_count *c, size_t column, uint64_t most); // false: all in use
void shared_count_give(struct shared_count *c, size_t column);
void shared_count_forget(struct shared_count *c, size_t column); // its process has died
uint64_t shared_count_total(struct shared_count *c);
