// SPDX-License-Identifier: Apache-2.0
// limits/throttle.h: rates and concurrency by client, sender and recipient (inbound.md 10.4), as
// queue.limiter.inbound sets them.
//
//     struct throttle_check check = {.class = THROTTLES_SENDER, .values = &values, .env = &env,
//             .held = &transaction->held, .scratch = &scratch, .wall_now_ms = wall_ms()};
//     const struct throttle *refused = throttles_take(limits, &check);
//     if (refused != NULL)
//         ...smtp.rate-limit-exceeded with refused->id; 451 4.4.5...
//     ...when the transaction ends: throttle_release(limits, &transaction->held)...
//
// Limiters are asked in the order of the files. One token each; a limiter that refuses gives back
// what those before it have taken in this check. Slots of concurrency stay in `held`.
#pragma once

#include "limits/held.h"
#include "limits/settings.h"

// Normalised, lower case; empty: not known. Class remote looks at those of the connection only.
struct throttle_values {
    struct ip remote_ip, local_ip;
    struct str listener, helo_domain, authenticated_as;
    struct str sender, sender_domain; // both empty: the null sender
    struct str rcpt, rcpt_domain;
};

struct throttle_check {
    enum throttle_class class;
    bool is_allowed; // visit.is_allowed, loopback among them: class remote does not count these
    const struct throttle_values *values;
    const struct expr_env *env; // of `match`
    struct limits_held *held; // what a session holds (class remote), or a transaction (the others)
    struct arena *scratch;
    int64_t wall_now_ms;
    // Out: limiters whose match failed, and so applied; for the event eval.error.
    VEC(struct limits_fault) faults;
};

// NULL: go on. Else the limiter that says no; nothing was taken or held then.
const struct throttle *throttles_take(
        const struct limits *l, struct throttle_check *check) suspends MUST_USE;
// Is there anything to ask? Saves making the values.
bool throttles_has(const struct limits *l, enum throttle_class class);
void throttle_release(const struct limits *l, struct limits_held *held); // held is empty then
