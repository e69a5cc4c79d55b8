// SPDX-License-Identifier: Apache-2.0
// queue/store/summary_check.c: has each unit its row, and is that right? And if not, all are made
// anew: after an older version has written to the store, or when a check has found something.
#include "queue/store/store_kept.h"
#include "queue/store/summary_row.h"

#include <errno.h>

#define UNITS_A_TRANSACTION 20000

// A walk over one of the two databases, in transactions.
struct rebuild {
    struct summary_maker maker;
    MDB_cursor *rows;
    struct key at; // where the last transaction has ended; empty: at the beginning
    uint64_t wrong;
};

static bool row_is_right(struct summary_maker *maker, const MDB_val *at, const MDB_val *unit);
static struct err walk(
        struct store *store, struct arena *a, struct rebuild *r, enum store_db db) MUST_USE;
static int walk_some(struct rebuild *r, enum store_db db, bool *out_end);
static int set_right(struct rebuild *r, const MDB_val *key, const MDB_val *unit);
static int drop_stray(struct rebuild *r, MDB_cursor *at, const MDB_val *key);

bool summary_is_whole(struct store *store, MDB_txn *txn)
{
    MDB_stat units = {0}, rows = {0};
    return store->has_summary && mdb_stat(txn, store->db[DB_UNIT], &units) == 0 &&
           mdb_stat(txn, store->db[DB_SUMMARY], &rows) == 0 && units.ms_entries == rows.ms_entries;
}

// Units that are damaged themselves are not counted: they go, and their rows with them.
int summary_wrong(struct store *store, MDB_txn *txn, uint64_t *out)
{
    struct summary_maker maker;
    MDB_cursor *units = NULL;
    MDB_val at, unit;
    uint64_t wrong = 0;
    summary_maker_begin(&maker, store, txn);
    int rc = mdb_cursor_open(txn, store->db[DB_UNIT], &units);
    if (rc == 0)
        rc = mdb_cursor_get(units, &at, &unit, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(units, &at, &unit, MDB_NEXT))
        wrong += !row_is_right(&maker, &at, &unit);
    mdb_cursor_close(units);
    summary_maker_end(&maker);
    *out = wrong == 0 && !summary_is_whole(store, txn) ? 1 : wrong;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static bool row_is_right(struct summary_maker *maker, const MDB_val *at, const MDB_val *unit)
{
    MDB_val key = *at, found;
    struct store *store = maker->store;
    struct str row = summary_row_make(maker, val_str(at), val_str(unit));
    if (summary_row_read(row).part_count == 0)
        return true;
    return store->has_summary && mdb_get(maker->txn, store->db[DB_SUMMARY], &key, &found) == 0 &&
           str_eq(val_str(&found), row);
}

// First each unit gets its row, then those go that belong to none.
struct err summary_rebuild(struct store *store, struct arena *a, uint64_t *out_wrong)
{
    struct rebuild r = {0};
    TRY(walk(store, a, &r, DB_UNIT));
    r.at.len = 0;
    TRY(walk(store, a, &r, DB_SUMMARY));
    *out_wrong = r.wrong;
    return OK;
}

static struct err walk(struct store *store, struct arena *a, struct rebuild *r, enum store_db db)
{
    for (bool end = false; !end;) {
        MDB_txn *txn = NULL;
        int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
        if (rc == 0) {
            summary_maker_begin(&r->maker, store, txn);
            rc = mdb_cursor_open(txn, store->db[DB_SUMMARY], &r->rows);
            if (rc == 0)
                rc = walk_some(r, db, &end);
            mdb_cursor_close(r->rows);
            summary_maker_end(&r->maker);
            if (rc == 0)
                rc = mdb_txn_commit(txn);
            else
                mdb_txn_abort(txn);
        }
        if (rc != 0)
            return store_trouble(a, rc, "making the queue's summary anew");
    }
    return OK;
}

static int walk_some(struct rebuild *r, enum store_db db, bool *out_end)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = key_val(&r->at), value;
    struct key last = r->at;
    int rc = mdb_cursor_open(r->maker.txn, r->maker.store->db[db], &cursor);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(cursor, &key, &value, last.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (rc == 0 && last.len > 0 && str_eq(val_str(&key), key_str(&last)))
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    for (size_t done = 0; rc == 0 && done < UNITS_A_TRANSACTION; done++) {
        r->at.len = key.mv_size < sizeof(r->at.bytes) ? key.mv_size : sizeof(r->at.bytes);
        memcpy(r->at.bytes, key.mv_data, r->at.len);
        rc = db == DB_UNIT ? set_right(r, &key, &value) : drop_stray(r, cursor, &key);
        if (rc == 0)
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    *out_end = rc == MDB_NOTFOUND;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int set_right(struct rebuild *r, const MDB_val *key, const MDB_val *unit)
{
    MDB_val at = *key, found, value;
    struct str row = summary_row_make(&r->maker, val_str(key), val_str(unit));
    if (str_is_null(row))
        return ENOMEM;
    int rc = mdb_cursor_get(r->rows, &at, &found, MDB_SET_KEY);
    if (rc == 0 && str_eq(val_str(&found), row))
        return 0;
    r->wrong++;
    value = val_of(row);
    at = *key;
    return rc == 0 || rc == MDB_NOTFOUND ? mdb_cursor_put(r->rows, &at, &value, 0) : rc;
}

static int drop_stray(struct rebuild *r, MDB_cursor *at, const MDB_val *key)
{
    MDB_val unit_key = *key, unit;
    int rc = mdb_get(r->maker.txn, r->maker.store->db[DB_UNIT], &unit_key, &unit);
    if (rc != MDB_NOTFOUND)
        return rc;
    r->wrong++;
    return mdb_cursor_del(at, 0);
}
