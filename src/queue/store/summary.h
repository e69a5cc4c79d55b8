// SPDX-License-Identifier: Apache-2.0
// queue/store/summary.h: the queue in groups (queue.md 14.2): how many messages and recipients wait
// for a domain, from a sender, with an error, in a virtual queue; since when, and until when.
//
// Beside each unit the store keeps a row of what such questions are about, some ninety bytes
// without any text, written in the transaction that writes the unit. A summary reads the rows
// alone, in their order on disk: a million in less than two tenths of a second, and what it says is
// exact. Groups are told apart by hashes; what they are called is read from the records of those
// that are asked for. It sees what is in LMDB, as tools do: what was accepted a moment ago comes
// there within a second.
//
//     struct summary_options options = {.by = SUMMARY_BY_DOMAIN, .now_ms = wall_ms()};
//     TRY(summary_make(store, a, &options, 50, &result));
//
// A worker must not stand still so long: it counts in steps, and asks for groups by their names.
//
//     struct summary *s AUTO(summary_auto_free) = NULL;
//     TRY(summary_new(&options, &s));
//     for (bool end = false; !end;)
//         TRY(summary_step(s, store, a, UNITS, &end)); // and rests
//     const struct summary_group *g = summary_find(s, store, S("remote"));
#pragma once

#include "queue/store/store.h"

#define SUMMARY_AGES 10 // 5 minutes, twice as much each, and what is older than 1280
#define SUMMARY_KINDS (FAILURE_IO + 1)
#define SUMMARY_TEXT_MAX 200 // bytes of an error's text that tell groups apart

enum summary_by {
    SUMMARY_BY_DOMAIN, // of the recipients
    SUMMARY_BY_SENDER,
    SUMMARY_BY_ERROR, // text of the last one of a recipient
    SUMMARY_BY_QUEUE,
    SUMMARY_BY_STATUS, // of a recipient; "held" of those pending in a unit that is held
};

// A message with recipients of two groups counts in both; what else is counted is recipients. What
// each row touches stands first: there may be many groups.
struct summary_group {
    uint64_t hash, last_id; // private
    uint64_t messages, bytes, rcpts;
    uint64_t pending; // not final yet: due, deferred, waiting and held together
    int64_t oldest_ms;
    int64_t next_ms;               // NEVER_MS: of itself never
    uint64_t due;                  // its unit is to be looked at now,
    uint64_t deferred;             // or later, after an attempt failed,
    uint64_t waiting;              // or later, before the first;
    uint64_t held;                 // or only when it is released
    uint32_t ages[SUMMARY_AGES];   // messages
    uint32_t kinds[SUMMARY_KINDS]; // recipients whose last attempt failed so
    int64_t error_at_ms;           // 0: no attempt has failed
    struct str key, error;         // the error: text of the last one
    uint64_t error_id;             // private: where the texts stand
    uint16_t last_number, error_number;
};

struct summary_options {
    enum summary_by by;
    int64_t now_ms; // wall
};
struct summary_result {
    struct summary_group *groups; // those with most messages, the largest first
    size_t count, all_count;      // given; there are
    struct summary_group all;     // each message once; without a key
};
// All of one moment.
struct err summary_make(struct store *store, struct arena *a, const struct summary_options *options,
        size_t top, struct summary_result *out) MUST_USE;

struct summary;
struct err summary_new(const struct summary_options *options, struct summary **out) MUST_USE;
void summary_free(struct summary *s);
static inline void summary_auto_free(struct summary **s)
{
    summary_free(*s);
}
// At most so many units more; each step sees a moment of its own.
struct err summary_step(struct summary *s, struct store *store, struct arena *a, size_t units_max,
        bool *out_end) MUST_USE;
// Groups without their texts. NULL: nothing is in it. Of SUMMARY_BY_STATUS there is none.
const struct summary_group *summary_find(
        const struct summary *s, const struct store *store, struct str key);
const struct summary_group *summary_all(const struct summary *s); // when the last step was made
