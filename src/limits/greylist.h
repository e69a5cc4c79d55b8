// SPDX-License-Identifier: Apache-2.0
// limits/greylist.h: mail from those never seen before has to come twice (RFC 6647, inbound.md
// 10.5). Spam software seldom tries again; mail servers do. Off unless
// spam-filter.grey-list.duration is set.
#pragma once

#include "limits/settings.h"
#include "limits/shared.h"

enum greylist_answer { GREYLIST_PASS, GREYLIST_WAIT };

struct greylist_ask {
    struct ip remote_ip;
    struct str helo_domain, sender, rcpt; // normalised; no sender: the null sender, which passes
    // Never greylisted: who has logged in, who is in the allow list, a sender with SPF pass whose
    // domain is in the list of trusted ones.
    bool is_authenticated, is_allowed, is_trusted;
    const struct expr_env *env; // of `skip`
    struct arena *scratch;
    int64_t wall_now_ms;
    struct limits_fault fault; // out: `skip` failed, and so does not skip
};

bool greylist_is_on(const struct limits *l);
enum greylist_answer greylist_ask(
        const struct limits *l, struct greylist_ask *ask) suspends MUST_USE;
