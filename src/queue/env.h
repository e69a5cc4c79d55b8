// SPDX-License-Identifier: Apache-2.0
// queue/env.h: what expressions may know of a message in the queue (configuration.md 9.6, contexts
// QSENDER, QRCPT and QHOST; queue.md 5). What is not a variable of the queue (the host's name,
// config_get, DNS) is asked of an environment outside.
#pragma once

#include "conf/expr.h"
#include "directory/account.h"
#include "queue/message.h"

// Of a delivery attempt (QHOST) and a reply (QRESP); empty and zero: not known yet.
struct queue_host {
    struct str mx, mx_site, route;
    struct ip remote_ip, local_ip;
    struct str stage, enhanced, text, bounce_class; // of a reply
    int64_t code, attempt;
};

struct queue_env {
    const struct message *message;
    const struct unit *unit;        // NULL: not known
    const struct recipient *rcpt;   // NULL: not known
    const struct queue_host *host;  // NULL: not known
    int64_t wall_now_ms;            // for queue_age and expires_in
    const struct expr_env *outside; // NULL: none
};

// Good as long as `self`.
struct expr_env queue_expr_env(struct queue_env *self);
struct str queue_source(const struct message *m);     // queue.md 2.7
struct str failure_kind_word(enum failure_kind kind); // "dns", ...; "none"
