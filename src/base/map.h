// SPDX-License-Identifier: Apache-2.0
// base/map.h: a hash map from slices to pointers, in memory of its own. Keys are not copied: they
// must live as long as their entry. SipHash under a key given at the start, so that peers who
// choose the keys cannot choose the collisions. Order of iteration is the order of insertion.
#pragma once

#include "base/base.h"

struct map_entry {
    struct str key;
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries; // in order of insertion; a removed one has a null key
    uint32_t *slots;           // index + 1 into entries, 0 = free
    size_t entry_count, entry_cap, slot_count, live_count;
    uint64_t seed[2];
};

void map_init(struct map *m, uint64_t seed0, uint64_t seed1); // 0, 0 where no peer picks the keys
void map_done(struct map *m);
bool map_put(struct map *m, struct str key, void *value) MUST_USE; // replaces; false: no memory
void *map_get(const struct map *m, struct str key);                // NULL when absent
bool map_remove(struct map *m, struct str key);
static inline size_t map_count(const struct map *m)
{
    return m->live_count;
}
// for (size_t i = 0; map_next(m, &i, &key, &value);)
bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value);
