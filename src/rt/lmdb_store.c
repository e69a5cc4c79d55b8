// SPDX-License-Identifier: Apache-2.0
// rt/lmdb_store.c: see rt/lmdb_store.h.
#include "rt/lmdb_store.h"

#define NAMES_BYTES_MAX (64 * KIB)

static bool is_key(const struct lmdb_txn *t, struct str key);

struct err lmdb_store_new(
        struct arena *a, const struct lmdb_options *options, size_t bytes, struct lmdb_store **out)
{
    struct lmdb_store *s = mem_bytes(bytes);
    assert(options->count <= COUNT_OF(s->db) && bytes >= sizeof(*s));
    if (s == NULL)
        return fail_fmt(a, ERR_LIMIT, "opening %s: no memory", options->what);
    s->options = *options;
    arena_init(&s->arena, NAMES_BYTES_MAX);
    s->options.folder = arena_str(&s->arena, options->folder);
    struct err e = str_is_null(s->options.folder)
                           ? fail_fmt(a, ERR_LIMIT, "opening %s: no memory", options->what)
                           : lmdb_open(a, &s->options, &s->env, s->db);
    if (failed(e))
        lmdb_store_free(s);
    else
        *out = s;
    return e;
}

void lmdb_store_free(struct lmdb_store *s)
{
    if (s == NULL)
        return;
    lmdb_close(s->env);
    arena_done(&s->arena);
    mem_free(s);
}

struct err lmdb_txn_begin(
        struct lmdb_store *s, struct arena *a, enum lmdb_access access, struct lmdb_txn *out)
{
    *out = (struct lmdb_txn){.store = s, .arena = a};
    int rc = mdb_txn_begin(s->env, NULL, access == LMDB_READ ? MDB_RDONLY : 0, &out->txn);
    if (rc != 0)
        out->txn = NULL;
    return lmdb_txn_trouble(out, rc, access == LMDB_READ ? "reading" : "changing");
}

struct err lmdb_txn_commit(struct lmdb_txn *t)
{
    int rc = mdb_txn_commit(t->txn);
    t->txn = NULL;
    return lmdb_txn_trouble(t, rc, "changing");
}

void lmdb_txn_end(struct lmdb_txn *t)
{
    if (t->txn != NULL)
        mdb_txn_abort(t->txn);
    t->txn = NULL;
}

struct err lmdb_txn_trouble(struct lmdb_txn *t, int rc, const char *doing)
{
    return lmdb_trouble(t->arena, &t->store->options, rc, doing);
}

struct err lmdb_get(struct lmdb_txn *t, int db, struct str key, struct str *out)
{
    MDB_val k = lmdb_val(key), v;
    *out = STR_NULL;
    if (!is_key(t, key))
        return OK; // nothing is kept under such a key
    int rc = mdb_get(t->txn, t->store->db[db], &k, &v);
    if (rc == 0)
        *out = v.mv_size > 0 ? lmdb_str(&v) : S("");
    return rc == MDB_NOTFOUND ? OK : lmdb_txn_trouble(t, rc, "reading");
}

struct err lmdb_put(struct lmdb_txn *t, int db, struct str key, struct str value)
{
    MDB_val k = lmdb_val(key), v = lmdb_val(value);
    if (!is_key(t, key))
        return fail(ERR_SYNTAX, "a name is too long to be kept");
    return lmdb_txn_trouble(t, mdb_put(t->txn, t->store->db[db], &k, &v, 0), "changing");
}

struct err lmdb_remove(struct lmdb_txn *t, int db, struct str key)
{
    MDB_val k = lmdb_val(key);
    int rc = mdb_del(t->txn, t->store->db[db], &k, NULL);
    return rc == MDB_NOTFOUND ? OK : lmdb_txn_trouble(t, rc, "changing");
}

struct err lmdb_cursor(struct lmdb_txn *t, int db, MDB_cursor **out)
{
    return lmdb_txn_trouble(t, mdb_cursor_open(t->txn, t->store->db[db], out), "reading");
}

static bool is_key(const struct lmdb_txn *t, struct str key)
{
    return key.len > 0 && key.len <= (size_t)mdb_env_get_maxkeysize(t->store->env);
}
