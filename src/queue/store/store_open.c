// SPDX-License-Identifier: Apache-2.0
// queue/store/store_open.c: the environment and its handle in this process, and who this process
// is: a worker, which claims a slot and gets its journal, or a tool.
#include "queue/store/store_kept.h"
#include "queue/store/summary_row.h"

#include "base/encode.h"
#include "rt/blobfile.h"
#include "rt/clock.h"
#include "rt/lmdb_env.h"
#include "rt/lockfile.h"

#include <errno.h>

#define FORMAT_MAJOR 1
#define FORMAT_MINOR 2 // 0 had no journal, 1 no summary
#define READERS_MAX 512
#define STORE_ARENA_BYTES (16 * MIB) // names, and the ids of commits in doubt

static bool give_all(struct store *store);
static struct err open_folders(struct store *store, struct arena *a);
static struct err recover(struct store *store, struct arena *a, bool claim);
static struct err see_to_summary(struct store *store, struct arena *a);
static struct err sync_names(struct store *store, struct arena *a);
static struct err open_journal(struct store *store, struct arena *a);
static struct err adopt_segments(struct store *store, struct arena *a);
static struct err open_env(struct store *store, struct arena *a);
static struct err open_databases(struct store *store, struct arena *a, MDB_txn *txn);
static struct err check_format(struct store *store, struct arena *a, MDB_txn *txn);
static struct err check_identity(struct store *store, struct arena *a, MDB_txn *txn);
static int meta_put(struct store *store, MDB_txn *txn, struct str name, struct str text);

struct err store_open(struct arena *a, const struct store_options *options, struct store **out)
{
    struct store *store = mem_new(struct store);
    if (store == NULL)
        return fail(ERR_LIMIT, "no memory to open the queue");
    arena_init(&store->arena, STORE_ARENA_BYTES);
    store->options = *options;
    store->options.folder = arena_str(&store->arena, options->folder);
    store->options.blob_folder = arena_str(&store->arena, options->blob_folder);
    if (store->options.batch_max == 0 || store->options.batch_max > BATCH_CHANGES_MAX)
        store->options.batch_max = BATCH_CHANGES_MAX;
    list_init(&store->waiting);
    waitq_init(&store->moved);
    waitq_init(&store->work);
    waitq_init(&store->segments_used);
    list_init(&store->free_blocks);
    buf_init(&store->scratch, RECORD_BYTES_MAX);
    store->committed = &store->generations[0];
    arena_init(&store->committed->arena, GENERATION_BYTES_MAX);
    overlay_init(&store->committed->overlay, &store->committed->arena);
    overlay_init(&store->pending, &store->committed->arena);
    store->ids = id_maker_for(options->node != 0 ? options->node : 1, ID_SLOT_OUTSIDE);
    struct err e = open_folders(store, a);
    if (!failed(e))
        e = open_env(store, a);
    if (!failed(e) && !options->read_only)
        e = recover(store, a, options->journal);
    if (failed(e)) {
        store_close(store);
        return e;
    }
    *out = store;
    return OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    assert(!store->committing && !store->move_runs);
    bool is_settled = store->moving == NULL && store->committed->overlay.last_sequence == 0;
    if (is_settled && store->journal != NULL)
        is_settled = give_all(store);
    journal_free(store->journal, is_settled);
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->moving != NULL) {
        blocks_free(&store->moving->overlay.blocks);
        arena_done(&store->moving->arena);
    }
    blocks_free(&store->committed->overlay.blocks);
    blocks_free(&store->free_blocks);
    arena_done(&store->committed->arena);
    buf_done(&store->scratch);
    arena_done(&store->arena);
    mem_free(store);
}

// False: something is still wanted where it is.
static bool give_all(struct store *store)
{
    struct arena a;
    struct journal *j = store->journal;
    bool given = true;
    arena_init(&a, MIB);
    struct list *const lists[] = {&j->used, &j->doomed};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        each_in_list (s, lists[i], struct segment, in_list)
            given &= !failed(kept_give(store, &a, j->slot, s->name, &s->is_kept));
    if (j->current != NULL)
        given &= !failed(kept_give(store, &a, j->slot, j->current->name, &j->current->is_kept));
    arena_done(&a);
    return given;
}

