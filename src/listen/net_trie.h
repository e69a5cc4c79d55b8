// SPDX-License-Identifier: Apache-2.0
// listen/net_trie.h: networks with an end each, in binary tries in which runs of single children
// are one edge; a part of listen/nets.h. One family a net_trie: keys have their bits from the top.
//
// One trie of a million networks is 20 nodes deep, and nearly each of them costs a look into main
// memory: 1.9 us were measured. So there are a few levels: a network of at least as many bits as a
// level has stands in a trie of its own for these first bits, found by hash (0.4 us then).
#pragma once

#include "listen/ip_set.h"

struct net_node {
    struct ip_key key; // bits beyond the prefix are zero
    uint32_t child[2]; // 0: none
    uint32_t end_s;    // since 1970; 0: none
    uint8_t prefix;
    uint8_t is_entry; // else it is only where two branches part
};

#define NET_TRIE_LEVELS 4

struct net_trie {
    struct net_node *nodes; // [0] is not used
    uint32_t node_count, node_cap;
    struct {
        uint8_t bits;          // of the keys in roots
        struct ip_set roots;   // first bits -> number of a node
    } levels[NET_TRIE_LEVELS]; // fewest bits first
    size_t count;              // entries
};

void net_trie_init(struct net_trie *t, const uint8_t bits[NET_TRIE_LEVELS], uint64_t seed);
void net_trie_done(struct net_trie *t);
bool net_trie_put(struct net_trie *t, struct ip_key key, uint8_t prefix, uint32_t end_s) MUST_USE;
bool net_trie_remove(struct net_trie *t, struct ip_key key, uint8_t prefix);
// Is there an entry, not ended, that covers all of key/prefix?
bool net_trie_covers(const struct net_trie *t, struct ip_key key, uint8_t prefix, uint32_t now_s);
