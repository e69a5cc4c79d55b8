// SPDX-License-Identifier: Apache-2.0
// deliver/limited.h: what limited.c and limited_ask.c share: one question to the limiters, about a
// unit at one of its stages.
#pragma once

#include "deliver/told.h"

struct asking {
    struct job *j;
    struct remote *remote;           // NULL: it is about the sender
    const struct approach *approach; // NULL: not there yet
    struct outbound_values values;
    const struct queue_host *host;
    enum suspend_stage orders_from, orders_to; // throttles of these stages are asked, too
    struct limiters more;
    bool at_once; // or not at all: nobody waits, and nobody is told
    struct outbound_check *check;
    struct outbound_refusal refused;  // all together; `by` NULL: they go on,
    struct outbound_refusal *of_each; // without those who are refused here
};

// Limiters that look at each recipient first, then the others, about those who are left. Waits that
// are short are slept out. The reply is in `refused` and `of_each`; tokens that were taken are in
// the check. For a probe those that would count are told, and none is asked.
struct err limited_ask(struct asking *a) suspends MUST_USE;
