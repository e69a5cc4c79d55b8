// SPDX-License-Identifier: Apache-2.0
// queue/store/journal.h: the journal of a slot: what was committed and may not be in LMDB yet. Its
// file format, states and invariants are told in docs/queue-store.md; in short:
//
// The journal of slot N is the files `journal/NNN-*` in the folder of the records, of whoever holds
// the lock `journal/NNN.lock`. An entry is a head, puts and deletes, and zeros up to the next block
// of 4 KiB, so that no write touches a block that holds another entry. Entries are numbered without
// gaps (`sequence`), and so are the segments in the order in which they are begun. When two entries
// have one number, the one in the younger segment is true, and all from that number on in older
// segments are void: so an entry whose write failed is taken back by a void entry elsewhere.
#pragma once

#include "queue/store/store_overlay.h"

#define JOURNAL_HEAD_BYTES 64

enum journal_kind { JOURNAL_CHANGES = 1, JOURNAL_VOID = 2 };

struct journal_head {
    enum journal_kind kind;
    uint8_t slot;
    uint64_t identity; // of the store
    uint64_t segment, sequence;
    uint64_t last_id; // that this slot has given
    uint32_t payload_bytes, change_count;
    uint32_t payload_crc;
};

// --- The form of entries (journal_record.c) ------------------------------------------------------

void journal_head_put(const struct journal_head *head, char out[JOURNAL_HEAD_BYTES]);
// False: no head, or a damaged one.
bool journal_head_read(struct str bytes, struct journal_head *out) MUST_USE;
// Of the change's head and key: behind them the value comes.
#define JOURNAL_CHANGE_HEAD_BYTES 8
void journal_change_put(const struct overlay_change *change, size_t value_bytes, char *out);
// False at the end, or when the bytes make no sense: then *in is not at its end.
bool journal_change_read(struct scan *in, struct overlay_change *out) MUST_USE;
uint64_t journal_entry_bytes(const struct journal_head *head); // with its padding

// --- Segments (journal_file.c) -------------------------------------------------------------------

struct segment {
    struct link in_list;
    struct arena names;
    struct str path;
    uint32_t name; // the number in it
    int fd;
    uint64_t bytes, used;
    uint64_t last_sequence; // the last one acknowledged that is in it
    bool bad;               // a write or a sync of it failed: never again
    bool is_kept;           // bodies are left in it: its file has gone to the others of that kind
    bool stays; // whether it is wanted, or giving it away, failed: asked again after the next move
};

// What a slot has moved into LMDB, and where its counters stand.
struct slot_state {
    uint8_t slot;
    uint64_t sequence; // the last that is in LMDB
    uint64_t segment;  // the youngest number
    uint64_t last_id;
};

struct journal {
    struct arena arena; // of names
    struct str folder;
    struct store_faults *fail;
    size_t segment_bytes;
    uint64_t identity;
    int lock; // the slot's
    uint8_t slot;
    uint64_t sequence, segment; // the last ones used
    uint32_t next_name;
    struct segment *current; // NULL: the next entry begins a new one
    struct list free, used, doomed;
    size_t free_count;
};

struct str journal_folder(struct arena *a, struct str store_folder);
struct str slot_lock_path(struct arena *a, struct str journal_folder, uint8_t slot);
// The lowest slot that nobody owns.
struct err journal_claim(
        struct arena *a, struct str folder, int *out_lock, uint8_t *out_slot) MUST_USE;
struct journal *journal_new(struct str folder, struct store_faults *fail, uint64_t identity,
        int lock, const struct slot_state *state);
// Closes it, and with `remove_files` takes all its segments away: nothing must be in them.
void journal_free(struct journal *j, bool remove_files); // NULL is fine
struct str segment_path(struct arena *a, struct str folder, uint8_t slot, uint32_t name);
bool segment_name_read(struct str name, uint8_t *out_slot, uint32_t *out_name);
// A file that was found: it is written again, or removed when it does not fit. The name of one that
// must not be given again.
struct err journal_adopt(struct journal *j, struct arena *a, uint32_t name) MUST_USE;
void journal_avoid_name(struct journal *j, uint32_t name);
// A segment more that is free. The second form is for before there are tasks.
struct err journal_make_spare(
        struct journal *j, struct arena *a, enum segment_haste haste) suspends MUST_USE;
struct err journal_make_first(struct journal *j, struct arena *a) MUST_USE;

// The numbers that an entry of so many bytes will have.
struct journal_head journal_next(const struct journal *j, size_t bytes);
// On disk when it returns OK. After an error nothing of it will ever be found (ERR_RESET: may be).
struct err journal_append(struct journal *j, struct arena *a, struct str entry) suspends MUST_USE;
// The used segments whose entries are all in LMDB when those up to this one are.
void journal_take_used(struct journal *j, uint64_t sequence, struct list *out);
// These were taken and hold nothing any more; or, after a failure, go back as they came.
void journal_release(struct journal *j, struct list *segments);
void journal_put_back(struct journal *j, struct list *segments);
void journal_drop_doomed(struct journal *j, struct arena *a) suspends; // removes such files

// --- After a crash (journal_replay.c) ------------------------------------------------------------

struct store;
// Of a slot whose lock is held: all entries that LMDB does not have yet go there.
struct err journal_replay(
        struct store *store, struct arena *a, uint8_t slot, struct slot_state *out) MUST_USE;
// How many entries that would be. Reads only; for a slot that nobody owns.
struct err journal_waiting(
        struct store *store, struct arena *a, uint8_t slot, size_t *out) MUST_USE;
// One process at a time looks for journals without owner, from the claim of its own slot on: so who
// comes second finds in LMDB what the first one has found, and not a slot that is just being moved.
struct err journal_recovery_begin(struct store *store, struct arena *a, int *out_lock) MUST_USE;
void journal_recovery_end(int lock);
// All slots whose owner is gone.
struct err journal_recover(struct store *store, struct arena *a) MUST_USE;
