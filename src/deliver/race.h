// SPDX-License-Identifier: Apache-2.0
// deliver/race.h: connections to several addresses of a host at the same time (outbound.md 5,
// queue.happy-eyeballs): where the first takes longer than the delay, the next is tried beside it,
// and who is connected first is used. Each of them has what an address has that is tried alone: its
// strategies, a source address, places in all limits, and its share in what is remembered of hosts.
#pragma once

#include "deliver/remote.h"

// As egress_connect. When another address was faster, *p has become the approach to it, and what
// the first one had taken has gone back; p->raced says how many of those behind it have been tried.
struct err race_connect(
        struct remote *r, struct approach *p, struct stream **out) suspends MUST_USE;
