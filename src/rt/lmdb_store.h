// SPDX-License-Identifier: Apache-2.0
// rt/lmdb_store.h: a store of records in an LMDB environment (rt/lmdb_env.h) as most of ours are:
// opened and closed as one thing, a transaction for the length of a function, and values by key.
// Who has one begins his own struct with it.
//
//     struct list {
//         struct lmdb_store store;
//     };
//     struct lmdb_store *store;
//     TRY(lmdb_store_new(a, &options, sizeof(struct list), &store));
//     struct list *s = CONTAINER_OF(store, struct list, store);
//     ...
//     struct lmdb_txn t AUTO(lmdb_txn_end) = {0};
//     TRY(lmdb_txn_begin(&s->store, a, LMDB_CHANGE, &t));
//     TRY(lmdb_get(&t, DB_ENTRY, key, &found));
//     ...
//     return lmdb_txn_commit(&t);
#pragma once

#include "rt/lmdb_env.h"

#define LMDB_DATABASES_MAX 16

#define LMDB_READERS_MAX 512 // processes and helper threads that read at the same moment

struct lmdb_store {
    struct arena arena; // of the folder's name, and other short things that live as long
    struct lmdb_options options;
    MDB_env *env;
    MDB_dbi db[LMDB_DATABASES_MAX];
};
// Of `bytes` in all: the store, and zeroes behind it. The options' folder is copied.
struct err lmdb_store_new(struct arena *a, const struct lmdb_options *options, size_t bytes,
        struct lmdb_store **out) MUST_USE;
void lmdb_store_free(struct lmdb_store *s); // NULL is fine

enum lmdb_access { LMDB_READ, LMDB_CHANGE };
struct lmdb_txn {
    struct lmdb_store *store;
    struct arena *arena; // of results and errors
    MDB_txn *txn;
};
struct err lmdb_txn_begin(struct lmdb_store *s, struct arena *a, enum lmdb_access access,
        struct lmdb_txn *out) MUST_USE;
struct err lmdb_txn_commit(struct lmdb_txn *t) MUST_USE;
void lmdb_txn_end(struct lmdb_txn *t); // aborts what was not committed: AUTO(lmdb_txn_end)
struct err lmdb_txn_trouble(struct lmdb_txn *t, int rc, const char *doing) MUST_USE;

// *out is a slice of the map, good until the next change; null: there is none.
struct err lmdb_get(struct lmdb_txn *t, int db, struct str key, struct str *out) MUST_USE;
// ERR_SYNTAX: LMDB takes no key of this length.
struct err lmdb_put(struct lmdb_txn *t, int db, struct str key, struct str value) MUST_USE;
struct err lmdb_remove(struct lmdb_txn *t, int db, struct str key) MUST_USE; // or it is not there
struct err lmdb_cursor(struct lmdb_txn *t, int db, MDB_cursor **out) MUST_USE;
