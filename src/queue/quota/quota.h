// SPDX-License-Identifier: Apache-2.0
// queue/quota/quota.h: how much may wait in the queue at once (queue.md 11). The counters lie in
// shared memory, for all workers of the node. What a message was charged stands in its record
// (message.quota_refs), so that the counters can be made anew from the store: at a start, and later
// where somebody else than a worker has taken messages out.
//
//     const struct quota *exceeded = NULL;
//     struct quota_charge charge;
//     TRY(quota_charge(&meter, a, &m, &charge, &exceeded));   // before the commit
//     if (exceeded != NULL)
//         return reply(s, exceeded->reply_code, exceeded->reply);
//     struct err e = store_commit(store, a, &accept, 1);
//     quota_settle(&meter, &charge, !failed(e));
//     ...
//     quota_release(&meter, &before, NULL);                   // after the commit of its removal
//
// Between quota_charge and quota_settle the charge belongs to the process: when it dies, the
// supervisor gives it back (quota_forget). Messages of our own, DSNs and reports, are exempt.
//
// A counter is found by a hash of 64 bits in a table of fixed size. Where the table is full,
// nothing is counted: mail that waits is better than mail that is refused for want of memory.
#pragma once

#include "events/event.h"
#include "queue/env.h"
#include "queue/settings.h"

struct quota_shared;

// For all processes, before they are forked; `wall_now_ms`: messages older than this are counted
// by quota_count, younger ones were charged. NULL: no memory.
struct quota_shared *quota_shared_new(int64_t wall_now_ms);
// The same in memory of the caller, which is zeroed: for tests.
size_t quota_shared_bytes(void);
struct quota_shared *quota_shared_at(void *memory, int64_t wall_now_ms);
void quota_forget(struct quota_shared *shared, size_t column); // its process has died

// A worker's.
struct quota_meter {
    const struct queue_settings *settings;
    struct quota_shared *shared;
    size_t column;
    struct event_log *log;          // may be NULL
    const struct expr_env *outside; // of match expressions; may be NULL
};

struct quota_charge {
    const struct quota_ref *refs;
    size_t count;
    uint64_t bytes;
};

// With *out_exceeded set nothing is charged. Else the message has its refs, in the arena. The
// errors are those of memory.
struct err quota_charge(struct quota_meter *meter, struct arena *a, struct message *m,
        struct quota_charge *out, const struct quota **out_exceeded) suspends MUST_USE;
enum quota_fate { QUOTA_GIVEN_BACK, QUOTA_KEPT };
void quota_settle(struct quota_meter *meter, const struct quota_charge *charge, enum quota_fate);

// What was charged for recipients and domains that are pending in `before` and not any more in
// `after`; with `after` NULL, the message is gone, all that is left. Both have all their units.
void quota_release(
        struct quota_meter *meter, const struct message *before, const struct message *after);

// Counts the messages that were in the store when the memory was made. For worker 0, in a task of
// its own, each time it starts: goes on where an earlier one ended.
struct err quota_count(
        struct quota_meter *meter, struct store *store, struct arena *a) suspends MUST_USE;
// Counts everything anew, and corrects the counters that nobody has touched since a minute before:
// what commands have taken out of the queue, and what deaths left over. From time to time.
struct err quota_recount(
        struct quota_meter *meter, struct store *store, struct arena *a) suspends MUST_USE;

struct quota_level {
    uint64_t messages, bytes;
};
struct quota_level quota_level(struct quota_shared *shared, uint64_t key);
// The counter of a quota for a message and a recipient.
uint64_t quota_key(struct arena *scratch, const struct quota *q, const struct queue_env *env);
// What that counter is for, in words: the name and the value of a part of the quota's key.
struct str quota_part_name(struct arena *scratch, const struct quota_part *part);
struct str quota_part_value(
        struct arena *scratch, const struct quota_part *part, const struct queue_env *env);
