// SPDX-License-Identifier: Apache-2.0
// rt/stack.c: slabs of stacks with guards.
#include "rt/stack.h"

#include "rt/sanitize.h"

#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define PAGE_BYTES 4096
#define WARM_MAX 256          // free stacks beyond these give their pages back
#define PAGE_GUARDS_MAX 24000 // each splits a mapping; vm.max_map_count is 65,530 by default

struct stack_slab {
    struct stack_slab *next;
    char *memory;
};

static bool slab_add(struct stack_pool *pool);
static void guard_install(struct stack_pool *pool, char *bottom);
static char *stack_bottom(char *top);
static bool free_reserve(struct stack_pool *pool, size_t count);

void stack_pool_init(struct stack_pool *pool)
{
    *pool = (struct stack_pool){.count_max = STACKS_MAX};
}

void stack_pool_done(struct stack_pool *pool)
{
    while (pool->slabs != NULL) {
        struct stack_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        sanitize_unpoison(slab->memory, (size_t)STACK_BYTES * STACK_SLAB_COUNT);
        munmap(slab->memory, (size_t)STACK_BYTES * STACK_SLAB_COUNT);
        mem_free(slab);
    }
    mem_free(pool->free);
    stack_pool_init(pool);
}

char *stack_take(struct stack_pool *pool)
{
    if (pool->free_count == 0 && !slab_add(pool))
        return NULL;
    char *top = pool->free[--pool->free_count];
    if (pool->cold_count > pool->free_count)
        pool->cold_count = pool->free_count;
    sanitize_unpoison(stack_bottom(top) + STACK_GUARD_BYTES, STACK_BYTES - STACK_GUARD_BYTES);
    return top;
}

void stack_give(struct stack_pool *pool, char *top)
{
    sanitize_unpoison(stack_bottom(top) + STACK_GUARD_BYTES, STACK_BYTES - STACK_GUARD_BYTES);
    pool->free[pool->free_count++] = top;
}

void stack_trim(char *top, const void *sp)
{
    char *bottom = stack_bottom(top) + STACK_GUARD_BYTES;
    size_t used = ((size_t)(top - (const char *)sp) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    assert(used <= STACK_BYTES - STACK_GUARD_BYTES);
    madvise(bottom, (size_t)(top - bottom) - used, MADV_DONTNEED);
}

bool stack_pool_trim(struct stack_pool *pool, size_t most)
{
    while (most-- > 0 && pool->cold_count + WARM_MAX < pool->free_count) {
        char *top = pool->free[pool->cold_count++];
        stack_trim(top, top);
    }
    return pool->cold_count + WARM_MAX < pool->free_count;
}

static bool slab_add(struct stack_pool *pool)
{
    size_t bytes = (size_t)STACK_BYTES * STACK_SLAB_COUNT;
    if (pool->count + STACK_SLAB_COUNT > pool->count_max ||
            !free_reserve(pool, pool->count + STACK_SLAB_COUNT))
        return false;
    struct stack_slab *slab = mem_new(struct stack_slab);
    if (slab == NULL)
        return false;
    slab->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (slab->memory == MAP_FAILED) {
        mem_free(slab);
        return false;
    }
    // One touched stack must cost one page, not the two megabytes of a huge one.
    madvise(slab->memory, bytes, MADV_NOHUGEPAGE);
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->mapped_bytes += bytes;
    for (size_t i = 0; i < STACK_SLAB_COUNT; i++) {
        char *bottom = slab->memory + i * STACK_BYTES;
        guard_install(pool, bottom);
        char *top = bottom + STACK_BYTES;
        sanitize_stack_register(bottom, top);
        pool->free[pool->free_count++] = top;
    }
    pool->count += STACK_SLAB_COUNT;
    pool->cold_count = pool->free_count; // never touched
    return true;
}

// There is a place for every stack, so that giving one back cannot fail.
static bool free_reserve(struct stack_pool *pool, size_t count)
{
    char **grown = mem_resize(pool->free, count * sizeof(char *));
    if (grown == NULL)
        return false;
    pool->free = grown;
    return true;
}

static void guard_install(struct stack_pool *pool, char *bottom)
{
    if (!pool->no_light_guards) {
        if (madvise(bottom, STACK_GUARD_BYTES, MADV_GUARD_INSTALL) == 0)
            return;
        pool->no_light_guards = true;
    }
    if (pool->guarded_count < PAGE_GUARDS_MAX &&
            mprotect(bottom, STACK_GUARD_BYTES, PROT_NONE) == 0)
        pool->guarded_count++;
}

static char *stack_bottom(char *top)
{
    return top - STACK_BYTES;
}
