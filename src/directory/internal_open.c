// SPDX-License-Identifier: Apache-2.0
// directory/internal_open.c: the environment, and its numbers.
#include "directory/internal_lmdb.h"

#define MAP_BYTES_MAX ((uint64_t)4 * 1024 * MIB)

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
    const struct lmdb_options options = {.folder = folder,
            .what = "the accounts",
            .advice = ": restore a backup",
            .names = db_names,
            .count = DB_COUNT,
            .map_bytes_max = MAP_BYTES_MAX,
            .readers_max = LMDB_READERS_MAX,
            .format_major = 1,
            .format_minor = 0,
            .read_only = use == INTERNAL_LOOK};
    struct lmdb_store *store;
    TRY(lmdb_store_new(a, &options, sizeof(struct internal), &store));
    struct internal *in = CONTAINER_OF(store, struct internal, store);
    in->id = arena_str(&store->arena, id);
    if (str_is_null(in->id)) {
        internal_close(in);
        return fail(ERR_LIMIT, "no memory to open the accounts");
    }
    *out = in;
    return OK;
}

void internal_close(struct internal *in)
{
    lmdb_store_free(in == NULL ? NULL : &in->store);
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

struct err txn_seconds(struct lmdb_txn *t, enum internal_db db, uint32_t first, struct ids *out)
{
    struct number_key from = key_number(first);
    MDB_val k = lmdb_val(key_two(&from)), v;
    MDB_cursor *cursor;
    TRY(lmdb_cursor(t, db, &cursor));
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
        e = lmdb_txn_trouble(t, rc, "reading");
    return e;
}
