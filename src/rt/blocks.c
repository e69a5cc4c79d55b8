// SPDX-License-Identifier: Apache-2.0
// rt/blocks.c: a short stack of free blocks.
#include "rt/blocks.h"

struct block_pool {
    char *free[BLOCKS_POOLED_MAX];
    size_t count;
};

struct block_pool *block_pool_new(void)
{
    return mem_new(struct block_pool);
}

void block_pool_free(struct block_pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->count > 0)
        mem_free(pool->free[--pool->count]);
    mem_free(pool);
}

char *block_take(struct block_pool *pool)
{
    if (pool->count > 0)
        return pool->free[--pool->count];
    return mem_resize(NULL, BLOCK_BYTES);
}

void block_give(struct block_pool *pool, char *block)
{
    if (block != NULL && pool->count < BLOCKS_POOLED_MAX)
        pool->free[pool->count++] = block;
    else
        mem_free(block);
}
