// SPDX-License-Identifier: Apache-2.0
// queue/store/store_lmdb.h: what the files of the embedded store share. docs/queue-store.md tells
// how its parts work together, and what is true at every moment.
#pragma once

#include "queue/store/journal.h"
#include "queue/store/store_overlay.h"

#include <lmdb.h>

#define GENERATION_BYTES_MAX (64 * MIB) // of its nodes; it is moved long before

// What is committed and was not moved into LMDB yet; an arena and the overlay in it.
struct generation {
    struct arena arena;
    struct overlay overlay;
};

// What may or may not be on disk.
struct doubtful {
    uint64_t id;
    bool is_imported;
    struct store_origin origin; // of one that is
};

struct store {
    struct arena arena; // of the names
    struct store_options options;
    MDB_env *env;
    MDB_dbi db[DB_COUNT];
    bool has_summary;  // an older version's store has none, until somebody may write it
    bool has_imported; // nor this
    uint64_t identity;
    _Atomic bool broken; // LMDB will have nothing more to do with this handle: see store_mend
    _Atomic enum err_kind broken_by; // what those hear who come before it is mended
    struct id_maker ids;
    uint64_t last_id; // that was given
    struct {
        const char *from, *to; // of LMDB's map, as far as anything was read from it
        size_t entries;        // read since its pages were given back
    } touched;
    // Group commit. `waiting` are the requests of tasks; one of these tasks leads.
    struct list waiting;
    bool committing;
    struct waitq moved; // also wakes when a generation was moved
    struct buf scratch; // of who builds an entry, one at a time
    struct block *block;
    struct list free_blocks;
    size_t free_block_count;
    uint8_t folders_seen[(1 << 16) / 8]; // of bodies, a bit each: see store_move.c
    // Without a journal: messages whose commit failed in such a way that they may be there: removed
    // before anything else.
    VEC(struct doubtful) doubtful;
    struct store_news *news; // NULL: nobody wants to know
    // With one.
    struct journal *journal;      // NULL: none
    struct overlay pending;       // the group that is being committed
    struct generation *committed; // the younger generation
    struct generation *moving;    // the one that goes into LMDB; NULL: none
    struct generation generations[2];
    bool entry_open;        // `pending` is in use: the younger generation must not change its name
    bool generation_wanted; // when it is closed
    bool move_runs;         // somebody moves
    uint64_t moves;         // generations that were moved
    bool is_stuck;          // the last attempt to move failed
    int64_t stuck_at_ms;    // when
    struct waitq work;      // for who tends: there is something to move,
    struct waitq segments_used; // or a segment to make
};

MDB_val val_of(struct str s);
static inline MDB_val key_val(const struct key *key)
{
    return val_of(key_str(key));
}
struct str val_str(const MDB_val *val);

// What LMDB says, in words for a person, with the kind that fits.
// On either thread: an error after which LMDB must be opened anew.
void store_break(struct store *store, int rc);
struct err store_trouble(struct arena *a, int rc, const char *doing) MUST_USE;
// After MDB_PANIC: the handle is closed and opened again, so that the store is as it lies on disk.
struct err store_mend(struct store *store, struct arena *a) MUST_USE;

struct str blob_path(struct store *store, struct arena *a, const uint8_t digest[BODY_DIGEST_BYTES]);
// The file of a body under the name by which it arrived.
struct str claim_path(struct store *store, struct arena *a, uint64_t claim);

// --- Seeing all layers as one (store_view.c) -----------------------------------------------------

// For the length of a function that does not suspend.
struct view {
    struct store *store;
    MDB_txn *txn;
    const struct overlay *layers[3]; // the uppermost first
    size_t layer_count;
    bool is_of_map; // what it gives from LMDB lies in its map, and in no page that is just written
};
// What is committed; with `pending` also what the open entry says.
struct err view_begin(struct store *store, struct arena *a, struct view *out) MUST_USE;
void view_add_pending(struct view *view);
void view_end(struct view *view);
// Of a transaction that writes, with the entry's changes above it.
struct view view_of(struct store *store, MDB_txn *txn);

