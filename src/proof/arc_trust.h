// SPDX-License-Identifier: Apache-2.0
// proof/arc_trust.h: what a chain of ARC says about how the message began, for those who take its
// sealers' word (authentication.md 8.3). Whether they are to be trusted is the caller's to know.
#pragma once

#include "proof/arc.h"
#include "proof/dmarc.h"

struct arc_witness {
    const struct str *sealers; // d= of every seal since the message is as it is now
    size_t sealer_count;
    // What the first of them had found out, by its ARC-Authentication-Results:
    struct str author_passed; // header.from of dmarc=pass; null: no such result
    bool has_spf;
    struct dmarc_identifier spf; // that passed, as the next
    const struct dmarc_identifier *dkim;
    size_t dkim_count;
};
// False: the chain does not pass, or there is nothing to be read in it. Lives in the arena.
bool arc_witness_read(struct arena *a, const struct arc_answer *chain, struct arc_witness *out);
