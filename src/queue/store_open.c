// SPDX-License-Identifier: Apache-2.0
// queue/store_open.c: the environment and its handle in this process.
//
// The map is as large as the records may ever grow: it costs addresses and nothing else, because
// the file grows only as it is written, and a map that never changes its size needs no agreement
// between processes while they run.
#include "queue/store_lmdb.h"

#include "base/encode.h"
#include "rt/blobfile.h"

#include <errno.h>

#define FORMAT_MAJOR 1
#define FORMAT_MINOR 0
#define READERS_MAX 512
#define STORE_ARENA_BYTES (16 * MIB) // names, and the ids of commits in doubt
#define MAP_BYTES_LEAST (64 * MIB)

static struct err open_env(struct store *store, struct arena *a);
static struct err open_databases(struct store *store, struct arena *a, MDB_txn *txn);
static struct err check_format(struct store *store, struct arena *a, MDB_txn *txn);
static struct err write_format(struct store *store, struct arena *a, MDB_txn *txn);

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
    buf_init(&store->scratch, RECORD_BYTES_MAX);
    struct err e = OK;
    if (str_is_null(store->options.blob_folder))
        e = fail(ERR_LIMIT, "no memory to open the queue");
    if (!failed(e) && !options->read_only)
        e = folder_make(a, store->options.folder);
    if (!failed(e) && !options->read_only)
        e = folder_make(a, arena_join(a, store->options.blob_folder, S("/tmp")));
    if (!failed(e))
        e = open_env(store, a);
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
    assert(!store->committing);
    if (store->env != NULL)
        mdb_env_close(store->env);
    buf_done(&store->scratch);
    arena_done(&store->arena);
    mem_free(store);
}

static struct err open_env(struct store *store, struct arena *a)
{
    uint64_t map_bytes = store->options.map_bytes_max;
    unsigned flags = MDB_NOTLS | MDB_NOMEMINIT | (store->options.read_only ? MDB_RDONLY : 0);
    const char *path = arena_c_str(a, store->options.folder);
    int rc = path == NULL ? ENOMEM : EAGAIN;
    while (rc == EAGAIN || (rc == ENOMEM && map_bytes > MAP_BYTES_LEAST)) {
        if (rc == ENOMEM)
            map_bytes /= 2; // the address space of this process is bounded
        if (store->env != NULL)
            mdb_env_close(store->env);
        store->env = NULL;
        rc = mdb_env_create(&store->env);
        if (rc == 0)
            rc = mdb_env_set_mapsize(store->env, map_bytes);
        if (rc == 0)
            rc = mdb_env_set_maxdbs(store->env, DB_COUNT);
        if (rc == 0)
            rc = mdb_env_set_maxreaders(store->env, READERS_MAX);
        if (rc == 0)
            rc = mdb_env_open(store->env, path, flags, 0600);
    }
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
    if (failed(e)) {
        mdb_txn_abort(txn);
        return e;
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 ? OK : store_trouble(a, rc, "opening the queue");
}

static struct err open_databases(struct store *store, struct arena *a, MDB_txn *txn)
{
    static const char *const names[DB_COUNT] = {"message", "unit", "due", "link", "meta"};
    for (size_t i = 0; i < DB_COUNT; i++) {
        int rc = mdb_dbi_open(
                txn, names[i], store->options.read_only ? 0 : MDB_CREATE, &store->db[i]);
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
    if (rc == MDB_NOTFOUND)
        return store->options.read_only ? OK : write_format(store, a, txn);
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
    return OK;
}

static struct err write_format(struct store *store, struct arena *a, MDB_txn *txn)
{
    struct str text = arena_fmt(a, "%d.%d", FORMAT_MAJOR, FORMAT_MINOR);
    MDB_val key = {.mv_size = 7, .mv_data = (void *)(uintptr_t) "version"};
    MDB_val value = {.mv_size = text.len, .mv_data = (void *)(uintptr_t)text.ptr};
    int rc = mdb_put(txn, store->db[DB_META], &key, &value, 0);
    return rc == 0 ? OK : store_trouble(a, rc, "opening the queue");
}

struct err store_mend(struct store *store, struct arena *a)
{
    assert(store->broken);
    mdb_env_close(store->env);
    store->env = NULL;
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

struct err reading_begin(struct store *store, struct arena *a, struct reading *out)
{
    if (store->broken)
        return fail(ERR_IO, "the queue cannot be read until it could be written again");
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &out->txn);
    return rc == 0 ? OK : store_trouble(a, rc, "reading the queue");
}

void reading_end(struct reading *r)
{
    if (r->txn != NULL)
        mdb_txn_abort(r->txn);
    r->txn = NULL;
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
