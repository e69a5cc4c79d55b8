// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/hosts_parts.h: what the files of deliver/hosts/hosts.h share.
#pragma once

#include "deliver/hosts/hosts.h"

// The hosts of a domain's MX records, or itself. `like` has what all of them have in common.
struct err hosts_of_domain(const struct hosts_inputs *in, struct arena *a, struct str domain,
        const struct host *like, struct host_list *out) suspends MUST_USE; // hosts_mx.c

// A host's name as the DNS and the house spell it: A-labels, lower case. Null: it cannot be one.
struct err hosts_name_read(
        struct arena *a, struct str text, struct str *out) MUST_USE; // hosts_mx.c

// Drops ourselves, and every host that is not better (outbound.md 6.1). The list is sorted.
struct err hosts_leave_out_self(const struct hosts_inputs *in, struct arena *a,
        struct host_list *list) suspends MUST_USE;                                  // hosts_self.c
bool self_has_address(const struct self *self, const struct ip *ip, uint16_t port); // hosts_self.c

// Asks for the addresses of a host with a name, and keeps what was heard in it. hosts_address.c
struct err host_look_up(
        const struct hosts_inputs *in, struct arena *a, struct host *host) suspends MUST_USE;

// Of all that are there now: what makes the list's site. hosts.c
struct err hosts_note_names(struct arena *a, struct host_list *list) MUST_USE;

// Every order is equally likely (Fisher-Yates). Elements of at most SHUFFLED_BYTES_MAX.
void hosts_shuffle(void *at, size_t count, size_t size); // hosts.c
#define SHUFFLED_BYTES_MAX 256
