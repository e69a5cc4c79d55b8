// SPDX-License-Identifier: Apache-2.0
// limits/early.c: see limits/early.h. By address and not by network: a neighbour that speaks too
// soon has a programme of its own.
#include "limits/early.h"

static uint64_t owner_of(const struct limits *l, const struct ip *client);

bool early_knows(const struct limits *l, const struct ip *client, int64_t wall_now_ms)
{
    return moments_get(&l->shared->patient, owner_of(l, client)) > wall_now_ms;
}

void early_remember(const struct limits *l, const struct ip *client, int64_t wall_now_ms)
{
    moments_set(
            &l->shared->patient, owner_of(l, client), wall_now_ms, wall_now_ms + EARLY_KNOWN_MS);
}

static uint64_t owner_of(const struct limits *l, const struct ip *client)
{
    return limits_hash_ip(l->shared, limits_hash(l->shared, LIMITS_EARLY, 0), client);
}
