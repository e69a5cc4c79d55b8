// SPDX-License-Identifier: Apache-2.0
// queue/store_lmdb.h: what the files of the LMDB store share.
//
// Databases: `message` id -> record and inline body; `unit` id, number -> record; `due` slot, due,
// id, number -> nothing; `link` digest, id -> nothing, for bodies that are files; `meta` name ->
// text. Keys are big-endian: byte order is the order of numbers.
#pragma once

#include "base/id.h"
#include "queue/store.h"

#include <lmdb.h>

#define DIGEST_LINK_BYTES (BODY_DIGEST_BYTES + 8)

enum store_db { DB_MESSAGE, DB_UNIT, DB_DUE, DB_LINK, DB_META, DB_COUNT };

struct store {
    struct arena arena; // of the names
    struct store_options options;
    MDB_env *env;
    MDB_dbi db[DB_COUNT];
    _Atomic bool broken; // LMDB will have nothing more to do with this handle: see store_mend
    // Group commit. `waiting` are the requests of tasks; one of these tasks leads.
    struct list waiting;
    bool committing;
    struct waitq moved;
    // Ids whose commit failed in such a way that they may be there: removed before anything else.
    VEC(uint64_t) doubtful;
    struct buf scratch; // of the helper thread, one commit at a time
};

struct key {
    uint8_t bytes[48];
    size_t len;
};
struct key key_message(uint64_t id);
struct key key_unit(uint64_t id, uint16_t number);
struct key key_due(uint8_t slot, int64_t at_ms, uint64_t id, uint16_t number);
struct key key_link(const uint8_t digest[BODY_DIGEST_BYTES], uint64_t id);
MDB_val key_val(const struct key *key);
uint64_t key_u64(const void *at);
bool key_is_unit(const MDB_val *val, uint64_t *out_id, uint16_t *out_number);
bool key_is_due(const MDB_val *val, uint8_t *out_slot, struct due *out);

struct str val_str(const MDB_val *val);

// What LMDB says, in words for a person, with the kind that fits.
struct err store_trouble(struct arena *a, int rc, const char *doing) MUST_USE;
// After MDB_PANIC: the handle is closed and opened again, so that the store is as it lies on disk.
struct err store_mend(struct store *store, struct arena *a) MUST_USE;

struct str blob_path(struct store *store, struct arena *a, const uint8_t digest[BODY_DIGEST_BYTES]);

// For the length of a function that does not suspend.
struct reading {
    MDB_txn *txn;
};
struct err reading_begin(struct store *store, struct arena *a, struct reading *out) MUST_USE;
void reading_end(struct reading *r);

// Writing, shared by commits and repairs. 0 or LMDB's error.
int write_unit(struct store *store, MDB_txn *txn, const struct unit *u, struct buf *scratch);
int write_remove(struct store *store, struct arena *a, MDB_txn *txn, uint64_t id);
