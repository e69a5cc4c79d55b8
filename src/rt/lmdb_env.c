// SPDX-License-Identifier: Apache-2.0
// rt/lmdb_env.c: see rt/lmdb_env.h.
#include "rt/lmdb_env.h"

#include "rt/blobfile.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAP_BYTES_LEAST ((uint64_t)16 * MIB)

static struct err open_env(
        struct arena *a, const struct lmdb_options *options, MDB_env **out) MUST_USE;
static struct err open_databases(
        struct arena *a, const struct lmdb_options *options, MDB_txn *txn, MDB_dbi *dbs) MUST_USE;
static struct err check_format(
        struct arena *a, const struct lmdb_options *options, MDB_txn *txn, MDB_dbi meta) MUST_USE;
static struct err write_format(
        struct arena *a, const struct lmdb_options *options, MDB_txn *txn, MDB_dbi meta) MUST_USE;

struct err lmdb_open(
        struct arena *a, const struct lmdb_options *options, MDB_env **out_env, MDB_dbi *out_dbs)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    if (!options->read_only)
        TRY(folder_make(a, options->folder));
    TRY(open_env(a, options, &env));
    int gone = 0;
    mdb_reader_check(env, &gone); // slots of processes that were killed
    struct err e = lmdb_trouble(a, options,
            mdb_txn_begin(env, NULL, options->read_only ? MDB_RDONLY : 0, &txn), "opening");
    if (!failed(e))
        e = open_databases(a, options, txn, out_dbs);
    if (failed(e)) {
        if (txn != NULL)
            mdb_txn_abort(txn);
        mdb_env_close(env);
        return e;
    }
    e = lmdb_trouble(a, options, mdb_txn_commit(txn), "opening");
    if (failed(e))
        mdb_env_close(env);
    else
        *out_env = env;
    return e;
}

void lmdb_close(MDB_env *env)
{
    if (env != NULL)
        mdb_env_close(env);
}

static struct err open_env(struct arena *a, const struct lmdb_options *options, MDB_env **out)
{
    const char *path = arena_c_str(a, options->folder);
    int rc = path == NULL ? ENOMEM : lmdb_env_open(path, options, out);
    if (rc == ENOENT)
        return fail_fmt(
                a, ERR_NOT_FOUND, "opening %s: there is nothing in %s yet", options->what, path);
    return lmdb_trouble(a, options, rc, "opening");
}

int lmdb_env_open(const char *path, const struct lmdb_options *options, MDB_env **out)
{
    uint64_t map_bytes = options->map_bytes_max;
    unsigned flags = MDB_NOTLS | MDB_NOMEMINIT | (options->read_only ? MDB_RDONLY : 0);
    int rc = EAGAIN;
    while (rc == EAGAIN || (rc == ENOMEM && map_bytes > MAP_BYTES_LEAST)) {
        MDB_env *env = NULL;
        if (rc == ENOMEM)
            map_bytes /= 2; // the address space of this process is bounded
        rc = mdb_env_create(&env);
        if (rc == 0)
            rc = mdb_env_set_mapsize(env, map_bytes);
        if (rc == 0)
            rc = mdb_env_set_maxdbs(env, (unsigned)options->count);
        if (rc == 0)
            rc = mdb_env_set_maxreaders(env, options->readers_max);
        if (rc == 0)
            rc = mdb_env_open(env, path, flags, 0600);
        if (rc == 0)
            *out = env;
        else
            lmdb_close(env);
    }
    return rc;
}

static struct err open_databases(
        struct arena *a, const struct lmdb_options *options, MDB_txn *txn, MDB_dbi *dbs)
{
    size_t meta = options->count;
    for (size_t i = 0; i < options->count; i++) {
        int rc = mdb_dbi_open(txn, options->names[i], options->read_only ? 0 : MDB_CREATE, &dbs[i]);
        TRY(lmdb_trouble(a, options, rc, "opening"));
        if (str_eq(str_from_c(options->names[i]), S("meta")))
            meta = i;
    }
    assert(meta < options->count);
    return check_format(a, options, txn, dbs[meta]);
}

static struct err check_format(
        struct arena *a, const struct lmdb_options *options, MDB_txn *txn, MDB_dbi meta)
{
    MDB_val key = lmdb_val(S("version")), value;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc == MDB_NOTFOUND)
        return options->read_only ? OK : write_format(a, options, txn, meta);
    TRY(lmdb_trouble(a, options, rc, "opening"));
    uint64_t major, minor;
    struct scan in = scan_over(lmdb_str(&value));
    if (!scan_u64(&in, UINT32_MAX, &major) || !scan_byte(&in, '.') ||
            !scan_u64(&in, UINT32_MAX, &minor) || !scan_end(&in))
        return fail_fmt(a, ERR_IO, "%s: they do not say in which format they were written%s",
                options->what, options->advice);
    if (major > (uint64_t)options->format_major)
        return fail_fmt(a, ERR_UNSUPPORTED,
                "%s: written in format %u.%u, and this server knows %d.%d; install the version "
                "that wrote it, or restore a backup from before",
                options->what, (unsigned)major, (unsigned)minor, options->format_major,
                options->format_minor);
    return OK;
}

static struct err write_format(
        struct arena *a, const struct lmdb_options *options, MDB_txn *txn, MDB_dbi meta)
{
    struct str text = arena_fmt(a, "%d.%d", options->format_major, options->format_minor);
    MDB_val key = lmdb_val(S("version")), value = lmdb_val(text);
    if (str_is_null(text))
        return fail(ERR_LIMIT, "no memory to open a store");
    return lmdb_trouble(a, options, mdb_put(txn, meta, &key, &value, 0), "opening");
}

struct err lmdb_trouble(
        struct arena *a, const struct lmdb_options *options, int rc, const char *doing)
{
    if (rc == 0)
        return OK;
    if (rc == MDB_MAP_FULL)
        return fail_fmt(a, ERR_NO_SPACE, "%s %s: there is no room in the store for more", doing,
                options->what);
    if (rc == MDB_READERS_FULL)
        return fail_fmt(a, ERR_LIMIT, "%s %s: more than %u readers at once", doing, options->what,
                options->readers_max);
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID)
        return fail_fmt(a, ERR_IO, "%s %s: the file is damaged (%s)%s", doing, options->what,
                mdb_strerror(rc), options->advice);
    if (rc == MDB_NOTFOUND)
        return fail_fmt(a, ERR_NOT_FOUND, "%s %s: it is not there", doing, options->what);
    if (rc < 0)
        return fail_fmt(a, ERR_IO, "%s %s: %s", doing, options->what, mdb_strerror(rc));
    return fail_errno(a, rc, "%s %s", doing, options->what);
}

void lmdb_give_back(const char *from, const char *to)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)from / page * page;
    (void)madvise((void *)start, (uintptr_t)to - start, MADV_DONTNEED);
}
