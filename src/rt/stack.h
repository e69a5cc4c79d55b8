// SPDX-License-Identifier: Apache-2.0
// rt/stack.h: stacks of tasks. They are cut from slabs of address space and pooled; only touched
// pages cost memory. A guard below each turns an overflow into a crash at once: lightweight guard
// regions where the kernel has them (Linux 6.13), else an inaccessible page. On older kernels a
// process may have some 65,000 mappings only, so stacks beyond the 24,000th have no guard there.
#pragma once

#include "base/base.h"
#include "base/list.h"

#if defined(__SANITIZE_ADDRESS__)
#define RT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_ASAN 1
#endif
#endif
#ifndef RT_ASAN
#define RT_ASAN 0
#endif

#define STACK_GUARD_BYTES 4096
// Guard included. An odd number of pages: the tops of all stacks, where the busy lines of all tasks
// are, would else compete for the same few sets of the processor's caches.
#define STACK_BYTES (RT_ASAN ? 260 * KIB : 68 * KIB)
#define STACK_SLAB_COUNT 64

#define STACKS_MAX 200000 // 13 GiB of address space; a worker has no use for more tasks

struct stack_pool {
    char **free; // their tops; the last is used next, for its pages are warm
    size_t free_count;
    size_t cold_count; // of `free`, from its beginning, are without memory
    size_t count, count_max;
    struct stack_slab *slabs;
    size_t mapped_bytes, guarded_count;
    bool no_light_guards;
};

void stack_pool_init(struct stack_pool *pool);
void stack_pool_done(struct stack_pool *pool); // all stacks must be back
// The address behind the stack's last byte. NULL: no memory, or as many as there may be.
char *stack_take(struct stack_pool *pool);
void stack_give(struct stack_pool *pool, char *top);
// Gives back the pages of a waiting stack below `sp`.
void stack_trim(char *top, const void *sp);
// Takes the memory of free stacks, but for some that will be used next; of `most` at once. True:
// there are more.
bool stack_pool_trim(struct stack_pool *pool, size_t most);
