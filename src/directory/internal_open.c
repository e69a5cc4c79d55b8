// SPDX-License-Identifier: Apache-2.0
// directory/internal_open.c: the environment, and the few calls through which all others reach it.
#include "directory/internal_lmdb.h"

#define MAP_BYTES_MAX ((uint64_t)4 * 1024 * MIB)
#define READERS_MAX 512
#define NAMES_BYTES_MAX (64 * KIB)

static const char *const db_names[DB_COUNT] = {
        [DB_NAME] = "name",
        [DB_ADDRESS] = "address",
        [DB_ACCOUNT] = "account",
        [DB_OWNER] = "owner",
        [DB_MEMBER] = "member",
        [DB_ADMIN] = "admin",
        [DB_DOMAIN] = "domain",
        [DB_ALIAS] = "alias",
        [DB_META] = "meta",
};

struct err internal_open(struct arena *a, struct str folder, enum internal_use use, struct str id,
        struct internal **out)
{
    struct internal *in = mem_new(struct internal);
    if (in == NULL)
        return fail(ERR_LIMIT, "no memory to open the accounts");
    arena_init(&in->arena, NAMES_BYTES_MAX);
    in->id = arena_str(&in->arena, id);
    in->options = (struct lmdb_options){
            .folder = arena_str(&in->arena, folder),
            .what = "the accounts",
            .advice = ": restore a backup",
            .names = db_names,
            .count = DB_COUNT,
            .map_bytes_max = MAP_BYTES_MAX,
            .readers_max = READERS_MAX,
            .format_major = 1,
            .format_minor = 0,
            .read_only = use == INTERNAL_LOOK,
    };
    struct err e = str_is_null(in->options.folder) || str_is_null(in->id)
                           ? fail(ERR_LIMIT, "no memory to open the accounts")
                           : lmdb_open(a, &in->options, &in->env, in->db);
    if (failed(e))
        internal_close(in);
    else
        *out = in;
    return e;
}

void internal_close(struct internal *in)
{
    if (in == NULL)
        return;
    lmdb_close(in->env);
    arena_done(&in->arena);
    mem_free(in);
}

struct err txn_begin(
        struct internal *in, struct arena *a, enum txn_kind kind, struct internal_txn *out)
{
    *out = (struct internal_txn){.in = in, .arena = a};
    int rc = mdb_txn_begin(in->env, NULL, kind == TXN_READ ? MDB_RDONLY : 0, &out->txn);
    if (rc != 0)
        out->txn = NULL;
    return txn_trouble(out, rc, kind == TXN_READ ? "reading" : "changing");
}

struct err txn_commit(struct internal_txn *t)
{
    int rc = mdb_txn_commit(t->txn);
    t->txn = NULL;
    return txn_trouble(t, rc, "changing");
}

void txn_end(struct internal_txn *t)
{
    if (t->txn != NULL)
        mdb_txn_abort(t->txn);
    t->txn = NULL;
}

struct err txn_get(struct internal_txn *t, enum internal_db db, struct str key, struct str *out)
{
    MDB_val k = lmdb_val(key), v;
    *out = STR_NULL;
    if (key.len == 0 || key.len > (size_t)mdb_env_get_maxkeysize(t->in->env))
        return OK; // nothing is kept under such a key
    int rc = mdb_get(t->txn, t->in->db[db], &k, &v);
    if (rc == 0)
        *out = v.mv_size > 0 ? lmdb_str(&v) : S("");
    return rc == MDB_NOTFOUND ? OK : txn_trouble(t, rc, "reading");
}

struct err txn_put(struct internal_txn *t, enum internal_db db, struct str key, struct str value)
{
    MDB_val k = lmdb_val(key), v = lmdb_val(value);
    if (key.len == 0 || key.len > (size_t)mdb_env_get_maxkeysize(t->in->env))
        return fail(ERR_SYNTAX, "a name is too long to be kept");
    return txn_trouble(t, mdb_put(t->txn, t->in->db[db], &k, &v, 0), "changing");
}

struct err txn_remove(struct internal_txn *t, enum internal_db db, struct str key)
{
    MDB_val k = lmdb_val(key);
    int rc = mdb_del(t->txn, t->in->db[db], &k, NULL);
    return rc == MDB_NOTFOUND ? OK : txn_trouble(t, rc, "changing");
}

struct err txn_trouble(struct internal_txn *t, int rc, const char *doing)
{
    return lmdb_trouble(t->arena, &t->in->options, rc, doing);
}

// -- Numbers --------------------------------------------------------------------------------------

struct number_key key_number(uint32_t id)
{
    return key_pair(id, 0);
}

struct number_key key_pair(uint32_t first, uint32_t second)
{
    struct number_key key = {0};
    for (unsigned i = 0; i < 4; i++) {
        key.bytes[i] = (uint8_t)(first >> (24 - 8 * i));
        key.bytes[4 + i] = (uint8_t)(second >> (24 - 8 * i));
    }
    return key;
}

struct str key_one(const struct number_key *key)
{
    return str_of((const char *)key->bytes, 4);
}

struct str key_two(const struct number_key *key)
{
    return str_of((const char *)key->bytes, 8);
}

uint32_t number_of(struct str bytes)
{
    struct scan in = scan_over(bytes);
    uint32_t number = 0;
    return scan_be32(&in, &number) ? number : 0;
}

struct err txn_seconds(struct internal_txn *t, enum internal_db db, uint32_t first, struct ids *out)
{
    struct number_key from = key_number(first);
    MDB_val k = lmdb_val(key_two(&from)), v;
    MDB_cursor *cursor;
    TRY(txn_trouble(t, mdb_cursor_open(t->txn, t->in->db[db], &cursor), "reading"));
    struct err e = OK;
    int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && !failed(e) && number_of(lmdb_str(&k)) == first) {
        uint32_t *added = out->count < IDS_MAX ? vec_add(t->arena, out) : NULL;
        if (added == NULL)
            e = fail(ERR_LIMIT, "more members than there is memory for");
        else
            *added = number_of(str_from(lmdb_str(&k), 4));
        rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (!failed(e) && rc != 0 && rc != MDB_NOTFOUND)
        e = txn_trouble(t, rc, "reading");
    return e;
}
