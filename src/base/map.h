// SPDX-License-Identifier: Apache-2.0
// base/map.h: a hash map from slices to pointers, in memory of its own. Keys are not copied: they
// must live as long as their entry. SipHash under a key given at the start, so that peers who
// choose the keys cannot choose the collisions. Order of iteration is the order of insertion.
//
//     struct map m;
//     map_init(&m, seed0, seed1);
//     if (!map_put(&m, name, account))
//         return fail(ERR_LIMIT, "no memory for another account");
//     for (size_t i = 0; map_next(&m, &i, &key, &value);)
//         ...                                  // may remove entries, must not put new ones
//     map_done(&m);
#pragma once

#include "base/base.h"

struct map_entry {
    struct str key; // null: removed
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries; // in order of insertion, with gaps where some were removed
    uint32_t *slots;           // index + 1 into entries, 0 = free; twice as many as entries
    size_t entry_count, entry_cap, slot_count, live_count;
    size_t entry_first; // no live entry stands before it: taking the oldest again and again is fast
    uint64_t seed[2];
};

void map_init(struct map *m, uint64_t seed0, uint64_t seed1); // 0, 0 where no peer picks the keys
void map_done(struct map *m); // frees; the map may be used again, empty
// Replaces (the key too, in its old place of the order); false: no memory. A null key is the empty
// key.
bool map_put(struct map *m, struct str key, void *value) MUST_USE;
void *map_get(const struct map *m, struct str key); // NULL when absent
bool map_has(const struct map *m, struct str key);  // also for an entry whose value is NULL
bool map_remove(struct map *m, struct str key);     // false: it was not there
static inline size_t map_count(const struct map *m)
{
    return m->live_count;
}
bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value);
