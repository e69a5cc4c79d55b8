// SPDX-License-Identifier: Apache-2.0
// rt/blocks.h: the buffers of streams, borrowed only while there are bytes in them. Private to rt/.
#pragma once

#include "base/base.h"

#define BLOCK_BYTES (16 * KIB)
#define BLOCKS_POOLED_MAX 64 // free ones beyond these go back to the system

struct block_pool;

struct block_pool *block_pool_new(void);
void block_pool_free(struct block_pool *pool);
char *block_take(struct block_pool *pool);             // NULL without memory
void block_give(struct block_pool *pool, char *block); // NULL is fine
