// SPDX-License-Identifier: Apache-2.0
// queue/quota/quota_table.h: the counters in shared memory, without locks. Private to the quota
// files.
//
// A counter stands in one of a few places behind that of its key. It is never moved; a place is
// taken back only by a recount, when both its counters are zero. Who adds to a counter asks
// afterwards whether it is still the same, and takes back what it added if not.
#pragma once

#include "queue/quota/quota.h"
#include "rt/shared.h"

#define QUOTA_PLACES (1 << 18) // 8 MiB of addresses; what is not used takes no memory
#define QUOTA_WINDOW 32
#define QUOTA_PENDING_MAX 1024 // of a process: what does not fit is not given back after its death
#define QUOTA_NO_PLACE SIZE_MAX

struct quota_place {
    _Atomic uint64_t key; // 0: free
    _Atomic int64_t messages, bytes;
    _Atomic int64_t touched_at_ms; // of the wall
};

struct quota_pending {
    _Atomic uint64_t key; // 0: free
    _Atomic int64_t bytes;
};

struct quota_shared {
    int64_t made_at_ms;
    _Atomic uint64_t counted_to; // ids up to this one are in the counters; UINT64_MAX: all
    _Atomic uint32_t counting;   // 1 + column of who counts, 0: nobody
    struct quota_pending pending[COLUMNS_MAX][QUOTA_PENDING_MAX];
    struct quota_place places[QUOTA_PLACES];
};

size_t quota_place_find(struct quota_shared *s, uint64_t key);
size_t quota_place_claim(struct quota_shared *s, uint64_t key); // found or made

enum quota_limit { QUOTA_FITS, QUOTA_EXCEEDED, QUOTA_UNCOUNTED };
struct quota_amount {
    uint64_t messages, bytes;         // to be added
    uint64_t messages_max, bytes_max; // 0: no limit
};
// *out_before: the level before.
enum quota_limit quota_place_add(struct quota_shared *s, uint64_t key,
        const struct quota_amount *amount, int64_t wall_now_ms, struct quota_level *out_before);
// Never below zero.
void quota_place_take(
        struct quota_shared *s, uint64_t key, uint64_t messages, uint64_t bytes, int64_t now_ms);
// What a recount has found; false: somebody was faster.
bool quota_place_set(struct quota_shared *s, size_t place, int64_t messages, int64_t bytes);

void quota_pending_add(struct quota_shared *s, size_t column, uint64_t key, uint64_t bytes);
void quota_pending_end(struct quota_shared *s, size_t column, uint64_t key, uint64_t bytes);
