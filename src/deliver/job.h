// SPDX-License-Identifier: Apache-2.0
// deliver/job.h: one unit while it is looked after: what job.c, remote.c, connect.c and settle.c
// share.
#pragma once

#include "deliver/answer.h"
#include "deliver/deliver_state.h"
#include "deliver/local/local.h"
#include "deliver/reply/response.h"
#include "deliver/security/tls.h"
#include "directory/surroundings.h"
#include "events/event.h"

#define JOB_LATER_MS (60 * SECOND_MS) // outbound.md 2: what cannot be evaluated now

struct returned;

// What became of one recipient in this job.
struct tried {
    bool is_due;
    const struct route *route;
    bool is_settled; // `verdict` says how
    size_t twin_of;  // 1 + the place of who has the same mailbox: what becomes of both is the same
    bool waits;      // for a permit: nothing is known, nothing is written
    struct schedule_verdict verdict;
    enum dsn_hop hop; // of VERDICT_GOOD
    struct str tls;   // of the connection that brought it; empty: none
    // VERDICT_GOOD because its address has become one of others: it goes to them.
    const struct expanded_member *forward_to;
    size_t forward_count;
    bool by_owed;     // DELIVERBY wants to hear of it
    bool is_silent;   // nobody is told of its failure
    bool is_watched;  // what becomes of it counts for the suppression list
    bool was_counted; // bounces were, though not enough of them
    // It is a report about mail of ours (deliver/returned.h); NULL: it is not.
    struct returned *returned;
};

struct probe;

struct job {
    struct courier *courier;
    struct deliverer *d;
    struct arena arena;
    struct span span;
    int64_t began_ms;    // of the loop
    int64_t wall_now_ms; // when it began
    struct message m;
    bool has_no_body;      // it cannot be read now: nothing can be sent, or sent back
    struct message before; // as it was read: for the quotas
    struct unit *u;        // of m.units
    struct surroundings around;
    struct expr_env outside;
    struct schedule_look look;
    struct tried *tried;              // one for each recipient
    struct outbound_check *of_sender; // what the limits of the sender took; NULL: nothing
    bool is_held;                     // by its route, from now on
    struct hold hold;                 // by a standing rule; HOLD_NONE: it is not
    const struct probe *probe;        // NULL: it is meant
    bool was_sent;                    // something went over a connection, whatever came of it
    int64_t sent_at_ms;               // the last transaction began
    int64_t settled_at_ms;            // the first recipient was delivered or failed; 0: none yet
    bool met_trouble; // with the connection or its host, so that fewer should try at once
};

// A recipient on its way out.
struct carried {
    size_t place;
    struct str address;               // as it is to be sent
    struct response_effect effect;    // of the last answer
    const struct client_answer *said; // about it alone, by the last host that put it off, or NULL
};

// queue.md 7, step 9: somebody's fate is known, and is to be on disk within two seconds. Who has
// not had his turn by then is left as he is, and due again at once.
#define JOB_TELLS_MS SECOND_MS // so that the next transaction may take as long
bool job_is_to_end(const struct job *j);

// job.c: everybody in `tried` who is due, by the route that each of them has.
struct err job_attempt(struct job *j) suspends MUST_USE;
void job_look_around(struct job *j); // what expressions may ask

// One expression of queue.strategy, under its key, for a recipient. ERR_CONFIG: it cannot be
// evaluated now; the text says why. An empty text: no name.
struct err job_strategy(struct job *j, struct str key, const struct expr_setting *setting,
        size_t place, const struct queue_host *host, struct str *out) suspends MUST_USE;
void job_settle(struct job *j, size_t place, const struct client_answer *answer);
// With a time of its own to try again, instead of that of the schedule; 0: none.
void job_settle_after(
        struct job *j, size_t place, const struct client_answer *answer, int64_t retry_after_ms);
void job_settle_all(
        struct job *j, const struct carried *rcpts, size_t count, const struct client_answer *why);
// limited.c: whether the sender may send now.
struct err limit_sender(struct job *j, bool *out_goes_on) suspends MUST_USE;
// The attempt has ended: tokens go back when nothing was sent.
void limit_sender_end(struct job *j);
// Not an attempt: it is tried again at that moment, and nothing is counted.
void job_put_off(struct job *j, size_t place, const struct client_answer *why, int64_t until_ms);

// remote.c: over SMTP or LMTP, for as long as there are hosts and time.
struct err remote_carry(struct job *j, const struct route *route, const struct carried *rcpts,
        size_t count) suspends MUST_USE;

// bounced.c: gives each failure of this job its class, before it is written down; afterwards who is
// given up is counted by it.
void job_classify(struct job *j);
void job_bounced(const struct job *j, size_t place);

// suppressed.c: gives up those who are on the suppression list, and leaves the others.
void suppressed_leave(
        struct job *j, const struct route *route, struct carried *rcpts, size_t *count) suspends;
void suppressed_note(
        const struct job *j, size_t place); // once it is written down what became of it

// settle.c: writes down what the job came to, with the notices that are owed, and goes on trying to
// until it is on disk or the worker ends. The moment at which the unit is due next.
int64_t job_write_down(struct job *j) suspends;
