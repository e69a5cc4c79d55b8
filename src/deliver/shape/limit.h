// SPDX-License-Identifier: Apache-2.0
// deliver/shape/limit.h: how much may leave (queue.limiter.outbound, outbound.md 20). All limiters
// of a stage are asked at once, and nothing is taken when one of them refuses. Tokens and permits
// are counted in the shared memory of limits/, for the node and for all generations.
//
//     struct outbound_check check = {.stage = OUTBOUND_OF_REMOTE, .values = &values, .env = &env,
//             .amounts = {.messages = 1, .recipients = n, .bytes = size, .connections = is_new},
//             .permits = connection->permits, .scratch = a, .wall_now_ms = wall_ms()};
//     const struct outbound_limiter *refused = outbound_take(limits, &check);
//     if (refused != NULL && check.why.by_concurrency)
//         ... the unit stays ready while there are no outbound_free_places ...
//     else if (refused != NULL)
//         ... the unit is put off until check.why.until_ms; waits below 2 s are slept out ...
//     outbound_permits_settle(connection->permits); // all were asked, and let it go
//     ... outbound_undo(limits, &check);            // nothing was sent: its tokens go back
//     ... outbound_permits_rest(permits);           // idle: those of the message go back
//     ... outbound_permits_free(permits);           // the connection is closed: all do
//
// Tokens are taken at the stage of their limiter. Permits belong to connections, idle or not, and
// are asked for when one is to be made or used, whatever the stage: the same counter is held once,
// so a message that goes over an open connection takes no second permit. A limiter that looks at
// the recipient is asked for each of them, the others for all together.
#pragma once

#include "deliver/settings/settings.h"
#include "limits/held.h"
#include "queue/message.h"

#define OUTBOUND_SLEEP_MAX_MS (2 * SECOND_MS) // shorter waits are slept out inside the unit

struct waitq;
struct outbound_limits; // of a worker

// What a connection holds, from before it is made until it is closed.
struct outbound_permits {
    struct outbound_limits *of;
    struct arena arena;
    struct limits_held held;
};

struct err outbound_limits_new(const struct deliver_settings *settings,
        struct limits_shared *shared, size_t column, struct outbound_limits **out) MUST_USE;
void outbound_limits_free(struct outbound_limits *o); // after all permits; NULL is fine
// Who is woken when this worker has given permits back.
void outbound_tell_freed(struct outbound_limits *o, struct waitq *whom);

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

// For want of a permit: of which counter; or until there are tokens.
struct outbound_refusal {
    const struct outbound_limiter *by; // NULL: it may go
    bool by_concurrency;
    uint64_t counter;
    uint32_t most;
    int64_t until_ms; // wall
    // Of a refusal for want of tokens: of which bucket, and how long it takes to make that many.
    uint64_t bucket;
    int64_t makes_ms;
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
    bool of_each_rcpt;                // only limiters that look at the recipient; else the others
    struct outbound_permits *permits; // NULL: permits are not asked for
    struct arena *scratch;            // must outlive an outbound_undo
    int64_t wall_now_ms;
    struct outbound_refusal why; // out
    // Out: limiters whose match failed, and so applied; for the event eval.error.
    VEC(struct limits_fault) faults;
    // Of all takes with this check, for outbound_undo. What was paid for a message is not paid
    // again for its other recipients.
    VEC(struct outbound_taken) taken;
};

struct outbound_taken {
    const struct outbound_limiter *limiter;
    uint64_t bucket, tokens;
};

// NULL: go on. Else the limiter that says no; nothing was taken or held then.
const struct outbound_limiter *outbound_take(
        struct outbound_limits *o, struct outbound_check *check) suspends MUST_USE;
// May a limiter look at the recipient?
bool outbound_asks_each(const struct outbound_limits *o, const struct outbound_check *check);
// Those that outbound_take would ask, in the scratch arena, without asking them. ERR_LIMIT: no
// memory.
struct err outbound_list(struct outbound_limits *o, struct outbound_check *check,
        const struct outbound_limiter *const **out, size_t *out_count) suspends MUST_USE;
// After such a refusal: the moment at which it is the turn of who asked, behind all whom this
// worker has put off before, so that they do not come all at once (and one of them goes, and the
// others are put off again).
int64_t outbound_turn(
        struct outbound_limits *o, const struct outbound_refusal *why, int64_t wall_now_ms);
// Is this refusal to be told? Once in a second of each limiter.
bool outbound_may_tell(
        struct outbound_limits *o, const struct outbound_limiter *refused, int64_t now_ms);
// Is there anything to ask? Saves making the values.
bool outbound_has(const struct outbound_limits *o, enum outbound_stage stage);
bool outbound_has_permits(const struct outbound_limits *o);
// As if no token had ever been taken: the attempt came to nothing.
void outbound_undo(struct outbound_limits *o, struct outbound_check *check);
// Nothing was sent, but somebody was connected to: that stays counted, all else goes back.
void outbound_not_sent(struct outbound_limits *o, struct outbound_check *check);

struct outbound_permits *outbound_permits_new(struct outbound_limits *o); // NULL: no memory
// Those that no take has asked for since the last time were of an earlier message.
void outbound_permits_settle(struct outbound_permits *p);
void outbound_permits_rest(struct outbound_permits *p);
bool outbound_permits_have(const struct outbound_permits *p, uint64_t counter);
void outbound_permits_free(struct outbound_permits *p); // NULL is fine, here and above

uint64_t outbound_free_places(struct outbound_limits *o, uint64_t counter, uint32_t most);
// Has this worker given any back since it was asked last?
bool outbound_has_freed(struct outbound_limits *o);
