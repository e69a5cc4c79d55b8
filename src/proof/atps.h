// SPDX-License-Identifier: Apache-2.0
// proof/atps.h: may this domain sign for that author? RFC 6541: a signature names the author's
// domain in atps=, and that domain names the signer in the DNS. It is told, and counts for nothing
// else.
#pragma once

#include "base/base.h"

#include "proof/dkim.h"

struct resolver;

// Of a signature that passed. DKIM_NONE: it names nobody, or no author of the message, or in a way
// that we do not know. ERR_CANCELLED, or no memory.
struct err atps_check(struct resolver *r, struct arena *a, const struct dkim_signature *s,
        struct proof_head *head, enum dkim_result *out) suspends MUST_USE;
