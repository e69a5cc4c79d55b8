// SPDX-License-Identifier: Apache-2.0
// directory/memory.c: see directory/memory.h.
#include "directory/memory.h"

void memory_init(struct memory *m)
{
    *m = (struct memory){0};
    map_init(&m->names, 0, 0); // the administrator picks the keys
    map_init(&m->addresses, 0, 0);
    map_init(&m->domains, 0, 0);
    map_init(&m->members, 0, 0);
}

void memory_done(struct memory *m)
{
    map_done(&m->names);
    map_done(&m->addresses);
    map_done(&m->domains);
    map_done(&m->members);
}

const struct account *memory_by_name(const struct memory *m, struct str name)
{
    return map_get(&m->names, name);
}

const struct account *memory_by_address(const struct memory *m, struct str address)
{
    return map_get(&m->addresses, address);
}

bool memory_has_domain(const struct memory *m, struct str domain)
{
    return map_has(&m->domains, domain);
}

struct strs memory_members(const struct memory *m, struct str list)
{
    const struct names *members = map_get(&m->members, list);
    return members != NULL ? (struct strs){members->at, members->count} : (struct strs){0};
}
