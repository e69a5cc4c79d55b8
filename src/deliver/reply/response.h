// SPDX-License-Identifier: Apache-2.0
// deliver/reply/response.h: what the administrator makes of replies (queue.response, outbound.md
// 19.3): the first rule that fits turns a refusal into a delay, or a delay into a refusal, or says
// that another host should be asked. What has been accepted is never looked at.
//
//     struct response_effect effect;
//     TRY(response_apply(settings, &env, &j->arena, &answer, &effect));
//     if (effect.asks_next_host || (!effect.stays_here && may_fail_over(r, &answer))) ...
#pragma once

#include "deliver/answer.h"
#include "deliver/settings/settings.h"
#include "limits/shared.h"
#include "queue/env.h"

struct response_effect {
    const struct response_rule *rule; // NULL: none fits, and nothing else here says anything
    bool stays_here;                  // no other host, whatever the route's failover says
    bool asks_next_host;              // another host, whatever it says
    bool drops_connection;
    int64_t retry_after_ms; // 0: as scheduled
    bool gives_order;       // what is suspended, throttled, in back-off from now on
    struct str route;       // that the recipients have from now on; null: as before
    // A rule before it that cannot be evaluated counts as one that does not fit.
    struct str failed_id; // of the last such; null: none
    struct expr_fault fault;
};

struct response_inputs {
    const struct deliver_settings *settings;
    const struct shaping *automation; // whose rules come first; NULL: nobody's
    // For triggers: counters of the node, and who is counted. NULL: as often as it takes.
    struct limits_shared *shared;
    struct str site;
    int64_t wall_now_ms;
};

// `env` is that of the attempt at this host; what it says of the reply is taken from the answer.
// The answer's verdict is changed as the rule says; its reply stays what it was.
struct err response_apply(const struct response_inputs *in, const struct queue_env *env,
        struct arena *a, struct client_answer *answer,
        struct response_effect *out) suspends MUST_USE;
