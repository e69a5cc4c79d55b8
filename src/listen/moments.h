// SPDX-License-Identifier: Apache-2.0
// listen/moments.h: a moment for each of many owners, in shared memory without locks: when a token
// bucket is full again, until when somebody is known, when a pair was first seen. An owner is a
// number of 64 bits that the caller makes of purpose and client under a secret, so nobody can
// choose whom to collide with.
//
// A table never grows: an owner stands in one of a few places, and when none of them is free, the
// one with the earliest moment makes room. What a moment means, and whether it has passed, is the
// caller's business; 0 means that nothing is known.
#pragma once

#include "base/base.h"

#define MOMENTS_SLOTS 65536 // those who need more have several tables
#define MOMENTS_WINDOW 8    // places in which an owner may stand: two lines of the cache

struct shared_moments {
    struct shared_moment {
        _Atomic uint64_t owner;
        _Atomic int64_t moment;
    } at[MOMENTS_SLOTS];
};

// NULL: the owner is not there.
_Atomic int64_t *moments_find(struct shared_moments *m, uint64_t owner);
// The owner's moment, found or made, which is 0 then. A place whose moment is not later than
// `past` is as good as free.
_Atomic int64_t *moments_claim(struct shared_moments *m, uint64_t owner, int64_t past);
// For those that do no more than know or forget: 0 when the owner is not there.
int64_t moments_get(struct shared_moments *m, uint64_t owner);
void moments_set(struct shared_moments *m, uint64_t owner, int64_t past, int64_t moment);
