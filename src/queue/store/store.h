// SPDX-License-Identifier: Apache-2.0
// queue/store/store.h: where the queue lies on disk: about ten operations in words of mail, so that
// other engines can stand behind them. This one is LMDB, one environment for a node, shared by all
// its processes, and before it a journal for each worker (docs/queue-store.md has the form of
// both). Each process opens its own handle after it was forked.
//
// A worker opens with `journal`: it then owns one of 127 slots, of which its ids tell
// (store_new_id), and that slot's journal. Its changes are committed in groups: whoever comes while
// a commit runs waits for the next one, which takes all that wait at that moment, as one record
// appended to the journal and one sync by a helper thread. When store_commit returns OK the change
// is on disk. What is committed is moved into LMDB behind the scenes, by the task that runs
// store_tend.
//
// What others see: this process sees its commits at once. All other processes read LMDB, and see
// them when they were moved, at most MOVE_AFTER_MS (limits.h) and the length of one transaction
// later; not before this process gets around to it, if it hangs; after a crash, when the next
// process opens the store to write. store_settle moves all at once.
//
// Without `journal` (tools) a commit is a transaction of LMDB, which all see when it returns.
//
//     struct store_options options = {.folder = ..., .journal = true, .node = 1};
//     TRY(store_open(a, &options, &store));
//     TRY(group_spawn(&worker->group, store_tend, store)); // until it is cancelled
//     ...
//     TRY(store_settle(store, a));                         // when the last session has gone
//     store_close(store);
#pragma once

#include "base/list.h"
#include "queue/message.h"
#include "rt/task.h"

struct store;
struct metrics_column;

struct store_options {
    struct str folder;              // of the records; made when missing
    struct str blob_folder;         // of large bodies
    uint64_t map_bytes_max;         // what the records may grow to
    size_t batch_max;               // 0: BATCH_CHANGES_MAX
    bool read_only;                 // for looking at a queue
    bool journal;                   // a worker's: claims a slot
    uint8_t node;                   // of this node's ids, 1..255 (cluster.node-id); 0: 1
    struct metrics_column *metrics; // where commits are measured; NULL: nowhere
    struct store_faults *fail;      // tests: what shall go wrong
};

// Errors say what to do: another owner, a newer format, a full disk. What processes that are gone
// had committed to their journals is moved into LMDB first, unless it is only read.
struct err store_open(
        struct arena *a, const struct store_options *options, struct store **out) suspends MUST_USE;
void store_close(struct store *store); // what is not settled stays in the journal; NULL is fine

// The main function of a task: moves what is committed into LMDB, and makes new segments of the
// journal before they are needed. `arg` is the store. Returns when it is cancelled; without it the
// journal fills, and those who commit do its work.
struct err store_tend(void *store) suspends MUST_USE;
// What this process accepts, for who delivers it: each unit as soon as it is committed, so that
// nobody has to look for it. NULL: nobody wants to know any more. What does not fit is counted as
// missed: then the store must be looked through (store_due).
struct due {
    int64_t at_ms;
    uint64_t id;
    uint16_t number;
};
#define STORE_NEWS_MAX 4096
struct store_news {
    struct waitq come;
    struct due at[STORE_NEWS_MAX]; // a ring
    size_t first, count;
    bool missed;
};
void store_tell_news(struct store *store, struct store_news *news);
bool store_news_take(struct store_news *news, struct due *out);

// All that was committed when it was called is in LMDB when it returns OK.
struct err store_settle(struct store *store, struct arena *a) suspends MUST_USE;

// Larger than all that this slot ever gave (queue.md 2.1). Without a journal: of slot 127, whose
// sequence begins anywhere, so that tools that run at the same time hardly meet.
uint64_t store_new_id(struct store *store);
uint8_t store_slot(const struct store *store); // ID_SLOT_OUTSIDE without a journal
// Is there a process that owns this slot? If not, its units are to be adopted by somebody. The
// journals of the dead are empty by then: see store_recover.
bool store_slot_is_owned(struct store *store, struct arena *a, uint8_t slot);
// Takes over the slot of a process that is gone, until store_slot_give: nobody else has it then.
// The lock's descriptor; -1: somebody has it.
int store_slot_take(struct store *store, struct arena *a, uint8_t slot);
void store_slot_give(int *lock); // -1 then
// What store_open does at first, again: journals whose process has died meanwhile are moved into
// LMDB. For who adopts.
struct err store_recover(struct store *store, struct arena *a) MUST_USE;

enum store_change_kind {
    STORE_ACCEPT, // a message with its units
    STORE_UPDATE, // one unit, if its version is still the one read; the new one is one more
    STORE_REMOVE, // a message with its units and its body
    STORE_CLEAN,  // an entry of what is due, for store_clean: fits if nothing is due by it
};

// A message that was in another queue before (queue.md 13.11). The store remembers it for ever, in
// the same commit as the message, and takes none of the same origin again.
struct store_origin {
    uint64_t store; // see store_identity
    uint64_t id;    // there
};

