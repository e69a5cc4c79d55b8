// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_cache.h: what a worker knows of domains and MTA-STS; private to sts*.c. An
// entry is what stands in memory of one domain: its policy, the fetch that is on its way, the last
// failure. Entries that nobody holds make room for others, the longest unused first; the policies
// are still on disk then.
#pragma once

#include "base/list.h"
#include "base/map.h"
#include "deliver/security/sts.h"
#include "rt/task.h"

#define STS_TEXT_BYTES_MAX (64 * KIB)                       // outbound.md 16.2
#define STS_RECORD_BYTES_MAX (STS_TEXT_BYTES_MAX + 4 * KIB) // on disk: names, moments, frame
#define STS_KNOWN_BYTES_MAX MIB                             // in memory: the text and its exchanges
#define STS_WHY_BYTES_MAX 256                               // of a failure, as TLS reports cut it

struct sts_entry {
    struct link in_order; // of the cache: the longest unused first
    struct str domain;    // behind the entry
    struct sts_cache *cache;
    size_t holders;
    size_t bytes; // counted
    struct arena arena;
    struct sts_known *known; // in the arena; NULL: none. It may have expired
    bool was_read;           // the disk was asked
    int64_t used_saved_ms;   // what the disk says of its last use; 0: nothing
    // The fetch.
    bool busy;
    struct waitq done;
    uint64_t fetches; // ended, well or not
    // The last one, if it failed: no other before retry_at_ms (of now_ms).
    enum sts_fault fault;
    char why[STS_WHY_BYTES_MAX];
    size_t why_bytes;
    int64_t retry_at_ms, wait_ms;
};

struct sts_cache {
    struct sts_cache_options options;
    struct http_trust *system; // made with the first fetch
    struct map entries;
    struct list order;
    size_t bytes;
};

// The entry of a domain, made when there is none; it stays until it is let go.
struct err sts_entry_hold(
        struct sts_cache *cache, struct str domain, struct sts_entry **out) MUST_USE;
void sts_entry_let_go(struct sts_entry *entry); // NULL is fine
static inline void sts_entry_let_go_auto(struct sts_entry **entry)
{
    sts_entry_let_go(*entry);
}
// Replaces what is known by a copy. ERR_SYNTAX: the text is no policy, and nothing has changed.
struct err sts_entry_learn(
        struct sts_entry *entry, struct arena *scratch, const struct sts_known *known) MUST_USE;
void sts_entry_failed(struct sts_entry *entry, enum sts_fault fault, struct str why);
static inline struct str sts_entry_why(const struct sts_entry *entry)
{
    return str_of(entry->why, entry->why_bytes);
}
static inline bool sts_entry_is_live(const struct sts_entry *entry, int64_t wall_now_ms)
{
    return entry->known != NULL && wall_now_ms < entry->known->expires_ms;
}

// Reads text into the rest of what is known (domain, id, text, fetched_ms are given), all of it
// copied.
struct err sts_known_make(
        struct arena *a, const struct sts_known *from, struct sts_known *out) MUST_USE;

// --- The disk (sts_file.c) -----------------------------------------------------------------------

struct sts_saved { // a file
    struct sts_known known;
    int64_t used_ms;
};
// ERR_NOT_FOUND: there is none, or it cannot be read as one.
struct err sts_file_read(const struct sts_cache *cache, struct arena *a, struct str domain,
        struct sts_saved *out) suspends MUST_USE;
// `policy` of what is known is not looked at.
struct err sts_file_write(const struct sts_cache *cache, struct arena *a,
        const struct sts_saved *saved) suspends MUST_USE;
// One fetch of a domain at a time on this machine. *out_taken: the turn is ours until it is given
// back, or the process ends. Where the disk fails all may go on.
struct sts_turn {
    struct str path; // null: there is nothing to give back
    int fd;
};
struct err sts_turn_take(const struct sts_cache *cache, struct arena *a, struct str domain,
        struct sts_turn *out, bool *out_taken) suspends MUST_USE;
void sts_turn_give(struct sts_turn *turn) suspends;

// What of a policy matters to those who keep it up to date.
struct sts_listed {
    struct str domain, id;
    int64_t fetched_ms, used_ms;
};
// Those of all domains. What has expired, and files that hold none, are removed.
struct err sts_file_list(const struct sts_cache *cache, struct arena *a, int64_t wall_now_ms,
        struct sts_listed **out, size_t *out_count) suspends MUST_USE;

// --- HTTPS (sts_fetch.c) -------------------------------------------------------------------------

struct sts_fetched {
    enum sts_fault fault;
    struct str why;  // of the fault; without one, what was odd all the same
    struct str text; // of a policy, not yet read
};
// Ends by the deadline of the caller's scope; an error is ours, and otherwise the fault says it.
struct err sts_fetch(const struct sts_inputs *in, struct arena *a, struct str domain,
        struct sts_fetched *out) suspends MUST_USE;

// --- Knowing (sts_discover.c, sts_renew.c) -------------------------------------------------------

int64_t sts_left_ms(int64_t ends_ms); // of now_ms; never below 0

enum sts_found { STS_RECORD_FOUND, STS_RECORD_ABSENT, STS_RECORD_BAD, STS_RECORD_UNKNOWN };
struct sts_discovery {
    enum sts_found found;
    struct str id;  // of STS_RECORD_FOUND
    struct str why; // of the others
};
struct err sts_discover(const struct sts_inputs *in, struct arena *a, struct str domain,
        int64_t ends_ms, struct sts_discovery *out) suspends MUST_USE;

// Makes the entry know the policy of this id as well as that is possible now: from memory, the
// disk, or by a fetch, which is waited for when somebody else is at it. *out_is_new: what is known,
// or the failure, comes from a fetch that ended meanwhile, so it counts whatever its max_age.
enum sts_renewal { STS_IF_CHANGED, STS_IN_ANY_CASE };
struct err sts_renew(const struct sts_inputs *in, struct sts_entry *entry, struct str id,
        enum sts_renewal when, int64_t ends_ms, bool *out_is_new) suspends MUST_USE;
// What the disk has, once.
struct err sts_recall(struct sts_entry *entry) suspends MUST_USE;
// Somebody used it: noted on disk now and then, so that it is refreshed.
struct err sts_note_use(const struct sts_inputs *in, struct sts_entry *entry) suspends MUST_USE;
