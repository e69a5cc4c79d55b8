// SPDX-License-Identifier: Apache-2.0
// listen/ip_set.h: single addresses, each with a number (when it ends, for the lists; where its
// trie begins, for listen/net_trie.h), in a hash table; a part of listen/nets.h. Keys are addresses
// as two numbers (IPv4 as its v4-mapped form), hashed under a seed, because those who get
// themselves blocked choose what they are blocked as.
#pragma once

#include "base/base.h"

struct ip_key {
    uint64_t high, low; // of the 16 bytes, big endian
};

struct ip_slot {
    struct ip_key key;
    uint32_t number;
    uint32_t used;
};

struct ip_set {
    struct ip_slot *slots;
    size_t slot_count, count;
    uint64_t seed;
};

void ip_set_init(struct ip_set *s, uint64_t seed);
void ip_set_done(struct ip_set *s);
bool ip_set_put(struct ip_set *s, struct ip_key key, uint32_t number) MUST_USE; // false: no memory
bool ip_set_remove(struct ip_set *s, struct ip_key key);
const struct ip_slot *ip_set_find(const struct ip_set *s, struct ip_key key); // NULL: not there