struct store_change {
    enum store_change_kind kind;
    const struct message *message;     // ACCEPT
    const struct store_origin *origin; // ACCEPT by a tool; NULL: it was in no other queue
    const struct unit *unit;           // UPDATE
    uint64_t id;                       // REMOVE
    struct due due;                    // CLEAN
};

// All of them or none. ERR_EXISTS, ERR_NOT_FOUND: the change does not fit what is stored (an id
// twice, a version that is gone, nothing to remove); ERR_NO_SPACE, ERR_IO: the disk's fault. After
// these nothing of it will ever be found. ERR_RESET: the disk failed so that nobody can know what
// it has kept: neither yes nor no may be answered, only the connection closed. What the changes
// point to must stay until it returns, which no cancellation hurries.
struct err store_commit(struct store *store, struct arena *a, const struct store_change *changes,
        size_t count) suspends MUST_USE;

uint64_t store_identity(const struct store *store); // by chance, when it was made
// Under which id a message of that origin was taken; 0: never. One of this very store is here
// under its own, as long as it is.
struct err store_find_imported(struct store *store, struct arena *a,
        const struct store_origin *origin, uint64_t *out_id) MUST_USE;

// --- Reading: at once, from what is committed ---------------------------------------------------

// Copied into the arena. Inline bodies only when asked for; they are checked then.
enum store_body { STORE_WITHOUT_BODY, STORE_WITH_BODY };
struct err store_read(struct store *store, struct arena *a, uint64_t id, enum store_body body,
        struct message *out) MUST_USE;
struct err store_read_unit(struct store *store, struct arena *a, uint64_t id, uint16_t number,
        struct unit *out) MUST_USE;

// Messages in the order of their ids, those after `after`, without bodies. Damaged ones are counted
// and passed over.
typedef bool store_wanted_fn(const void *filter, const struct message *m);
struct store_query {
    uint64_t after; // 0: from the first
    bool downwards; // newest first; then `after` 0 means from the last
    size_t limit;
    size_t scan_max;         // gives up after so many messages, wanted or not; 0: no bound
    store_wanted_fn *wanted; // NULL: all
    const void *filter;
};
struct store_page {
    struct message *messages;
    size_t count;
    size_t damaged;
    uint64_t next; // for `after` of the next page
    bool end;
};
struct err store_list(struct store *store, struct arena *a, const struct store_query *query,
        struct store_page *out) MUST_USE;

// Units of a slot that are due until a moment, earliest first.
struct err store_due(struct store *store, struct arena *a, uint8_t slot, int64_t until_ms,
        const struct due *after, size_t limit, struct due **out, size_t *out_count) MUST_USE;

// queue.md 3.1 (I2), 3.5: somebody has met this entry, and could do nothing with it. It goes, and
// with it what nobody can use: a unit without a message; a message whose record is damaged, a unit
// that is. The bytes of the latter are kept as files in the folder `quarantine` beside the bodies.
enum store_cleaned {
    CLEANED_NOTHING, // all is well with it
    CLEANED_ENTRY,   // that was left over
    CLEANED_UNIT,    // was damaged
    CLEANED_MESSAGE, // it was, or its last unit
};
struct err store_clean(struct store *store, struct arena *a, const struct due *due,
        enum store_cleaned *out) suspends MUST_USE;

struct store_figures {
    uint64_t messages, units, large_bodies;
    uint64_t used_bytes;
};
struct err store_figures(struct store *store, struct store_figures *out) MUST_USE;

// queue.md 3.6: what does not fit together. The findings are told as they are met; with `repair`
// they are then mended, in transactions of some hundred: what is damaged is kept as a file in the
// folder `quarantine` beside the bodies.
struct store_check {
    uint64_t messages, units, due, links; // seen
    uint64_t findings, repaired;
};
typedef void store_finding_fn(void *ctx, struct str text);
// Files without a message are left over only when they are older than an hour: younger ones may
// belong to a message that is just being accepted.
struct store_check_options {
    bool repair;
    int64_t wall_now_ms;
    store_finding_fn *say; // may be NULL
    void *ctx;
};
struct err store_check(struct store *store, struct arena *a,
        const struct store_check_options *options, struct store_check *out) MUST_USE;

// What a test makes fail. Writes, syncs, and whatever else is asked of the disk are counted as they
// come; of LMDB only its commit is.
struct store_faults {
    int commit_fails_in;       // LMDB's commits, counted down: at 1 the next one fails; 0: never
    int errno_value;           // 0: EIO
    bool after_commit;         // the commit succeeds, and its success is not known
    _Atomic int body_errno;    // of every write of a body's file; 0: they are well
    _Atomic int calls;         // of the journal to the disk, counted
    int fail_from, fail_until; // those of such numbers fail; 0, 0: none
    bool done_but_failed;      // they do what they should, and fail then
    size_t segment_bytes;      // smaller segments, so that many are needed; 0: SEGMENT_BYTES
};
