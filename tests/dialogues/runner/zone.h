// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/zone.h: the lines of a `zone NAME:` block, in the form of a master file
// (RFC 1035 5.1) with one record a line: OWNER [TTL] [IN] TYPE DATA. `@` is the zone; names are
// relative to it unless they end with a dot.
#pragma once

#include "rt/dns.h"

// Types: A AAAA MX NS CNAME PTR TXT SRV TLSA. ERR_SYNTAX says what is wrong.
struct err zone_add_line(
        struct arena *a, struct dns_zone *zone, struct str origin, struct str line) MUST_USE;
