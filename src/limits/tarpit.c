// SPDX-License-Identifier: Apache-2.0
// limits/tarpit.c: see limits/tarpit.h.
#include "limits/tarpit.h"

#define SLOTS_FOR_ONE 10 // inbound.md 10.2: a tenth of them

bool tarpit_begin(const struct limits *l, const struct listener *listener)
{
    uint64_t most = listener->connections_max / SLOTS_FOR_ONE;
    return shared_count_take(&l->shared->tarpitted[listener->slot], l->column, most);
}

void tarpit_end(const struct limits *l, const struct listener *listener)
{
    shared_count_give(&l->shared->tarpitted[listener->slot], l->column);
}
