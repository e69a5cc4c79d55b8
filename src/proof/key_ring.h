// SPDX-License-Identifier: Apache-2.0
// proof/key_ring.h: the public keys that a message's signatures name. Each name is asked for once,
// all at the same time, while the body is still on its way.
//
//     struct key_ring keys AUTO(key_ring_end);
//     key_ring_begin(&keys, resolver, arena);
//     TRY(key_ring_want(&keys, S("s1"), S("example.org"), &entry));  // the question is on its way
//     TRY(key_ring_wait(entry));                                     // suspends
//
// The ring belongs to the function that began it, in one task.
#pragma once

#include "base/base.h"
#include "base/list.h"

#include "rt/rt.h"

struct resolver;
struct key_cache;

#define KEY_RING_ENTRIES_MAX 200 // signatures of DKIM and 50 sets of ARC, all by different hands

struct key_ring {
    struct resolver *resolver;
    struct arena *arena;
    struct key_cache *cache; // of the worker (proof/key_cache.h); NULL: none
    struct list entries;
    size_t count;
    struct group group;
};

enum key_entry_state { KEY_ASKING, KEY_FOUND, KEY_NOT_FOUND, KEY_TROUBLE };

struct key_entry {
    struct link link;
    struct key_ring *ring;
    struct str name; // "s1._domainkey.example.org"
    enum key_entry_state state;
    struct str trouble;        // of KEY_TROUBLE: what went wrong
    const struct str *records; // joined texts, in the order of the answer
    size_t count;
    struct waitq done;
};

// The cache may be set behind it.
void key_ring_begin(struct key_ring *k, struct resolver *r, struct arena *a);
void key_ring_end(struct key_ring *k) suspends;
// ERR_LIMIT: no memory, or too many keys.
struct err key_ring_want(struct key_ring *k, struct str selector, struct str domain,
        struct key_entry **out) MUST_USE;
// Until the answer is there; when the deadline passes before, the entry stays KEY_ASKING.
// An error: the task was cancelled.
struct err key_ring_wait(struct key_entry *e) suspends MUST_USE;
