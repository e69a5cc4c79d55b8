// SPDX-License-Identifier: Apache-2.0
// listen/nets.h: large sets of addresses and networks: block list, allow list, the networks of
// trusted proxies (listeners.md 12.1 to 12.3). Single addresses stand in a hash set, networks in
// a binary trie per family; each may have an end, after which it counts no more.
//
// A set belongs to one process and is changed by its owner only; a lookup allocates nothing.
// v4-mapped addresses and networks (::ffff:0:0/96 and longer) are IPv4; any other IPv6 network
// matches no IPv4 client.
//
//     struct nets *blocked = nets_new(random_u64());
//     if (!nets_add(blocked, &net, NETS_FOREVER)) ... no memory
//     if (nets_contains(blocked, &client, wall_ms())) ... refuse
#pragma once

#include "base/base.h"
#include "base/ip.h"

struct nets;

#define NETS_FOREVER 0
#define NETS_ENTRIES_MAX (16 * 1024 * 1024) // sixteen times what listeners.md 12.2 asks for

// `seed` is random: see listen/ip_set.h. NULL: no memory.
struct nets *nets_new(uint64_t seed);
void nets_free(struct nets *n); // NULL is fine
static inline void nets_free_auto(struct nets **n)
{
    nets_free(*n);
}

// expires_ms is wall time, NETS_FOREVER for none; an entry that is there gets the new end. False:
// no memory, or NETS_ENTRIES_MAX.
bool nets_add(struct nets *n, const struct ip_net *net, int64_t expires_ms) MUST_USE;
bool nets_remove(struct nets *n, const struct ip_net *net); // false: it was not there
bool nets_contains(const struct nets *n, const struct ip *ip, int64_t wall_now_ms);
// Is the whole network inside one entry?
bool nets_covers(const struct nets *n, const struct ip_net *net, int64_t wall_now_ms);
size_t nets_count(const struct nets *n); // ended ones included until they are swept
// Drops what has ended, tells each to `visit` (may be NULL); for the task that runs every minute.
typedef void nets_visitor(void *ctx, const struct ip_net *net);
size_t nets_sweep(struct nets *n, int64_t wall_now_ms, nets_visitor *visit, void *ctx);

// listeners.md 12.3: what wins. Loopback is always allowed. Unix sockets are not asked for.
enum admission { ADMIT_PLAIN, ADMIT_ALLOWED, ADMIT_BLOCKED };
enum admission nets_admit(const struct nets *allowed, const struct nets *blocked,
        const struct ip *ip, int64_t wall_now_ms);

// The value of an entry: blank separated reason=WORD expires=TIME created=TIME and the details of
// a ban (category= count= listener= login= recipient=), all optional (listeners.md 12.1, 12.4).
struct nets_note {
    struct str reason;  // null when not given
    int64_t expires_ms; // NETS_FOREVER when not given
    int64_t created_ms; // 0 when not given
};
struct err nets_note_parse(struct arena *a, struct str value, struct nets_note *out) MUST_USE;
