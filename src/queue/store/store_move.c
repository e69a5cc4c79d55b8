// SPDX-License-Identifier: Apache-2.0
// queue/store/store_move.c: from the overlays into LMDB. What was committed since the last time
// becomes the generation that moves; a new one takes its place; a helper thread writes the old one,
// in the order of its keys, and in the same transaction notes that the slot is moved up to its last
// entry. So after a crash each entry is applied exactly once. Then its memory and its segments are
// free.
//
// A move that fails is tried again; until it succeeds all stays in the journal and in memory.
//
// Files of bodies: a link that is put gives the file its final name, inside the transaction, if no
// other message did already. When the transaction is on disk the name of arrival goes. A file whose
// last link was deleted goes afterwards, under the lock of a further transaction and only if there
// is still no link: so it cannot go away under somebody who links it at that moment.
#include "queue/store/store_kept.h"
#include "queue/store/summary_row.h"

#include "rt/blobfile.h"
#include "rt/clock.h"
#include "rt/diskspace.h"
#include "rt/offload.h"

#include <errno.h>

#define MOVE_ARENA_BYTES (64 * MIB) // names of files
#define RETRY_AFTER_MS SECOND_MS

struct moving {
    struct store *store;
    struct arena arena;
    struct slot_state slot; // as it is on disk when the move has succeeded
    struct list segments;   // that hold nothing else
    struct err result;
};

struct applying {
    struct store *store;
    struct arena *arena;
    MDB_txn *txn;
    VEC(struct str) arrived; // names that go when all is on disk
    VEC(struct key) unlinked;
    VEC(struct kept) left; // segments that a message has left
    bool keeps;            // bodies may stay in segments
    struct summary_maker summary;
    MDB_cursor *rows; // of it
};

static void end_generation(struct store *store);
static void move_work(void *arg);
static void give_segments(struct moving *m);
static struct err move_into(struct moving *m);
static int apply_database(struct applying *ap, const struct overlay *overlay, enum store_db db);
static int apply_node(struct applying *ap, const struct overlay *overlay, MDB_cursor *cursor,
        enum store_db db, const struct overlay_node *node);
static int apply_gone(
        struct applying *ap, MDB_cursor *cursor, enum store_db db, const struct overlay_node *node);
static bool is_orphan(struct applying *ap, enum store_db db, const struct overlay_node *node);
static bool has(struct applying *ap, enum store_db db, const struct key *key);
static int link_file(struct applying *ap, const struct overlay_node *node);
static struct err see_to_folders(
        struct applying *ap, struct str file, const uint8_t *digest) MUST_USE;
static void note_unlinked(struct applying *ap, const struct overlay_node *node);
static int write_slot_state(struct applying *ap, const struct slot_state *slot);
static int commit(struct applying *ap);
static bool disk_is_full(struct applying *ap);
static void remove_files(struct applying *ap);
static bool is_linked(struct applying *ap, const struct key *key);
static void tidy_segments(struct applying *ap);
static struct err wait_for_work(struct store *store) suspends;
static int64_t work_due_in_ms(const struct store *store);
static struct err keep_spares(void *arg) suspends;
static void see_to_segments(struct store *store) suspends;

// --- Who moves -----------------------------------------------------------------------------------

struct err store_tend(void *arg)
{
    struct store *store = arg;
    struct group helpers AUTO(group_end);
    group_begin(&helpers);
    if (store->journal == NULL)
        return OK; // there is nothing to move
    task_describe("the queue's journal", NULL);
    TRY(group_spawn(&helpers, keep_spares, store)); // a move may take long, and spares are used up
    while (!failed(wait_for_work(store))) {
        struct arena a;
        arena_init(&a, 64 * KIB);
        struct err e = move_some(store, &a);
        (void)e; // it is remembered (is_stuck); who commits hears of it when there is no room left
        arena_done(&a);
    }
    return OK;
}

// An error is a cancellation.
static struct err wait_for_work(struct store *store)
{
    for (;;) {
        int64_t left_ms = work_due_in_ms(store);
        struct err e;
        if (left_ms <= 0)
            return task_cancelled() ? fail(ERR_CANCELLED, "given up") : OK;
        if (left_ms == INT64_MAX) {
            e = waitq_wait(&store->work, "commits to move");
        } else {
            within_ms(left_ms);
            e = waitq_wait(&store->work, "commits to move");
        }
        if (failed(e) && e.kind != ERR_TIMEOUT)
            return e;
    }
}

