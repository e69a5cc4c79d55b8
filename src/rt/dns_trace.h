// SPDX-License-Identifier: Apache-2.0
// rt/dns_trace.h: what a resolver was asked and what it heard, in order, for tools that show how a
// check came to its result. A server never looks at it.
//
//     struct dns_trace trace = {.arena = &a};
//     resolver_trace(resolver, &trace);
//     ...
//     resolver_trace(resolver, NULL);
#pragma once

#include "rt/dns.h"

#define DNS_TRACED_MAX 1000 // questions; what comes behind is only counted

struct dns_traced {
    struct str name;
    uint16_t type;
    enum dns_outcome outcome;
    const struct str *records; // as people write them
    size_t count;
};
struct dns_trace {
    struct arena *arena; // for all of it; when it is full, questions are only counted
    VEC(struct dns_traced) all;
    size_t missed;
};

// From now on; NULL: no more.
void resolver_trace(struct resolver *r, struct dns_trace *trace);
