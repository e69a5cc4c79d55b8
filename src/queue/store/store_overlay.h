// SPDX-License-Identifier: Apache-2.0
// queue/store/store_overlay.h: what is committed and not yet in LMDB, in memory: for each database
// an ordered map from keys to values, or to the word that the key is gone. Values point into the
// blocks from which the journal was written; an overlay keeps those of its groups.
//
// There are up to three of them, each above the next: the group that is just being committed, what
// was committed, and what is just being moved into LMDB, which lies below all.
#pragma once

#include "queue/store/store_keys.h"
#include "rt/segmentfile.h"

struct overlay_node {
    struct overlay_node *left, *right, *parent;
    struct str value;
    uint32_t priority;
    bool gone;    // the key is deleted, whatever lies below
    bool fresh;   // nothing below has the key: deleting it here leaves no trace
    bool changed; // by an update: it is worth nothing when its message was removed by a tool
    uint8_t key_len;
    uint8_t key[];
};

// A run of memory that groups of changes are built in, and written from.
struct block {
    struct link in_list;
    struct io_room room;
    size_t used;
};

// Bytes in memory that lie in a segment as well.
struct extent {
    const char *from;
    size_t bytes;
    uint8_t slot;
    uint32_t segment_name;
    uint64_t at;
};

struct overlay {
    struct arena *arena; // of the nodes
    VEC(struct extent) extents;
    bool is_doubted; // one of its segments had a failure: nothing is to stay in them
    struct overlay_node *root[DB_COUNT];
    struct list blocks;
    int64_t more[DB_COUNT]; // so many entries more (or fewer) than there are below
    size_t bytes;           // of its groups
    size_t nodes;           // in the trees
    uint64_t last_sequence; // of its groups; 0: it has none
    int64_t since_ms;       // when its first group was committed
    uint64_t chance;        // where priorities come from
};

void overlay_init(struct overlay *o, struct arena *arena);

struct overlay_change {
    enum store_db db;
    struct str key, value;
    bool gone, fresh, changed;
};

// False: no memory.
bool overlay_put(struct overlay *o, const struct overlay_change *change) MUST_USE;
// All changes of `from` on top of those of `to`, which keeps the nodes: they are in one
// arena. `from` is empty then, but for its blocks.
void overlay_merge(struct overlay *to, struct overlay *from);
// As if nothing had been put; the arena stays as it is.
void overlay_forget(struct overlay *o);

const struct overlay_node *overlay_find(const struct overlay *o, enum store_db db, struct str key);
// The first at or behind the key (downwards: at or before it); a null key means from the end.
const struct overlay_node *overlay_seek(
        const struct overlay *o, enum store_db db, struct str key, bool downwards);
const struct overlay_node *overlay_after(const struct overlay_node *node, bool downwards);
// Values that lie in one run of memory lie in another now.
void overlay_rebase(struct overlay *o, struct str from, const char *to);

static inline struct str node_key(const struct overlay_node *node)
{
    return str_of((const char *)node->key, node->key_len);
}
