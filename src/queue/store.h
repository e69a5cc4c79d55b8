// SPDX-License-Identifier: Apache-2.0
// queue/store.h: where the queue lies on disk: about ten operations in words of mail, so that other
// engines can stand behind them. This one is LMDB: one environment for a node, shared by all its
// workers; each process opens its own handle after it was forked.
//
// Changes are committed in groups: whoever comes while a commit runs waits for the next one, which
// takes all that wait at that moment, with one sync by a helper thread. A change that is not alone
// costs little; one that is alone is committed at once. When store_commit returns OK the change is
// on disk; after any error none of it is.
#pragma once

#include "base/list.h"
#include "queue/message.h"
#include "rt/task.h"

struct store;

struct store_options {
    struct str folder;         // of the records; made when missing
    struct str blob_folder;    // of large bodies
    uint64_t map_bytes_max;    // what the records may grow to
    size_t batch_max;          // 0: BATCH_CHANGES_MAX
    bool read_only;            // for looking at a queue
    struct store_faults *fail; // tests: what shall go wrong
};

// Errors say what to do: another owner, a newer format, a full disk.
struct err store_open(
        struct arena *a, const struct store_options *options, struct store **out) suspends MUST_USE;
void store_close(struct store *store); // NULL is fine

enum store_change_kind {
    STORE_ACCEPT, // a message with its units
    STORE_UPDATE, // one unit, if its version is still the one read; the new one is one more
    STORE_REMOVE, // a message with its units and its body
};

struct store_change {
    enum store_change_kind kind;
    const struct message *message; // ACCEPT
    const struct unit *unit;       // UPDATE
    uint64_t id;                   // REMOVE
};

// All of them or none. ERR_EXISTS, ERR_NOT_FOUND: the change does not fit what is stored (an id
// twice, a version that is gone, nothing to remove); ERR_NO_SPACE, ERR_IO: the disk's fault. What
// the changes point to must stay until it returns, which no cancellation hurries.
struct err store_commit(struct store *store, struct arena *a, const struct store_change *changes,
        size_t count) suspends MUST_USE;

// --- Reading: at once, from what is committed --------------------------------------------------

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
struct due {
    int64_t at_ms;
    uint64_t id;
    uint16_t number;
};
struct err store_due(struct store *store, struct arena *a, uint8_t slot, int64_t until_ms,
        const struct due *after, size_t limit, struct due **out, size_t *out_count) MUST_USE;

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

// What a test makes fail, counted down: at 1 the next one fails.
struct store_faults {
    int commit_fails_in; // 0: never
    int errno_value;
    bool after_commit; // the commit succeeds, and its success is not known
};
