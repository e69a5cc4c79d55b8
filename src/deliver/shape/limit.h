// SPDX-License-Identifier: Apache-2.0
// deliver/shape/limit.h: how much may leave (queue.limiter.outbound, outbound.md 20). All limiters
// of a stage are asked at once, and nothing is taken when one of them refuses. Tokens and permits
// are counted in the shared memory of limits/, for the node and for all generations.
//
//     struct outbound_check check = {.stage = OUTBOUND_OF_REMOTE, .values = &values, .env = &env,
//             .amounts = {.messages = 1, .recipients = n, .bytes = size, .connections = is_new},
//             .held = &connection->permits, .scratch = a, .wall_now_ms = wall_ms()};
//     const struct outbound_limiter *refused = outbound_take(limits, &check);
//     if (refused != NULL && check.by_concurrency)
//         TRY(outbound_wait(limits, 2 * SECOND_MS));      // and ask again, or put the unit off
//     else if (refused != NULL)
//         ... the unit is put off until check.until_ms; waits below 2 s are slept out ...
//     ... outbound_undo(limits, &check);                  // no connection: what it took goes back
//     ... outbound_release(limits, &connection->permits); // when the connection is closed
//
// Permits belong to who holds them (a connection, idle or not; a job): the same counter is held
// once, so a message that goes over an open connection takes tokens and no second permit.
#pragma once

#include "deliver/settings/settings.h"
#include "limits/held.h"
#include "queue/message.h"

#define OUTBOUND_SLEEP_MAX_MS (2 * SECOND_MS) // shorter waits are slept out inside the unit

struct outbound_limits; // of a worker

struct err outbound_limits_new(const struct deliver_settings *settings,
        struct limits_shared *shared, size_t column, struct outbound_limits **out) MUST_USE;
void outbound_limits_free(struct outbound_limits *o); // nobody may be waiting; NULL is fine

// Normalised: lower case, A-labels. Empty: not known.
struct outbound_values {
    struct ip remote_ip, local_ip;
    struct str mx, mx_site;
    struct str sender, sender_domain; // both empty: the null sender
    struct str rcpt, rcpt_domain;
    struct str route, queue, account, pool;
    const struct message *message; // whose tags may be keys; NULL: it has none
};

struct outbound_amounts { // what this attempt costs, by unit
    uint64_t messages, recipients, connections, bytes;
};

struct outbound_check {
    enum outbound_stage stage;
    const struct outbound_values *values;
    const struct expr_env *env; // of `match`
    // Limiters of this attempt alone, whatever their stage and match: those of a provider, and
    // those that were ordered at run time. They must outlive an outbound_undo.
    const struct outbound_limiter *const *more;
    size_t more_count;
    struct outbound_amounts amounts;
    struct limits_held *held; // permits of concurrency
    struct arena *scratch;    // must outlive an outbound_undo
    int64_t wall_now_ms;
    // Out, of a refusal: for want of a permit, or else the moment at which there are tokens.
    bool by_concurrency;
    int64_t until_ms; // wall
    // Of a refusal for want of tokens: of which bucket, and how long it takes to make that many.
    uint64_t bucket;
    int64_t makes_ms;
    // Out: limiters whose match failed, and so applied; for the event eval.error.
    VEC(struct limits_fault) faults;
    VEC(struct outbound_taken) taken; // for outbound_undo
    size_t held_before;
};

struct outbound_taken {
    const struct outbound_limiter *limiter;
    uint64_t bucket, tokens;
};

// NULL: go on. Else the limiter that says no; nothing was taken or held then.
const struct outbound_limiter *outbound_take(
        struct outbound_limits *o, struct outbound_check *check) suspends MUST_USE;
// Those that outbound_take would ask, in the scratch arena, without asking them. ERR_LIMIT: no
// memory.
struct err outbound_list(struct outbound_limits *o, struct outbound_check *check,
        const struct outbound_limiter *const **out, size_t *out_count) suspends MUST_USE;
// After such a refusal: the moment at which it is the turn of who asked, behind all whom this
// worker has put off before, so that they do not come all at once (and one of them goes, and the
// others are put off again).
int64_t outbound_turn(struct outbound_limits *o, const struct outbound_check *check);
// Is this refusal to be told? Once in a second of each limiter.
bool outbound_may_tell(
        struct outbound_limits *o, const struct outbound_limiter *refused, int64_t now_ms);
// Is there anything to ask? Saves making the values.
bool outbound_has(const struct outbound_limits *o, enum outbound_stage stage);
// As if it had never been taken: the attempt came to nothing.
void outbound_undo(struct outbound_limits *o, struct outbound_check *check);
// Nothing was sent, but somebody was connected to: that stays counted, all else goes back.
void outbound_not_sent(struct outbound_limits *o, struct outbound_check *check);
void outbound_release(struct outbound_limits *o, struct limits_held *held); // held is empty then
// Until a permit may have become free, at most so long. (Other workers' are looked for again.)
struct err outbound_wait(struct outbound_limits *o, int64_t at_most_ms) suspends MUST_USE;