static struct err keep_spares(void *arg)
{
    struct store *store = arg;
    struct journal *j = store->journal;
    for (;;) {
        see_to_segments(store);
        bool enough = j->free_count >= SEGMENTS_SPARE;
        struct err e = enough ? waitq_wait(&store->segments_used, "a segment to make")
                              : task_sleep_ms(RETRY_AFTER_MS); // the disk may be full
        if (failed(e))
            return OK;
    }
}

// While much is to be written zeros would only be in its way.
static void see_to_segments(struct store *store)
{
    struct journal *j = store->journal;
    struct arena a;
    struct err e = OK;
    arena_init(&a, 64 * KIB);
    journal_drop_doomed(j, &a);
    while (j->free_count < SEGMENTS_SPARE && !failed(e) && !task_cancelled())
        e = journal_make_spare(j, &a, // else who needs one makes it, and hears why not
                store->move_runs || generation_bytes(store->committed) > MOVE_BYTES / 2
                        ? SEGMENT_AT_ONCE
                        : SEGMENT_FILLED);
    arena_done(&a);
}

static int64_t work_due_in_ms(const struct store *store)
{
    const struct overlay *o = &store->committed->overlay;
    int64_t now = now_ms();
    if (store->is_stuck)
        return store->stuck_at_ms + RETRY_AFTER_MS - now;
    if (store->moving != NULL && !store->move_runs)
        return 0;
    if (o->last_sequence == 0)
        return INT64_MAX;
    if (generation_bytes(store->committed) >= MOVE_BYTES)
        return 0;
    return o->since_ms + MOVE_AFTER_MS - now;
}

struct err store_settle(struct store *store, struct arena *a)
{
    if (store->journal == NULL)
        return OK;
    // What comes meanwhile is not waited for: somebody may commit without a pause.
    bool young = store->committed->overlay.last_sequence != 0;
    uint64_t until = store->moves + young + (store->moving != NULL);
    while (store->moves < until)
        TRY(move_some(store, a));
    return OK;
}

struct err move_some(struct store *store, struct arena *a)
{
    if (store->move_runs) {
        waitq_wait_firmly(&store->moved, "the store's move");
        return OK;
    }
    if (store->moving == NULL && store->entry_open) { // whoever commits will see to it
        store->generation_wanted = true;
        waitq_wait_firmly(&store->moved, "the store's commit");
        return OK;
    }
    if (store->moving == NULL)
        generation_begin(store);
    struct moving m = {.store = store,
            .slot = {.slot = store->journal->slot,
                    .sequence = store->moving->overlay.last_sequence,
                    .segment = store->journal->segment,
                    .last_id = store->last_id}};
    arena_init(&m.arena, MOVE_ARENA_BYTES);
    list_init(&m.segments);
    journal_take_used(store->journal, m.slot.sequence, &m.segments);
    store->move_runs = true;
    struct err e = store->broken ? store_mend(store, &m.arena) : OK;
    if (!failed(e))
        e = offload(move_work, &m);
    if (!failed(e))
        e = m.result;
    if (!failed(e)) {
        journal_release(store->journal, &m.segments);
        waitq_wake_all(&store->segments_used);
        end_generation(store);
    } else {
        journal_put_back(store->journal, &m.segments);
    }
    struct err mended = store->broken ? store_mend(store, &m.arena) : OK;
    if (failed(mended))
        e = fail(mended.kind, "the queue can be neither written nor read");
    store->is_stuck = failed(e);
    store->stuck_at_ms = now_ms();
    store->move_runs = false;
    if (failed(e)) // its text lies in the arena that goes
        e = fail_fmt(a, e.kind, "%.*s", ARG(err_text(e)));
    arena_done(&m.arena);
    waitq_wake_all(&store->moved);
    return e;
}

// Between entries only: an open one has its nodes in the arena of the younger generation. The block
// goes with its generation.
void generation_begin(struct store *store)
{
    assert(!store->entry_open && store->moving == NULL);
    store->generation_wanted = false;
    store->moving = store->committed;
    store->committed = &store->generations[store->moving == &store->generations[0]];
    arena_init(&store->committed->arena, GENERATION_BYTES_MAX);
    overlay_init(&store->committed->overlay, &store->committed->arena);
    overlay_init(&store->pending, &store->committed->arena);
    store->block = NULL;
}