// 0, MDB_NOTFOUND, or LMDB's error. What they give is good as long as the view.
int view_get(const struct view *view, enum store_db db, struct str key, struct str *out);
struct view_cursor {
    const struct view *view;
    enum store_db db;
    bool downwards;
    MDB_cursor *cursor;
    int below; // LMDB's result of the last step
    MDB_val below_key, below_value;
    const struct overlay_node *nodes[3];
    struct str key, value;
};
int view_open(const struct view *view, enum store_db db, struct view_cursor *out);
// At or behind the key (downwards: at or before); a null key: from the end.
int view_seek(struct view_cursor *c, struct str key, bool downwards);
int view_next(struct view_cursor *c);
void view_close(struct view_cursor *c);
// Under which id it was taken, or is here; 0, MDB_NOTFOUND, or LMDB's error.
int view_imported(const struct view *view, const struct store_origin *origin, uint64_t *out_id);
// The claim of a body that was not moved yet.
bool view_claim(const struct view *view, const uint8_t digest[BODY_DIGEST_BYTES], uint64_t *out);

// --- From changes to an entry (store_entry.c) ----------------------------------------------------

// A group of changes as puts and deletes of keys, in a block as the journal will have it, and in
// the overlay `pending`.
struct entry {
    struct store *store;
    struct arena *arena; // for errors
    struct view view;
    size_t start;     // in the store's block
    size_t bytes;     // so far, with the head
    uint32_t changes; // puts and deletes
    bool no_memory;
};
// For so many bytes of bodies, and what comes with them.
bool entry_begin(struct store *store, struct arena *a, size_t bytes, struct entry *out) MUST_USE;
// Does the change fit what is stored, and what the entry says already?
struct err entry_check(struct entry *e, const struct store_change *change) MUST_USE;
void entry_add(struct entry *e, const struct store_change *change);
// Removes what can be removed of a message, whatever state it is in.
int entry_remove(struct entry *e, uint64_t id);
// One of that origin may be taken again.
void entry_remove_origin(struct entry *e, const struct store_origin *origin);
struct err entry_trouble(const struct entry *e) MUST_USE;
// Whole blocks, padded, with the head that says so.
struct str entry_finish(struct entry *e, const struct journal_head *head);
void entry_forget(struct entry *e); // as if it had never been

void blocks_give_back(struct store *store, struct list *blocks);
void blocks_free(struct list *blocks);

// --- What cannot be read (store_clean.c) ---------------------------------------------------------

// The bytes of a record as a file of the folder `quarantine`, synced; one of that name goes.
// Blocks.
struct err quarantine_keep(struct store *store, struct arena *a, enum store_db db, struct str key,
        struct str value) MUST_USE;

// --- Into LMDB (store_move.c) --------------------------------------------------------------------

// Writes an overlay into a transaction and commits it; afterwards sees to the files of bodies. On a
// helper thread. `sequence` is noted as the last of the slot that is moved; 0: nothing is.
struct err overlay_apply(struct store *store, struct arena *a, MDB_txn *txn,
        const struct overlay *overlay, const struct slot_state *slot) MUST_USE;
struct err slot_state_read(
        struct store *store, struct arena *a, uint8_t slot, struct slot_state *out) MUST_USE;
// A task that commits without a pause would never leave a moment in which a generation can end: so
// it ends one itself, when that is wanted.
void generation_begin(struct store *store);
// Moves one generation, or waits for who is just doing something that is in its way: call it again
// until nothing is left.
struct err move_some(struct store *store, struct arena *a) suspends MUST_USE;
static inline size_t generation_bytes(const struct generation *g)
{
    return g->overlay.bytes + g->arena.used_bytes;
}
static inline size_t unmoved_bytes(const struct store *store)
{
    return generation_bytes(store->committed) +
           (store->moving != NULL ? generation_bytes(store->moving) : 0);
}
