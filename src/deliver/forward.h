// SPDX-License-Identifier: Apache-2.0
// deliver/forward.h: messages for those to whom an address leads that was a mailbox once.
#pragma once

#include "deliver/job.h"

struct body;

struct forward {
    const struct recipient *was;
    const struct expanded_member *at; // of one sender those that stand first are taken
    size_t count;
};

// outbound.md 6.3: it has been sent on by this server so often that it goes in a circle.
bool forward_is_loop(const struct message *m);

// A message without times, which whoever enqueues it gives; its body must live until it is
// committed (NULL: it needs none). `out_taken`: for so many of them.
struct err forward_compose(struct job *j, const struct forward *f, struct message *out,
        struct body **out_body, size_t *out_taken) suspends MUST_USE;
