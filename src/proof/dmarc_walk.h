// SPDX-License-Identifier: Apache-2.0
// proof/dmarc_walk.h: finding the records above a name, RFC 9989 4.10; private to proof/.
#pragma once

#include "proof/dmarc.h"

// What stands at _dmarc.NAME. No record and neither of the two: there is none.
struct dmarc_place {
    struct str name; // without the _dmarc
    const struct dmarc_record *record;
    bool temporary; // could not be asked for
    bool many;      // more than one record: none of them counts
    struct str why; // of a temporary one
};

// All that was asked for one message: each name once.
struct dmarc_places {
    struct resolver *r;
    struct arena *a;
    const struct suffix_list *suffixes; // NULL: tree walk
    VEC(struct dmarc_place *) all;
};

struct dmarc_walk {
    const struct dmarc_place
            *at[DMARC_QUERIES_MAX]; // from the name upwards, as they were asked for
    size_t count;
    bool temporary; // it could not be finished
    struct str org; // null when it was not finished
};

// The name is of A-labels in lower case.
struct err dmarc_walk(
        struct dmarc_places *places, struct str name, struct dmarc_walk *out) suspends MUST_USE;
// The record that holds for the name where the walk began; NULL: none.
const struct dmarc_place *dmarc_walk_policy(const struct dmarc_walk *walk);