static struct err open_folders(struct store *store, struct arena *a)
{
    if (str_is_null(store->options.folder) || str_is_null(store->options.blob_folder))
        return fail(ERR_LIMIT, "no memory to open the queue");
    if (store->options.read_only)
        return OK;
    TRY(folder_make(a, store->options.folder));
    return folder_make(a, arena_join(a, store->options.blob_folder, S("/tmp")));
}

static struct err recover(struct store *store, struct arena *a, bool claim)
{
    int lock = -1;
    TRY(folder_make(a, journal_folder(a, store->options.folder)));
    TRY(sync_names(store, a));
    TRY(journal_recovery_begin(store, a, &lock));
    struct err e = claim ? open_journal(store, a) : OK;
    if (!failed(e))
        e = journal_recover(store, a);
    if (!failed(e) && claim)
        e = see_to_summary(store, a);
    journal_recovery_end(lock);
    return e;
}

// A store that was written by an older version has no summary, or one with gaps.
static struct err see_to_summary(struct store *store, struct arena *a)
{
    MDB_txn *txn = NULL;
    uint64_t wrong = 0;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return store_trouble(a, rc, "opening the queue");
    bool whole = summary_is_whole(store, txn);
    mdb_txn_abort(txn);
    return whole ? OK : summary_rebuild(store, a, &wrong);
}

// LMDB does not see to the names of its files; and who made a folder may have been killed before
// its name was on the disk (J9). A folder above that is not ours to open was made by somebody else.
static struct err sync_names(struct store *store, struct arena *a)
{
    const struct str ours[] = {store->options.folder, store->options.blob_folder};
    for (size_t i = 0; i < COUNT_OF(ours); i++) {
        struct err e = folder_sync_of(a, ours[i]);
        if (failed(e) && e.kind != ERR_REFUSED)
            return e;
        TRY(folder_sync(a, ours[i]));
    }
    return OK;
}

// The slot's former owner may have left entries that LMDB does not have; its segments are ours
// then.
static struct err open_journal(struct store *store, struct arena *a)
{
    struct slot_state state;
    int lock = -1;
    uint8_t slot = 0;
    struct str folder = journal_folder(a, store->options.folder);
    assert(!store->options.read_only);
    TRY(journal_claim(a, folder, &lock, &slot));
    struct err e = journal_replay(store, a, slot, &state);
    if (!failed(e)) {
        store->journal = journal_new(folder, store->options.fail, store->identity, lock, &state);
        if (store->journal == NULL)
            e = fail(ERR_LIMIT, "no memory to open the queue");
    }
    if (failed(e)) {
        blob_close(lock);
        return e;
    }
    store->ids = id_maker_for(store->ids.node, slot);
    store->last_id = state.last_id;
    if (state.last_id != 0)
        id_maker_follow(&store->ids, state.last_id);
    return adopt_segments(store, a);
}

// Those that are wanted go to the others of that kind. Names that they have are not given again.
static struct err adopt_segments(struct store *store, struct arena *a)
{
    struct journal *j = store->journal;
    struct blob_entry *entries = NULL;
    size_t count = 0;
    uint8_t slot;
    uint32_t name;
    struct str kept = kept_folder(a, store->options.folder);
    if (blob_exists(a, kept))
        TRY(folder_list(a, kept, &entries, &count));
    for (size_t i = 0; i < count; i++)
        if (segment_name_read(entries[i].name, &slot, &name) && slot == j->slot)
            journal_avoid_name(j, name);
    TRY(folder_list(a, j->folder, &entries, &count));
    if (count > 0)
        TRY(folder_sync(a, j->folder)); // J1: a name that was made a moment before its maker died
    for (size_t i = 0; i < count; i++) {
        bool given = false;
        if (!segment_name_read(entries[i].name, &slot, &name) || slot != j->slot)
            continue;
        journal_avoid_name(j, name);
        TRY(kept_give(store, a, slot, name, &given));
        if (!given)
            TRY(journal_adopt(j, a, name));
    }
    return j->free_count > 0 ? OK : journal_make_first(j, a);
}

