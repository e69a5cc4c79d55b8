// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn.h: delivery status notifications (queue.md 12; RFC 3461, 3464, 6522, 6533, 3834):
// which recipient is owed one, whether it may be sent, and what it says. Values in, a message out,
// which the caller commits together with the recipients' new status in one store_commit.
//
//     dsn_completed(r, DSN_HOP_PLAIN, false);               // when an attempt was good
//     ...
//     VEC(struct dsn_rcpt) owed = {0};
//     for each recipient r of the unit
//         switch on dsn_due(r, mark_passed): DSN_NONE, or add {r, action} to `owed`
//     TRY(dsn_words_make(settings, a, &env, span, &words)); // expressions of report.dsn
//     switch (dsn_fate_of(settings, rates, m, &words, wall_now)) {
//     case DSN_FATE_SEND:
//         struct dsn_report report = {.about = m, .rcpts = owed.at, ..., .to = m->sender};
//         TRY(dsn_compose(a, settings, &words, &report, reader, &notice));
//         ... STORE_ACCEPT notice and STORE_UPDATE unit, with dsn_mark(r, action) done ...
//     ...
//
// What it leaves to others: the unit of the composed message has its recipient, and no times,
// queue, schedule: whoever enqueues gives them, as for any message (strategy: source 'dsn').
#pragma once

#include "conf/conf.h"
#include "queue/env.h"
#include "queue/message_reader.h"

struct span;

// --- What is owed (queue.md 12.1) ----------------------------------------------------------------

enum dsn_action { // in the order of a report with several
    DSN_NONE,
    DSN_FAILED,
    DSN_DELAYED,
    DSN_RELAYED,
    DSN_EXPANDED,
    DSN_DELIVERED,
};
struct str dsn_action_word(enum dsn_action action); // "failed"; empty for none

struct dsn_rcpt {
    const struct recipient *rcpt;
    enum dsn_action action; // not DSN_NONE
};

enum dsn_hop {          // to whom a recipient was handed
    DSN_HOP_FINAL,      // a mailbox here, or LMTP
    DSN_HOP_TAKES_OVER, // SMTP that announced DSN and was given NOTIFY
    DSN_HOP_PLAIN,      // SMTP without
};
// Right after the attempt that made it RCPT_COMPLETED: leaves in the recipient's flags what is owed
// (RCPT_RELAYED_DSN_OWED), or that nothing is (RCPT_DSN_SENT), so that what is owed survives a
// restart. `by_owed`: DELIVERBY wants to hear of it (mode N to a hop without, or a trace).
void dsn_completed(struct recipient *r, enum dsn_hop hop, bool by_owed);
// What its sender is to be told now, as far as the recipient goes; `mark_passed`: a mark of delay
// notification has just passed (queue.md 8.2). A null sender and reports are dsn_fate_of's.
enum dsn_action dsn_due(const struct recipient *r, bool mark_passed);
// Somebody of it was given up by a person, who wants the sender to be told (queue.md 13.8), and
// that is not written yet.
bool dsn_is_owed(const struct unit *u);
// Copies and double bounces are about failures only.
bool dsn_any_failed(const struct dsn_rcpt *rcpts, size_t count);
// Once the report is in the same commit, or it was decided that there is none.
void dsn_mark(struct recipient *r, enum dsn_action action);

// --- Settings (12.3) -----------------------------------------------------------------------------

enum dsn_language { DSN_ENGLISH, DSN_GERMAN, DSN_LANGUAGES }; // of what people read
enum dsn_return { DSN_RETURN_AS_REQUESTED, DSN_RETURN_HEADERS, DSN_RETURN_FULL, DSN_RETURN_NONE };

struct dsn_settings {
    const struct expr_setting *from_name, *from_address, *send, *copy_to, *double_bounce_to,
            *reporting_mta;
    enum dsn_return returns;
    enum dsn_language language;
    size_t full_bytes_max, head_bytes_max;
    struct rate rate; // count 0: none
    struct str host;  // server.hostname
    struct str postmaster;
};
// Adds what is wrong to the findings; the error is for lack of memory only.
struct err dsn_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct dsn_settings *out) MUST_USE;

