// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_dns_hosts.c: a hosts file. Each name that was read is one that can be asked for,
// and is in the one spelling.
#define POSTHASTE_BASE_ROOM
#include "rt/dns_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a AUTO(arena_done);
    struct dns_hosts hosts;
    arena_init(&a, 4 * MIB);
    if (failed(dns_hosts_read(&a, str_of((const char *)data, size), &hosts)))
        return 0;
    each_in_vec (h, &hosts.all) {
        struct str again;
        assert(h->ip.family == IP_V4 || h->ip.family == IP_V6);
        if (!failed(dns_name_read(&a, h->name, &again)))
            assert(str_eq(h->name, again));
    }
    return 0;
}