static struct err open_env(struct store *store, struct arena *a)
{
    struct lmdb_options options = {.count = DB_COUNT,
            .map_bytes_max = store->options.map_bytes_max,
            .readers_max = READERS_MAX,
            .read_only = store->options.read_only};
    const char *path = arena_c_str(a, store->options.folder);
    int rc = path == NULL ? ENOMEM : lmdb_env_open(path, &options, &store->env);
    if (rc != 0)
        return store_trouble(a, rc, "opening the queue");
    int gone = 0;
    mdb_reader_check(store->env, &gone); // slots of processes that were killed
    MDB_txn *txn = NULL;
    rc = mdb_txn_begin(store->env, NULL, store->options.read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return store_trouble(a, rc, "opening the queue");
    struct err e = open_databases(store, a, txn);
    if (!failed(e))
        e = check_format(store, a, txn);
    if (!failed(e))
        e = check_identity(store, a, txn);
    if (failed(e)) {
        mdb_txn_abort(txn);
        return e;
    }
    rc = mdb_txn_commit(txn);
    // What is read now may be what a killed process had written and not synced, or what LMDB has
    // put back after a failure. All that is done next takes it for granted, and a power cut must
    // not take it away again: else entries of the journal are written over that are still needed.
    if (rc == 0 && !store->options.read_only)
        rc = mdb_env_sync(store->env, 1);
    return rc == 0 ? OK : store_trouble(a, rc, "opening the queue");
}

static struct err open_databases(struct store *store, struct arena *a, MDB_txn *txn)
{
    static const char *const names[DB_COUNT] = {
            "message", "unit", "due", "link", "meta", "kept", "summary", "imported"};
    for (size_t i = 0; i < DB_COUNT; i++) {
        int rc = mdb_dbi_open(
                txn, names[i], store->options.read_only ? 0 : MDB_CREATE, &store->db[i]);
        if (i == DB_SUMMARY)
            store->has_summary = rc == 0;
        if (i == DB_IMPORTED)
            store->has_imported = rc == 0;
        if (rc == MDB_NOTFOUND && i >= DB_SUMMARY)
            continue;
        if (rc == MDB_NOTFOUND)
            return fail(ERR_NOT_FOUND, "there is no queue yet: it is made when the server starts");
        if (rc != 0)
            return store_trouble(a, rc, "opening the queue");
    }
    return OK;
}

// operations.md 2.3: a newer major version is left alone.
static struct err check_format(struct store *store, struct arena *a, MDB_txn *txn)
{
    MDB_val key = {.mv_size = 7, .mv_data = (void *)(uintptr_t) "version"}, value;
    int rc = mdb_get(txn, store->db[DB_META], &key, &value);
    struct str ours = arena_fmt(a, "%d.%d", FORMAT_MAJOR, FORMAT_MINOR);
    if (rc == MDB_NOTFOUND && store->options.read_only)
        return OK;
    if (rc == MDB_NOTFOUND) {
        rc = meta_put(store, txn, S("version"), ours);
        return rc == 0 ? OK : store_trouble(a, rc, "opening the queue");
    }
    if (rc != 0)
        return store_trouble(a, rc, "opening the queue");
    uint64_t major, minor;
    struct scan in = scan_over(val_str(&value));
    if (!scan_u64(&in, UINT32_MAX, &major) || !scan_byte(&in, '.') ||
            !scan_u64(&in, UINT32_MAX, &minor) || !scan_end(&in))
        return fail(ERR_IO, "the queue does not say in which format it was written: run "
                            "'posthaste queue check'");
    if (major > FORMAT_MAJOR)
        return fail_fmt(a, ERR_UNSUPPORTED,
                "the queue was written in format %u.%u, and this server knows %d.%d: install the "
                "version that wrote it, or restore a backup from before",
                (unsigned)major, (unsigned)minor, FORMAT_MAJOR, FORMAT_MINOR);
    if (minor < FORMAT_MINOR && !store->options.read_only)
        rc = meta_put(store, txn, S("version"), ours);
    return rc == 0 ? OK : store_trouble(a, rc, "opening the queue");
}

// Entries of a journal carry it, so that what lies about from another store is never taken for
// ours.
static struct err check_identity(struct store *store, struct arena *a, MDB_txn *txn)
{
    struct str name = S("identity");
    MDB_val key = val_of(name), value;
    int rc = mdb_get(txn, store->db[DB_META], &key, &value);
    if (rc == 0)
        return id_parse(val_str(&value), &store->identity)
                       ? OK
                       : fail(ERR_IO,
                                 "the queue's identity is damaged: run 'posthaste queue check'");
    if (rc != MDB_NOTFOUND || store->options.read_only)
        return rc == MDB_NOTFOUND ? OK : store_trouble(a, rc, "opening the queue");
    TRY(segment_identity(a, &store->identity));
    struct buf text;
    buf_init(&text, ID_DIGITS);
    id_add(&text, store->identity);
    rc = meta_put(store, txn, name, buf_str(&text));
    buf_done(&text);
    return rc == 0 ? OK : store_trouble(a, rc, "opening the queue");
}

static int meta_put(struct store *store, MDB_txn *txn, struct str name, struct str text)
{
    MDB_val key = val_of(name), value = val_of(text);
    return mdb_put(txn, store->db[DB_META], &key, &value, 0);
}

uint64_t store_new_id(struct store *store)
{
    if (store->ids.slot == ID_SLOT_OUTSIDE && store->last_id == 0) {
        id_make(&store->ids, wall_ms());
        store->ids.sequence = (uint8_t)(random_u64() & 63);
    }
    store->last_id = id_make(&store->ids, wall_ms());
    return store->last_id;
}

uint64_t store_identity(const struct store *store)
{
    return store->identity;
}

uint8_t store_slot(const struct store *store)
{
    return store->ids.slot;
}

bool store_slot_is_owned(struct store *store, struct arena *a, uint8_t slot)
{
    if (slot == store->ids.slot)
        return store->journal != NULL;
    if (!blob_exists(a, slot_lock_path(a, journal_folder(a, store->options.folder), slot)))
        return false;
    int lock = store_slot_take(store, a, slot);
    bool owned = lock < 0;
    store_slot_give(&lock);
    return owned;
}

int store_slot_take(struct store *store, struct arena *a, uint8_t slot)
{
    int lock = -1;
    pid_t holder;
    struct str path = slot_lock_path(a, journal_folder(a, store->options.folder), slot);
    struct err e = lockfile_take(a, path, &lock, &holder);
    return failed(e) ? -1 : lock;
}

void store_slot_give(int *lock)
{
    if (*lock >= 0)
        blob_close(*lock);
    *lock = -1;
}

struct err store_recover(struct store *store, struct arena *a)
{
    return store->options.read_only ? OK : recover(store, a, false);
}

void store_break(struct store *store, int rc)
{
    if (!store->broken)
        store->broken_by = rc > 0 ? err_kind_of_errno(rc) : ERR_IO;
    store->broken = true;
}

struct err store_mend(struct store *store, struct arena *a)
{
    assert(store->broken);
    mdb_env_close(store->env);
    store->env = NULL;
    memset(&store->touched, 0, sizeof(store->touched));
    TRY(open_env(store, a));
    store->broken = false;
    return OK;
}

struct err store_trouble(struct arena *a, int rc, const char *doing)
{
    if (rc == MDB_MAP_FULL)
        return fail_fmt(a, ERR_NO_SPACE, "%s: the store has reached its map-max", doing);
    if (rc == MDB_READERS_FULL)
        return fail_fmt(a, ERR_LIMIT, "%s: more than %d readers at once", doing, READERS_MAX);
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID)
        return fail_fmt(a, ERR_IO, "%s: the file is damaged (%s): run 'posthaste queue check'",
                doing, mdb_strerror(rc));
    if (rc == MDB_KEYEXIST)
        return fail_fmt(a, ERR_EXISTS, "%s: it is there already", doing);
    if (rc == MDB_NOTFOUND)
        return fail_fmt(a, ERR_NOT_FOUND, "%s: there is no such message", doing);
    if (rc < 0)
        return fail_fmt(a, ERR_IO, "%s: %s", doing, mdb_strerror(rc));
    return fail_errno(a, rc, "%s", doing);
}

// Two levels of folders, of two digits each: a folder of a million names is slow to list.
struct str blob_path(struct store *store, struct arena *a, const uint8_t digest[BODY_DIGEST_BYTES])
{
    struct buf hex;
    buf_init(&hex, 2 * BODY_DIGEST_BYTES + 1);
    encode_hex(&hex, str_of((const char *)digest, BODY_DIGEST_BYTES));
    struct str name = buf_str(&hex);
    struct str path = arena_fmt(a, "%.*s/%.*s/%.*s/%.*s", ARG(store->options.blob_folder),
            ARG(str_upto(name, 2)), ARG(str_part(name, 2, 2)), ARG(name));
    buf_done(&hex);
    return path;
}

struct str claim_path(struct store *store, struct arena *a, uint64_t claim)
{
    return arena_fmt(
            a, "%.*s/tmp/%016llx", ARG(store->options.blob_folder), (unsigned long long)claim);
}
