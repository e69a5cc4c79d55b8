// SPDX-License-Identifier: Apache-2.0
// directory/memory.h: a directory that stands in the configuration. It is made at load and never
// changes; every question is one or two look-ups in a hash table.
#pragma once

#include "base/map.h"
#include "directory/account.h"

struct names {
    struct str *at;
    size_t count, cap;
};

struct memory {
    struct map names, addresses, domains; // -> struct account; of domains: something
    struct account *accounts;
    size_t count;
    struct map members;          // name of a list -> struct names: of the accounts on it
    const struct account *admin; // the first one; NULL: none
};

void memory_init(struct memory *m);
void memory_done(struct memory *m);

const struct account *memory_by_name(const struct memory *m, struct str name);
const struct account *memory_by_address(const struct memory *m, struct str address);
bool memory_has_domain(const struct memory *m, struct str domain);
// Names or addresses.
struct strs memory_members(const struct memory *m, struct str list);