static void end_generation(struct store *store)
{
    struct generation *g = store->moving;
    blocks_give_back(store, &g->overlay.blocks);
    arena_done(&g->arena);
    store->moving = NULL;
    store->moves++;
}

// --- On the helper thread -----------------------------------------------------------------------

static void move_work(void *arg)
{
    struct moving *m = arg;
    m->result = move_into(m);
    if (!failed(m->result))
        give_segments(m);
}

// What goes wrong here loses nothing: the segment waits until the next move. A crash may undo a
// renaming whose folder is not synced yet; then it is done again when the slot gets an owner.
static void give_segments(struct moving *m)
{
    struct store *store = m->store;
    bool any = false;
    each_in_list (s, &m->segments, struct segment, in_list) {
        if (!s->is_kept)
            s->stays = failed(kept_give(store, &m->arena, m->slot.slot, s->name, &s->is_kept));
        any |= s->is_kept;
    }
    struct err ignored =
            any ? folder_sync(&m->arena, kept_folder(&m->arena, store->options.folder)) : OK;
    (void)ignored;
}

static struct err move_into(struct moving *m)
{
    struct store *store = m->store;
    struct slot_state on_disk;
    MDB_txn *txn = NULL;
    TRY(slot_state_read(store, &m->arena, m->slot.slot, &on_disk));
    if (on_disk.sequence >= m->slot.sequence)
        return OK; // nothing in it, or the last attempt did succeed, and nobody knew
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (rc != 0) {
        if (rc == MDB_PANIC)
            store_break(store, rc);
        return store_trouble(&m->arena, rc, "writing the queue");
    }
    return overlay_apply(store, &m->arena, txn, &store->moving->overlay, &m->slot);
}

struct err overlay_apply(struct store *store, struct arena *a, MDB_txn *txn,
        const struct overlay *overlay, const struct slot_state *slot)
{
    struct applying ap = {.store = store,
            .arena = a,
            .txn = txn,
            .keeps = overlay->extents.count > 0 && kept_has_room(store, a)};
    int rc = mdb_cursor_open(txn, store->db[DB_SUMMARY], &ap.rows);
    summary_maker_begin(&ap.summary, store, txn);
    for (size_t db = 0; db < DB_META && rc == 0; db++)
        rc = apply_database(&ap, overlay, (enum store_db)db);
    if (rc == 0)
        rc = apply_database(&ap, overlay, DB_IMPORTED);
    summary_maker_end(&ap.summary);
    mdb_cursor_close(ap.rows);
    if (rc == 0 && slot != NULL)
        rc = write_slot_state(&ap, slot);
    if (rc != 0) {
        mdb_txn_abort(txn);
        if (rc == MDB_PANIC)
            store_break(store, rc);
        return store_trouble(a, rc, "writing the queue");
    }
    rc = commit(&ap);
    if (rc != 0) {
        if (rc == EIO && disk_is_full(&ap))
            rc = ENOSPC;
        // Any error of the system's: whether of the data or of the meta page is not said.
        if (rc == MDB_PANIC || rc > 0)
            store_break(store, rc);
        return store_trouble(a, rc, "committing to the queue");
    }
    remove_files(&ap);
    tidy_segments(&ap);
    return OK;
}

static int apply_database(struct applying *ap, const struct overlay *overlay, enum store_db db)
{
    MDB_cursor *cursor = NULL;
    if (overlay->root[db] == NULL)
        return 0;
    int rc = mdb_cursor_open(ap->txn, ap->store->db[db], &cursor);
    const struct overlay_node *node = overlay_seek(overlay, db, STR_NULL, false);
    for (; rc == 0 && node != NULL; node = overlay_after(node, false))
        rc = apply_node(ap, overlay, cursor, db, node);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    return rc;
}

static int apply_node(struct applying *ap, const struct overlay *overlay, MDB_cursor *cursor,
        enum store_db db, const struct overlay_node *node)
{
    MDB_val key = val_of(node_key(node)), value = val_of(node->value);
    struct kept kept;
    if (node->gone)
        return apply_gone(ap, cursor, db, node);
    if (node->changed && is_orphan(ap, db, node))
        return 0;
    if (db == DB_MESSAGE && ap->keeps && kept_fits(overlay, node->value, &kept))
        return kept_put(ap->store, ap->txn, cursor, node_key(node), &kept);
    if (db == DB_LINK) {
        value.mv_size = 0;
        int rc = link_file(ap, node);
        if (rc != 0)
            return rc;
    }
    int rc = mdb_cursor_put(cursor, &key, &value, 0);
    if (rc == 0 && db == DB_UNIT) // behind the messages, which its row is about, too
        rc = summary_put(&ap->summary, ap->rows, node_key(node), node->value);
    return rc;
}

