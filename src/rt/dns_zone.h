// SPDX-License-Identifier: Apache-2.0
// rt/dns_zone.h: what the fake DNS is made of; private to rt/.
#pragma once

#include "base/map.h"
#include "rt/dns_wire.h"

#define ZONE_MEMORY_MAX ((size_t)256 * MIB)
#define ZONE_TTL_S 300 // the file says nothing about time

struct zone_records {
    uint16_t type;
    enum dns_outcome word; // DNS_ANSWER: the records below
    VEC(struct dns_record) records;
};

enum zone_trust { ZONE_TRUST_UNSAID, ZONE_TRUST_INSECURE, ZONE_TRUST_SECURE, ZONE_TRUST_BOGUS };

struct zone_name {
    struct str name;
    bool listed;             // false: it only exists because a name below it does
    enum dns_outcome word;   // for every type; DNS_ANSWER: look at the types
    enum dns_outcome others; // for types not listed
    enum zone_trust trust, trust_below;
    VEC(struct zone_records) types;
};

struct dns_zone {
    struct arena arena;
    struct map names;
    enum dns_outcome unlisted; // what names get that are not there
    enum zone_trust trust;
};

// The entry of a name in the one spelling, made with all names above it; NULL: no memory.
struct zone_name *zone_name_make(struct dns_zone *zone, struct str name);
struct zone_records *zone_records_of(struct zone_name *name, uint16_t type); // NULL: not listed
struct zone_records *zone_records_make(
        struct dns_zone *zone, struct zone_name *name, uint16_t type);
// Fills all of an answer but name and type (given in it). Slices are the zone's.
struct err zone_answer(
        const struct dns_zone *zone, struct arena *a, struct dns_answer *io) MUST_USE;
