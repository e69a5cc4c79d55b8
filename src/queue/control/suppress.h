// SPDX-License-Identifier: Apache-2.0
// queue/control/suppress.h: the suppression list (queue.md 18, row 18; outbound.md 28.6): addresses
// that get no mail of ours any more, because mail to them came back for good, because somebody
// complained, or because a person says so. Who writes to them all the same is refused at RCPT, or
// his mail is dropped, as queue.suppress.action says; what was queued before fails at its next
// attempt.
//
// The list is an LMDB environment of its own in the state folder, which all workers and the
// commands have open at the same time, so that a change by any of them is seen by the next question
// of all. A list may have millions of entries; a question costs a look into the map and no system
// call.
//
// A worker has it as a service. It asks as it goes; what comes back is noted in memory and written
// down at once by a task, one commit for all that came meanwhile:
//
//     TRY(suppress_service_new(&options, &service));
//     TRY(group_spawn(&tending, suppress_main, service));
//     if (suppress_applies(service, &env, &scratch) &&
//             suppress_has(service, &scratch, address.normal, &entry))
//         ...refuse...
//     suppress_note(service, &bounce);
//
// A list that cannot be read suppresses nobody: mail goes on, and the event store.error tells.
#pragma once

#include "base/base.h"

struct conf;
struct event_log;
struct expr_setting;
struct findings;
struct queue_env;

// -- Entries --------------------------------------------------------------------------------------

#define SUPPRESS_ADDRESS_BYTES_MAX 500 // what LMDB takes as a key; a path has 254 octets
#define SUPPRESS_TEXT_BYTES_MAX 500    // of a reply, more is cut off

enum suppress_reason { SUPPRESS_BOUNCE, SUPPRESS_COMPLAINT, SUPPRESS_MANUAL, SUPPRESS_REASONS };

struct suppress_entry {
    struct str address; // in the spelling of mail_address_normal()
    enum suppress_reason reason;
    struct str bounce_class; // of SUPPRESS_BOUNCE: its word; empty: not known
    struct str text;         // what the host said, or a person
    struct str by;           // who put it there: a queue id, a command
    uint32_t bounces;        // hard ones, as far as they were counted
    int64_t since_ms;        // 0: they are counted, and it is not suppressed yet
    int64_t until_ms;        // 0: until it is removed. Then the count is forgotten, too
};

// Is it suppressed now?
bool suppress_holds(const struct suppress_entry *entry, int64_t wall_now_ms);
struct str suppress_reason_word(enum suppress_reason reason); // "bounce", "complaint", "manual"
bool suppress_reason_named(struct str word, enum suppress_reason *out);
// The address of a text, as the list knows it. ERR_SYNTAX says what is wrong with it.
struct err suppress_address(struct arena *a, struct str text, struct str *out) MUST_USE;

// A line of a file to import: an address, and behind a comma, a TAB or a blank what is to be kept
// as its text. False, without an error: an empty line, or a comment behind '#'.
struct err suppress_line_read(
        struct arena *a, struct str line, struct suppress_entry *out, bool *out_is_entry) MUST_USE;

// -- The list -------------------------------------------------------------------------------------

struct suppress_list;

enum suppress_use { SUPPRESS_SERVE, SUPPRESS_LOOK }; // LOOK: ERR_NOT_FOUND when there is none yet
struct str suppress_folder(struct arena *a, const struct conf *conf);
struct err suppress_open(struct arena *a, struct str folder, enum suppress_use use,
        struct suppress_list **out) MUST_USE;
void suppress_close(struct suppress_list *list); // NULL is fine

// Of any entry, whether it holds or not. ERR_NOT_FOUND: there is none. It lives in the arena.
struct err suppress_find(struct suppress_list *list, struct arena *a, struct str address,
        struct suppress_entry *out) MUST_USE;

// Blocking calls, which wait for the disk: a worker makes them on a helper thread. All of it or
// nothing. Entries replace those of the same address.
struct err suppress_put(struct suppress_list *list, struct arena *a,
        const struct suppress_entry *entries, size_t count) MUST_USE;
// ERR_NOT_FOUND: there is none.
struct err suppress_remove(
        struct suppress_list *list, struct arena *a, struct str address) MUST_USE;

struct suppress_bounce { // mail to this address came back for good, or succeeded
    struct str address;
    struct str bounce_class, text, by;
    int64_t at_ms;
    bool is_good; // it was taken: what was counted before is forgotten
};
struct suppress_counting {
    uint32_t after;  // so many of them suppress
    int64_t keep_ms; // for so long, 0: for ever; and so long a count is remembered
};
// out_news[i] is set for those that are suppressed from now on.
struct err suppress_count(struct suppress_list *list, struct arena *a,
        const struct suppress_counting *how, const struct suppress_bounce *all, size_t count,
        bool *out_news) MUST_USE;

// A page in the order of domains. `after`: the address at which the last one ended; null: from the
// beginning. `domain`: only its addresses; null: all.
struct suppress_query {
    struct str after, domain;
    size_t limit;
};
struct suppress_page {
    VEC(struct suppress_entry) entries;
    bool end; // there are no more
};
struct err suppress_list_page(struct suppress_list *list, struct arena *a,
        const struct suppress_query *query, struct suppress_page *out) MUST_USE;
struct err suppress_total(struct suppress_list *list, struct arena *a, uint64_t *out) MUST_USE;

// Removes those whose time is over, of a part of the list that begins behind `*from` (empty: at the
// beginning); *from becomes where to go on, in the arena, empty at the end.
struct err suppress_sweep(struct suppress_list *list, struct arena *a, int64_t wall_now_ms,
        struct str *from, size_t *out_removed) MUST_USE;

// -- Settings: queue.suppress ---------------------------------------------------------------------

enum suppress_action { SUPPRESS_REJECT, SUPPRESS_DISCARD };

struct suppress_settings {
    bool is_on;
    enum suppress_action action;
    struct suppress_counting counting;
    const struct expr_setting *match; // which mail goes by the list, and fills it
    bool asks_message; // `match` asks for what is not known at RCPT: the attempt decides
    struct str folder;
};
struct err suppress_settings_make(struct arena *a, const struct conf *conf,
        struct findings *findings, struct suppress_settings *out) MUST_USE;

// -- Of a worker ----------------------------------------------------------------------------------

struct suppress_service;

struct suppress_options {
    const struct suppress_settings *settings;
    struct event_log *log;
    bool sweeps; // one worker of the node does
};
// ERR_LIMIT: no memory. NULL when the settings say that there is no list.
struct err suppress_service_new(
        const struct suppress_options *options, struct suppress_service **out) MUST_USE;
void suppress_service_free(struct suppress_service *s); // NULL is fine
struct err suppress_main(
        void *suppress_service) suspends MUST_USE;        // a task_main: writes and sweeps
void suppress_write(struct suppress_service *s) suspends; // what is noted, now
const struct suppress_settings *suppress_service_settings(const struct suppress_service *s);

// Does this mail go by the list? A `match` that cannot be evaluated means that it does not, and is
// told as eval.error. False for NULL, as is the next one, which gives what is known of an address,
// zeroed when that is nothing, and says whether it is suppressed.
bool suppress_applies(
        struct suppress_service *s, struct queue_env *env, struct arena *scratch) suspends;
bool suppress_has(struct suppress_service *s, struct arena *a, struct str address,
        struct suppress_entry *out);
// Copied. There is room for so many until they are written; what is beyond is lost, and told.
#define SUPPRESS_NOTED_MAX 10000
void suppress_note(struct suppress_service *s, const struct suppress_bounce *bounce);
