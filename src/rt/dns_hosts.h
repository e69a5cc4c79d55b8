// SPDX-License-Identifier: Apache-2.0
// rt/dns_hosts.h: names that a machine knows without the DNS: the text of a hosts(5) file, read
// once. What stands there holds for a name instead of the DNS, for both families: without a line
// of a family it has no address of that family. Nobody signs it.
#pragma once

#include "rt/dns.h"

#define DNS_HOSTS_BYTES_MAX ((size_t)4 * MIB)
#define DNS_HOSTS_NAMES_MAX 65536 // all of them are looked through for a name

struct dns_host {
    struct str name; // in the one spelling
    struct ip ip;
};
struct dns_hosts {
    VEC(struct dns_host) all; // in the order of the file
};

// Lines that say nothing that could be asked for are left out, as the system's own reader does.
// The error is a lack of memory, or too many names.
struct err dns_hosts_read(struct arena *a, struct str text, struct dns_hosts *out) MUST_USE;
