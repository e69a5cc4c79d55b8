// SPDX-License-Identifier: Apache-2.0
// listen/ip_set.c: open addressing with linear probing. A table is at most 7/8 full and grows by
// half; any size will do, since a hash is scaled to a place instead of masked. Removing shifts
// back what was probed past, so there are no tombstones.
#include "listen/ip_set.h"

#include "base/hash.h"

#define SLOTS_FIRST 64

static bool grow(struct ip_set *s);
static size_t home_of(const struct ip_set *s, struct ip_key key);
static size_t place_of(const struct ip_set *s, struct ip_key key);
static size_t after(const struct ip_set *s, size_t place);
static bool same(struct ip_key a, struct ip_key b);

void ip_set_init(struct ip_set *s, uint64_t seed)
{
    *s = (struct ip_set){.seed = seed};
}

void ip_set_done(struct ip_set *s)
{
    mem_free(s->slots);
    ip_set_init(s, s->seed);
}

bool ip_set_put(struct ip_set *s, struct ip_key key, uint32_t number)
{
    if (s->count >= s->slot_count - s->slot_count / 8 && !grow(s))
        return false;
    struct ip_slot *slot = &s->slots[place_of(s, key)];
    s->count += slot->used == 0;
    *slot = (struct ip_slot){.key = key, .number = number, .used = 1};
    return true;
}

const struct ip_slot *ip_set_find(const struct ip_set *s, struct ip_key key)
{
    if (s->count == 0)
        return NULL;
    const struct ip_slot *slot = &s->slots[place_of(s, key)];
    return slot->used != 0 ? slot : NULL;
}

bool ip_set_remove(struct ip_set *s, struct ip_key key)
{
    if (ip_set_find(s, key) == NULL)
        return false;
    size_t hole = place_of(s, key);
    for (size_t at = after(s, hole); s->slots[at].used != 0; at = after(s, at)) {
        // One may move into the hole when its home is not between the hole and where it is.
        size_t home = home_of(s, s->slots[at].key);
        bool between = hole <= at ? hole < home && home <= at : hole < home || home <= at;
        if (between)
            continue;
        s->slots[hole] = s->slots[at];
        hole = at;
    }
    s->slots[hole] = (struct ip_slot){0};
    s->count--;
    return true;
}

static bool grow(struct ip_set *s)
{
    size_t slot_count = s->slot_count == 0 ? SLOTS_FIRST : s->slot_count + s->slot_count / 2;
    struct ip_set grown = {.slot_count = slot_count, .seed = s->seed};
    grown.slots = mem_bytes(slot_count * sizeof(struct ip_slot));
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].used != 0)
            grown.slots[place_of(&grown, s->slots[i].key)] = s->slots[i];
    grown.count = s->count;
    mem_free(s->slots);
    *s = grown;
    return true;
}

static size_t home_of(const struct ip_set *s, struct ip_key key)
{
    uint64_t hash = hash_sip24(s->seed, ~s->seed, str_of((const char *)&key, sizeof(key)));
    return (size_t)((unsigned __int128)hash * s->slot_count >> 64);
}

// Where the key is, or would be put. There is always a free slot, so this ends.
static size_t place_of(const struct ip_set *s, struct ip_key key)
{
    size_t place = home_of(s, key);
    while (s->slots[place].used != 0 && !same(s->slots[place].key, key))
        place = after(s, place);
    return place;
}

static size_t after(const struct ip_set *s, size_t place)
{
    return place + 1 == s->slot_count ? 0 : place + 1;
}

static bool same(struct ip_key a, struct ip_key b)
{
    return a.high == b.high && a.low == b.low;
}
