// SPDX-License-Identifier: Apache-2.0
// deliver/fit_header.h: what a route changes of the trace and the priority that a message shows: as
// a message with other lines on top and other cuts, whose octets stay as they came.
#pragma once

#include "deliver/remote.h"

// hide-local (outbound.md 3.1): Received fields go that say a message came to us from inside: by
// one of our names, from a client that had logged in or has a private address, or from nowhere.
// queue.priority-header (queue.md 9.3, RFC 6758): for a host without MT-PRIORITY the header says
// it, in place of all such fields that are there.
struct err fit_header(struct remote *r, bool says_priority, struct message *out) suspends MUST_USE;
