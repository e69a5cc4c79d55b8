// SPDX-License-Identifier: Apache-2.0
// queue/store/summary_row.h: the row that stands beside each unit for summaries
// (queue/store/summary.h), under the unit's key. What it says follows from the unit and its message
// alone, so it can always be made anew. Texts are in it as hashes under a key of the store's, which
// peers do not know. Private to the files of the embedded store.
#pragma once

#include "queue/store/store_lmdb.h"

struct summary_row {
    int64_t created_ms, due_ms;
    uint64_t bytes; // of the message
    uint64_t domain, sender, queue;
    int64_t error_at_ms; // of the last failed attempt; 0: none
    enum hold_reason hold;
    size_t part_count; // 0: nothing is known, for a record is damaged
};
// Recipients of the same fate.
struct summary_part {
    enum rcpt_status status;
    enum failure_kind kind;
    uint64_t count;
    uint64_t error; // hash of the text
};
struct summary_row summary_row_read(struct str value);
struct summary_part summary_part_read(struct str value, size_t i);
uint64_t summary_hash(const struct store *store, struct str text);
uint64_t summary_error_hash(const struct store *store, struct str text);

// Makes rows, for the length of a transaction.
struct summary_maker {
    struct store *store;
    MDB_txn *txn;
    struct arena scratch;
    struct buf row;
    uint64_t id; // the message that it has read last
    bool knows;
    int64_t created_ms;
    uint64_t bytes, sender;
};
void summary_maker_begin(struct summary_maker *m, struct store *store, MDB_txn *txn);
void summary_maker_end(struct summary_maker *m);
// The row for a unit's key and record, until the next one; null: no memory.
struct str summary_row_make(struct summary_maker *m, struct str key, struct str unit);
// 0, or LMDB's error. Nothing to be gone is none.
int summary_put(struct summary_maker *m, MDB_cursor *rows, struct str key, struct str unit);
int summary_gone(MDB_cursor *rows, struct str key);

// Has each unit its row? By their number alone.
bool summary_is_whole(struct store *store, MDB_txn *txn);
// How many units have no row, or a wrong one; at least 1 when there are rows without a unit.
int summary_wrong(struct store *store, MDB_txn *txn, uint64_t *out);
// Every row as it should be, in transactions of some thousand; says how many were not.
struct err summary_rebuild(struct store *store, struct arena *a, uint64_t *out_wrong) MUST_USE;
