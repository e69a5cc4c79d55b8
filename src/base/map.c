// SPDX-License-Identifier: Apache-2.0
// base/map.c: the hash map. Entries stand in an array in order of insertion; `slots` is an open
// hash table of indices into it, probed linearly and never more than half full. A removed entry
// leaves a gap in the array; its slot is closed by moving later ones back, so there are no
// tombstones to wade through. When the array is full, both are built anew for the entries that
// live: that grows, closes gaps and shrinks with one piece of code.
#define POSTHASTE_BASE_ROOM
#include "base/map.h"

#include "base/hash.h"

#define ENTRIES_FIRST 8
#define ENTRIES_MOST ((size_t)UINT32_MAX / 4) // indices and their doubles fit into 32 bits

static size_t slot_find(const struct map *m, struct str key, uint64_t hash);
static size_t slot_after(const struct map *m, size_t slot);
static void slot_close(struct map *m, size_t slot);
static bool map_rebuild(struct map *m);
static void slot_take(uint32_t *slots, size_t slot_count, uint64_t hash, size_t entry);

void map_init(struct map *m, uint64_t seed0, uint64_t seed1)
{
    *m = (struct map){.seed = {seed0, seed1}};
}

void map_done(struct map *m)
{
    free(m->entries);
    free(m->slots);
    map_init(m, m->seed[0], m->seed[1]);
}

bool map_put(struct map *m, struct str key, void *value)
{
    if (str_is_null(key))
        key = S("");
    uint64_t hash = hash_sip24(m->seed[0], m->seed[1], key);
    size_t slot = slot_find(m, key, hash);
    if (slot < m->slot_count) {
        struct map_entry *old = &m->entries[m->slots[slot] - 1];
        old->key = key;
        old->value = value;
        return true;
    }
    if (m->entry_count == m->entry_cap && !map_rebuild(m))
        return false;
    m->entries[m->entry_count] = (struct map_entry){.key = key, .value = value, .hash = hash};
    slot_take(m->slots, m->slot_count, hash, m->entry_count);
    m->entry_count++;
    m->live_count++;
    return true;
}

void *map_get(const struct map *m, struct str key)
{
    size_t slot = slot_find(m, key, hash_sip24(m->seed[0], m->seed[1], key));
    return slot < m->slot_count ? m->entries[m->slots[slot] - 1].value : NULL;
}

bool map_has(const struct map *m, struct str key)
{
    return slot_find(m, key, hash_sip24(m->seed[0], m->seed[1], key)) < m->slot_count;
}

bool map_remove(struct map *m, struct str key)
{
    size_t slot = slot_find(m, key, hash_sip24(m->seed[0], m->seed[1], key));
    if (slot >= m->slot_count)
        return false;
    m->entries[m->slots[slot] - 1] = (struct map_entry){0};
    slot_close(m, slot);
    m->live_count--;
    while (m->entry_first < m->entry_count && str_is_null(m->entries[m->entry_first].key))
        m->entry_first++;
    return true;
}

bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value)
{
    if (*at < m->entry_first)
        *at = m->entry_first;
    while (*at < m->entry_count) {
        const struct map_entry *e = &m->entries[(*at)++];
        if (str_is_null(e->key))
            continue;
        *out_key = e->key;
        *out_value = e->value;
        return true;
    }
    return false;
}

// The slot that holds the key, or slot_count.
static size_t slot_find(const struct map *m, struct str key, uint64_t hash)
{
    if (m->slot_count == 0)
        return 0;
    size_t slot = hash & (m->slot_count - 1);
    while (m->slots[slot] != 0) {
        const struct map_entry *e = &m->entries[m->slots[slot] - 1];
        if (e->hash == hash && str_eq(e->key, key))
            return slot;
        slot = slot_after(m, slot);
    }
    return m->slot_count;
}

static size_t slot_after(const struct map *m, size_t slot)
{
    return (slot + 1) & (m->slot_count - 1);
}

// Frees a slot. A later one of the same run moves into the gap unless that would put it before the
// slot where its own search begins.
static void slot_close(struct map *m, size_t slot)
{
    size_t mask = m->slot_count - 1;
    for (size_t at = slot_after(m, slot); m->slots[at] != 0; at = slot_after(m, at)) {
        size_t home = m->entries[m->slots[at] - 1].hash & mask;
        if (((at - home) & mask) < ((at - slot) & mask))
            continue;
        m->slots[slot] = m->slots[at];
        slot = at;
    }
    m->slots[slot] = 0;
}

static bool map_rebuild(struct map *m)
{
    size_t cap = ENTRIES_FIRST;
    while (cap < m->live_count * 2)
        cap *= 2;
    if (cap > ENTRIES_MOST)
        return false;
    struct map_entry *entries = calloc(cap, sizeof(*entries));
    uint32_t *slots = calloc(cap * 2, sizeof(*slots));
    if (entries == NULL || slots == NULL) {
        free(entries);
        free(slots);
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < m->entry_count; i++) {
        if (str_is_null(m->entries[i].key))
            continue;
        entries[count] = m->entries[i];
        slot_take(slots, cap * 2, entries[count].hash, count);
        count++;
    }
    free(m->entries);
    free(m->slots);
    m->entries = entries;
    m->slots = slots;
    m->entry_count = count;
    m->entry_cap = cap;
    m->slot_count = cap * 2;
    m->entry_first = 0;
    return true;
}

static void slot_take(uint32_t *slots, size_t slot_count, uint64_t hash, size_t entry)
{
    size_t slot = hash & (slot_count - 1);
    while (slots[slot] != 0)
        slot = (slot + 1) & (slot_count - 1);
    slots[slot] = (uint32_t)(entry + 1);
}