// The expressions of a message: values, defaults where an evaluation failed (event eval.error).
struct dsn_words {
    struct str from_name, from_address, reporting_mta;
    bool send;
    // copy_to: each gets a failure's report, too, which dsn_compose makes with `to` set to it
    const struct str *copies;
    size_t copy_count;
    struct str double_bounce_to; // empty: discard (always for what is a last resort itself)
};
struct err dsn_words_make(const struct dsn_settings *s, struct arena *a, struct queue_env *env,
        struct span *span, struct dsn_words *out) suspends MUST_USE;

// --- Whether (12.9, 12.11) -----------------------------------------------------------------------

enum dsn_fate {
    DSN_FATE_SEND,
    DSN_FATE_DOUBLE_BOUNCE, // null sender: if dsn_any_failed, the event delivery.double-bounce, and
                            // a report to words.double_bounce_to if that is set
    DSN_FATE_NEVER,         // about a report, or the return path is our own DSN address
    DSN_FATE_OFF,           // report.dsn.send
    DSN_FATE_RATE,          // report.dsn.rate: tell once a minute, see dsn_rates_suppressed
};

// How many each return path got: counted for the node, in the memory that workers share, which
// must outlive this. How many were suppressed is each worker's own count.
struct dsn_rates;
struct limits_shared;
struct dsn_rates *dsn_rates_new(struct limits_shared *shared); // NULL: no memory
void dsn_rates_free(struct dsn_rates *rates);
// Takes a token when the answer is DSN_FATE_SEND. `rates` NULL: no limit.
enum dsn_fate dsn_fate_of(const struct dsn_settings *s, struct dsn_rates *rates,
        const struct message *m, const struct dsn_words *words, int64_t wall_now_ms);
// How many were suppressed since it was told last; 0 as long as that is less than a minute ago, or
// there were none. For one event delivery.dsn-suppressed a minute.
uint64_t dsn_rates_suppressed(struct dsn_rates *rates, int64_t wall_now_ms);

// --- What it says (12.2, 12.4 to 12.8) -----------------------------------------------------------

#define DSN_RCPTS_MAX UNIT_RCPTS_MAX

struct dsn_report {
    const struct message *about;  // its units are not looked at
    const struct dsn_rcpt *rcpts; // at least one, at most DSN_RCPTS_MAX, in any order
    size_t rcpt_count;
    // Envelope: about->sender, a copy's address, or double_bounce_to. The field To of a copy is
    // that of the report which the sender gets.
    struct str to;
    bool last_resort;   // about a message without sender: sets MESSAGE_LAST_RESORT
    uint64_t id;        // of the new message
    uint64_t random[2]; // for Message-ID and boundary
    int64_t wall_now_ms;
    int16_t offset_min; // local time's, east of UTC
};

// `original`: at its beginning, without prefix headers; NULL when it cannot be read, or to leave it
// out. At most full_bytes_max or head_bytes_max of it are read into memory; reading suspends,
// nothing else does. If reading fails (ERR_IO) part 3 is left out: the report is more important.
// The message has one unit of one recipient, an inline body with header and all, no top lines; it
// lives in the arena. MESSAGE_REQUIRETLS is set when `about` has it.
struct err dsn_compose(struct arena *a, const struct dsn_settings *s, const struct dsn_words *words,
        const struct dsn_report *report, struct message_reader *original,
        struct message *out) suspends MUST_USE;

// --- Codes (12.6) --------------------------------------------------------------------------------

// Status of a recipient as reported: from the reply's enhanced code, its code, or what went wrong.
// Of three numbers always. In the arena or constant.
struct str dsn_status(struct arena *a, const struct message *m, const struct recipient *r,
        enum dsn_action action);

// --- Events (12.12) ------------------------------------------------------------------------------

// delivery.dsn-success, -temp-fail or -perm-fail for one recipient, whether or not mail is sent.
void dsn_tell(struct span *span, const struct message *m, const struct dsn_rcpt *rcpt);
// delivery.double-bounce for each that failed (12.9).
void dsn_tell_double_bounce(
        struct span *span, const struct message *m, const struct dsn_rcpt *rcpts, size_t count);
