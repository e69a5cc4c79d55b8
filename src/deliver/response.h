// SPDX-License-Identifier: Apache-2.0
// deliver/response.h: what the administrator makes of replies (queue.response, outbound.md 19.3):
// the first rule that fits turns a refusal into a delay, or a delay into a refusal, or says that
// another host should be asked. What has been accepted is never looked at.
//
//     struct response_effect effect;
//     TRY(response_apply(settings, &env, &j->arena, &answer, &effect));
//     if (effect.asks_next_host || (!effect.stays_here && may_fail_over(r, &answer))) ...
#pragma once

#include "deliver/answer.h"
#include "deliver/settings.h"
#include "queue/env.h"

struct response_effect {
    const struct response_rule *rule; // NULL: none fits, and nothing else here says anything
    bool stays_here;                  // no other host, whatever the route's failover says
    bool asks_next_host;              // another host, whatever it says
    bool drops_connection;
    int64_t retry_after_ms; // 0: as scheduled
    // A rule before it that cannot be evaluated counts as one that does not fit.
    struct str failed_id; // of the last such; null: none
    struct expr_fault fault;
};

// `env` is that of the attempt at this host; what it says of the reply is taken from the answer.
// The answer's verdict is changed as the rule says; its reply stays what it was.
struct err response_apply(const struct deliver_settings *settings, const struct queue_env *env,
        struct arena *a, struct client_answer *answer,
        struct response_effect *out) suspends MUST_USE;
