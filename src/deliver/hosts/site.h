// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/site.h: the MX site of a destination (outbound.md 20, 28.1): one name for all
// domains whose mail the same hosts take, so that what is said of a provider holds for each of its
// customers' domains. Hosts of a provider that everybody knows are a site of a short name, `gmail`;
// others are the sorted set of their names with "|" between them. The name that expressions
// (`mx_site`) and limiters see is that of the queue.shaping entry that fits, if one does: see
// deliver/shape/shaping.h, which asks here.
//
//     struct str site = site_of(a, &list.names);    // "gmail", "mx1.example.net|mx2.example.net"
//
// Names are A-labels in lower case without a dot at the end, as deliver/hosts/hosts.h gives them.
#pragma once

#include "base/base.h"

// Null: the arena is full. Nothing of the order or of repetitions in `hosts` shows.
struct str site_of(struct arena *a, const struct strs *hosts);
// The provider to which all of these hosts belong, by our table; null: none.
struct str site_provider(const struct strs *hosts);
// Is the host the suffix, or below it? "google.com" has smtp.google.com and not notgoogle.com.
bool site_host_is_under(struct str host, struct str suffix);
// Are all the hosts, of which there are some, under one of the suffixes each?
bool site_is_under(const struct strs *hosts, const struct strs *suffixes);
