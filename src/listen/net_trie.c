// SPDX-License-Identifier: Apache-2.0
// listen/net_trie.c: the tries. Nodes stand in one array and know each other by their numbers, so
// that a million of them are one block of memory; a removed entry leaves its node in place.
#include "listen/net_trie.h"

#define NODES_FIRST 64

static bool put_below(
        struct net_trie *t, uint32_t *root, struct ip_key key, uint8_t prefix, uint32_t end_s);
static uint32_t *link_at(struct net_trie *t, uint32_t *root, uint32_t parent, int side);
static bool set_entry(struct net_trie *t, uint32_t node, uint32_t end_s);
static uint32_t node_add(struct net_trie *t, struct ip_key key, uint8_t prefix);
static uint32_t root_of(const struct net_trie *t, size_t level, struct ip_key key);
static bool is_covered_below(
        const struct net_trie *t, uint32_t root, struct ip_key key, uint8_t prefix, uint32_t now_s);
static size_t level_of(const struct net_trie *t, uint8_t prefix);
static struct ip_key first_bits(struct ip_key key, uint8_t count);
static uint8_t common_bits(struct ip_key a, struct ip_key b, uint8_t most);
static int bit_at(struct ip_key key, uint8_t place);

void net_trie_init(struct net_trie *t, const uint8_t bits[NET_TRIE_LEVELS], uint64_t seed)
{
    *t = (struct net_trie){0};
    for (size_t i = 0; i < NET_TRIE_LEVELS; i++) {
        t->levels[i].bits = bits[i];
        ip_set_init(&t->levels[i].roots, seed);
    }
}

void net_trie_done(struct net_trie *t)
{
    for (size_t i = 0; i < NET_TRIE_LEVELS; i++)
        ip_set_done(&t->levels[i].roots);
    mem_free(t->nodes);
    *t = (struct net_trie){0};
}

bool net_trie_put(struct net_trie *t, struct ip_key key, uint8_t prefix, uint32_t end_s)
{
    size_t level = level_of(t, prefix);
    uint32_t before = root_of(t, level, key), root = before;
    if (!put_below(t, &root, key, prefix, end_s))
        return false;
    return root == before ||
           ip_set_put(&t->levels[level].roots, first_bits(key, t->levels[level].bits), root);
}

bool net_trie_remove(struct net_trie *t, struct ip_key key, uint8_t prefix)
{
    uint32_t here = root_of(t, level_of(t, prefix), key);
    while (here != 0) {
        struct net_node *n = &t->nodes[here];
        if (n->prefix > prefix || common_bits(key, n->key, n->prefix) < n->prefix)
            return false;
        if (n->prefix == prefix) {
            bool was_entry = n->is_entry != 0;
            n->is_entry = 0;
            t->count -= was_entry;
            return was_entry;
        }
        here = n->child[bit_at(key, n->prefix)];
    }
    return false;
}

bool net_trie_covers(const struct net_trie *t, struct ip_key key, uint8_t prefix, uint32_t now_s)
{
    for (size_t i = 0; i <= level_of(t, prefix); i++)
        if (is_covered_below(t, root_of(t, i, key), key, prefix, now_s))
            return true;
    return false;
}

static bool put_below(
        struct net_trie *t, uint32_t *root, struct ip_key key, uint8_t prefix, uint32_t end_s)
{
    uint32_t parent = 0; // adding nodes moves them all: so numbers, not pointers
    int side = 0;
    for (;;) {
        uint32_t here = *link_at(t, root, parent, side);
        if (here == 0) {
            uint32_t leaf = node_add(t, key, prefix);
            if (leaf == 0)
                return false;
            *link_at(t, root, parent, side) = leaf;
            return set_entry(t, leaf, end_s);
        }
        struct net_node *n = &t->nodes[here];
        uint8_t most = prefix < n->prefix ? prefix : n->prefix;
        uint8_t common = common_bits(key, n->key, most);
        if (common == n->prefix && common == prefix)
            return set_entry(t, here, end_s);
        if (common == n->prefix) {
            parent = here;
            side = bit_at(key, n->prefix);
            continue;
        }
        uint32_t above = node_add(t, key, common); // takes the place of `here`, which goes below
        if (above == 0)
            return false;
        t->nodes[above].child[bit_at(t->nodes[here].key, common)] = here;
        *link_at(t, root, parent, side) = above; // the next round finds it
    }
}

static uint32_t *link_at(struct net_trie *t, uint32_t *root, uint32_t parent, int side)
{
    return parent == 0 ? root : &t->nodes[parent].child[side];
}

static bool set_entry(struct net_trie *t, uint32_t node, uint32_t end_s)
{
    t->count += t->nodes[node].is_entry == 0;
    t->nodes[node].is_entry = 1;
    t->nodes[node].end_s = end_s;
    return true;
}

static uint32_t node_add(struct net_trie *t, struct ip_key key, uint8_t prefix)
{
    if (t->node_count + 1 >= t->node_cap) {
        uint32_t cap = t->node_cap == 0 ? NODES_FIRST : t->node_cap + t->node_cap / 2;
        struct net_node *nodes =
                cap <= t->node_cap ? NULL : mem_resize(t->nodes, cap * sizeof(struct net_node));
        if (nodes == NULL)
            return 0;
        t->nodes = nodes;
        t->node_cap = cap;
    }
    uint32_t number = ++t->node_count;
    t->nodes[number] = (struct net_node){.key = first_bits(key, prefix), .prefix = prefix};
    return number;
}

static uint32_t root_of(const struct net_trie *t, size_t level, struct ip_key key)
{
    const struct ip_slot *slot =
            ip_set_find(&t->levels[level].roots, first_bits(key, t->levels[level].bits));
    return slot == NULL ? 0 : slot->number;
}

static bool is_covered_below(
        const struct net_trie *t, uint32_t root, struct ip_key key, uint8_t prefix, uint32_t now_s)
{
    uint32_t here = root;
    while (here != 0) {
        const struct net_node *n = &t->nodes[here];
        if (n->prefix > prefix || common_bits(key, n->key, n->prefix) < n->prefix)
            return false;
        if (n->is_entry != 0 && (n->end_s == 0 || n->end_s > now_s))
            return true;
        if (n->prefix == prefix)
            return false;
        here = n->child[bit_at(key, n->prefix)];
    }
    return false;
}

// The last level has bits for all networks of at least as many.
static size_t level_of(const struct net_trie *t, uint8_t prefix)
{
    size_t level = NET_TRIE_LEVELS - 1;
    while (t->levels[level].bits > prefix)
        level--;
    return level;
}

static struct ip_key first_bits(struct ip_key key, uint8_t count)
{
    uint64_t high = count >= 64 ? UINT64_MAX : ~(UINT64_MAX >> count);
    uint64_t low = count >= 128 ? UINT64_MAX : 0;
    if (count > 64 && count < 128)
        low = ~(UINT64_MAX >> (count - 64));
    return (struct ip_key){key.high & high, key.low & low};
}

static uint8_t common_bits(struct ip_key a, struct ip_key b, uint8_t most)
{
    int same = 128;
    if (a.high != b.high)
        same = __builtin_clzll(a.high ^ b.high);
    else if (a.low != b.low)
        same = 64 + __builtin_clzll(a.low ^ b.low);
    return same < most ? (uint8_t)same : most;
}

static int bit_at(struct ip_key key, uint8_t place)
{
    uint64_t half = place < 64 ? key.high : key.low;
    return (int)(half >> (63 - place % 64) & 1);
}