static int apply_gone(
        struct applying *ap, MDB_cursor *cursor, enum store_db db, const struct overlay_node *node)
{
    MDB_val key = val_of(node_key(node)), found;
    struct kept kept;
    int rc = mdb_cursor_get(cursor, &key, &found, MDB_SET_KEY);
    if (rc == 0 && db == DB_MESSAGE && kept_read(val_str(&found), &kept)) {
        struct kept *left = vec_add(ap->arena, &ap->left);
        if (left != NULL) // else its segment is found by the check
            *left = kept;
        rc = kept_remove(ap->store, ap->txn, key_u64(node->key), &kept);
    }
    if (rc == 0)
        rc = mdb_cursor_del(cursor, 0);
    if (rc == 0 && db == DB_UNIT)
        rc = summary_gone(ap->rows, node_key(node));
    if (db == DB_LINK && (rc == 0 || rc == MDB_NOTFOUND))
        note_unlinked(ap, node);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

// A tool may remove a message while the result of its last attempt is still on its way here.
static bool is_orphan(struct applying *ap, enum store_db db, const struct overlay_node *node)
{
    struct due due;
    uint8_t slot;
    uint16_t number;
    if (db == DB_UNIT && key_is_unit(node_key(node), &due.id, &number)) {
        struct key message = key_message(due.id);
        return !has(ap, DB_MESSAGE, &message);
    }
    if (db != DB_DUE || !key_is_due(node_key(node), &slot, &due))
        return false;
    struct key unit = key_unit(due.id, due.number);
    return !has(ap, DB_UNIT, &unit);
}

static bool has(struct applying *ap, enum store_db db, const struct key *key)
{
    MDB_val at = key_val(key), found;
    return mdb_get(ap->txn, ap->store->db[db], &at, &found) == 0;
}

// Missing under both names it is lost, which the check will tell; the message is still kept.
static int link_file(struct applying *ap, const struct overlay_node *node)
{
    struct store *store = ap->store;
    if (node->value.len != sizeof(uint64_t))
        return 0;
    struct str from = claim_path(store, ap->arena, key_u64(node->value.ptr));
    struct str to = blob_path(store, ap->arena, (const uint8_t *)node->key);
    struct str *arrived = vec_add(ap->arena, &ap->arrived);
    if (arrived == NULL || str_is_null(from) || str_is_null(to))
        return ENOMEM;
    *arrived = from;
    struct err e = blob_publish(ap->arena, from, store->options.blob_folder, to);
    if (!failed(e))
        e = see_to_folders(ap, to, (const uint8_t *)node->key);
    if (!failed(e) || !blob_exists(ap->arena, from))
        return 0;
    return e.kind == ERR_NO_SPACE ? ENOSPC : ENOTRECOVERABLE;
}

// Who made a folder may have been killed before its name was synced, and found it is like any other
// (J9): so the first file that a process puts there has the names above it synced once more.
static struct err see_to_folders(struct applying *ap, struct str file, const uint8_t *digest)
{
    struct store *store = ap->store;
    struct str folder, name;
    size_t number = (size_t)digest[0] << 8 | digest[1];
    uint8_t *seen = &store->folders_seen[number / 8], bit = (uint8_t)(1u << number % 8);
    if ((*seen & bit) != 0 || !str_rcut(file, '/', &folder, &name))
        return OK;
    TRY(folder_sync_of(ap->arena, folder));
    TRY(folder_sync(ap->arena, store->options.blob_folder));
    *seen |= bit;
    return OK;
}

static void note_unlinked(struct applying *ap, const struct overlay_node *node)
{
    struct key *key = vec_add(ap->arena, &ap->unlinked);
    if (key != NULL) // else the file is left over, which the check finds
        *key = key_link(node->key, 0);
}

static int commit(struct applying *ap)
{
    struct store_faults *fault = ap->store->options.fail;
    bool fails = fault != NULL && fault->commit_fails_in > 0 && --fault->commit_fails_in == 0;
    if (fails && !fault->after_commit) {
        mdb_txn_abort(ap->txn);
        return fault->errno_value;
    }
    int rc = mdb_txn_commit(ap->txn);
    return fails && rc == 0 ? fault->errno_value : rc;
}

// LMDB says EIO of a write that stopped half way, which is how a disk says at first that it is
// full.
static bool disk_is_full(struct applying *ap)
{
    struct disk_space space;
    struct err e = disk_space(ap->arena, ap->store->options.folder, &space);
    return !failed(e) && space.free_bytes < FULL_BYTES;
}

// What cannot be removed is garbage, which is swept up or found by the check.
static void remove_files(struct applying *ap)
{
    each_in_vec (path, &ap->arrived) {
        struct err ignored = blob_remove(ap->arena, *path);
        (void)ignored;
    }
    if (ap->unlinked.count == 0 || mdb_txn_begin(ap->store->env, NULL, 0, &ap->txn) != 0)
        return;
    each_in_vec (key, &ap->unlinked) {
        if (is_linked(ap, key))
            continue;
        struct err ignored = blob_remove(ap->arena, blob_path(ap->store, ap->arena, key->bytes));
        (void)ignored;
    }
    mdb_txn_abort(ap->txn);
}

// Messages of a segment stand together in the order of ids, mostly.
static void tidy_segments(struct applying *ap)
{
    for (size_t i = 0; i < ap->left.count; i++) {
        const struct kept *k = &ap->left.at[i];
        if (i + 1 == ap->left.count || k[1].slot != k->slot || k[1].name != k->name)
            kept_tidy(ap->store, ap->arena, k->slot, k->name);
    }
}

static bool is_linked(struct applying *ap, const struct key *key)
{
    MDB_cursor *cursor = NULL;
    MDB_val at = key_val(key), found;
    if (mdb_cursor_open(ap->txn, ap->store->db[DB_LINK], &cursor) != 0)
        return true;
    int rc = mdb_cursor_get(cursor, &at, &found, MDB_SET_RANGE);
    bool linked = (rc == 0 && at.mv_size == DIGEST_LINK_BYTES &&
                          memcmp(at.mv_data, key->bytes, BODY_DIGEST_BYTES) == 0) ||
                  (rc != 0 && rc != MDB_NOTFOUND);
    mdb_cursor_close(cursor);
    return linked;
}

// --- Where a slot stands -------------------------------------------------------------------------

// "slot-NNN" -> sequence, segment, last id; decimal, a space between them.
static struct str slot_key(struct arena *a, uint8_t slot)
{
    return arena_fmt(a, "slot-%03u", slot);
}

struct err slot_state_read(
        struct store *store, struct arena *a, uint8_t slot, struct slot_state *out)
{
    MDB_txn *txn = NULL;
    struct str key = slot_key(a, slot);
    MDB_val at = val_of(key), value;
    *out = (struct slot_state){.slot = slot};
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return store_trouble(a, rc, "reading the queue");
    rc = mdb_get(txn, store->db[DB_META], &at, &value);
    struct scan in = scan_over(rc == 0 ? val_str(&value) : S(""));
    bool good =
            rc != 0 || (scan_u64(&in, UINT64_MAX, &out->sequence) && scan_byte(&in, ' ') &&
                               scan_u64(&in, UINT64_MAX, &out->segment) && scan_byte(&in, ' ') &&
                               scan_u64(&in, UINT64_MAX, &out->last_id) && scan_end(&in));
    mdb_txn_abort(txn);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return store_trouble(a, rc, "reading the queue");
    return good ? OK
                : fail_fmt(a, ERR_IO, "the queue does not say how far slot %u was moved", slot);
}

static int write_slot_state(struct applying *ap, const struct slot_state *slot)
{
    struct str key = slot_key(ap->arena, slot->slot);
    struct str text = arena_fmt(ap->arena, "%llu %llu %llu", (unsigned long long)slot->sequence,
            (unsigned long long)slot->segment, (unsigned long long)slot->last_id);
    MDB_val at = val_of(key), value = val_of(text);
    if (str_is_null(key) || str_is_null(text))
        return ENOMEM;
    return mdb_put(ap->txn, ap->store->db[DB_META], &at, &value, 0);
}
