// SPDX-License-Identifier: Apache-2.0
// queue/store/store_kept.h: bodies that LMDB leaves in the segments of the journal (store_kept.c).
#pragma once

#include "queue/store/store_lmdb.h"

struct kept {
    struct str head; // of the message's value
    uint8_t slot;
    uint32_t name; // of the segment
    uint64_t at;
    size_t bytes; // the body and its checksum
};

struct str kept_folder(struct arena *a, struct str store_folder);
// Is this the value of a message whose body is elsewhere?
bool kept_read(struct str value, struct kept *out);
// The value as it would be if the body were in it, or its head alone.
struct err kept_value(struct store *store, struct arena *a, const struct kept *kept, bool with_body,
        struct str *out) MUST_USE;

// A message as LMDB or an overlay has it, wherever its body is; copied into the arena. Units are
// not filled. The body is checked when it is read.
struct err stored_message(struct store *store, struct arena *a, uint64_t id, struct str value,
        enum store_body body, struct message *out) MUST_USE;

// May the body of this value, which is in the overlay, stay where it is?
bool kept_fits(const struct overlay *o, struct str value, struct kept *out);
int kept_put(struct store *store, MDB_txn *txn, MDB_cursor *cursor, struct str id,
        const struct kept *kept);
int kept_remove(struct store *store, MDB_txn *txn, uint64_t id, const struct kept *kept);
bool kept_has_room(struct store *store, struct arena *a); // for more segments

// A segment whose entries are all moved leaves the journal if bodies in it are wanted.
struct err kept_give(struct store *store, struct arena *a, uint8_t slot, uint32_t name,
        bool *out_given) MUST_USE;
// A message of this segment was removed: the file goes with the last one.
void kept_tidy(struct store *store, struct arena *a, uint8_t slot, uint32_t name);
