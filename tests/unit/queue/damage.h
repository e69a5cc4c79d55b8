// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/damage.h: records written and taken away behind the store's back.
#pragma once

#include "place.h"

#include "queue/store/store_lmdb.h"

static inline void put(
        struct place *p, MDB_txn *txn, enum store_db db, struct key key, struct str value)
{
    MDB_val at = key_val(&key),
            val = {.mv_size = value.len, .mv_data = (void *)(uintptr_t)value.ptr};
    assert_int_equal(mdb_put(txn, p->store->db[db], &at, &val, 0), 0);
}

static inline void del(struct place *p, MDB_txn *txn, enum store_db db, struct key key)
{
    MDB_val at = key_val(&key);
    assert_int_equal(mdb_del(txn, p->store->db[db], &at, NULL), 0);
}

static inline void nothing(struct place *p, MDB_txn *txn)
{
    (void)p, (void)txn;
}
