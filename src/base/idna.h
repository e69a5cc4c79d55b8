// SPDX-License-Identifier: Apache-2.0
// base/idna.h: names beyond ASCII, by UTS #46, non-transitional, with all checks on (hyphens,
// bidi, joiners, ASCII rules of STD 3, lengths). The tables are base/idna.def, which names its
// version of Unicode; characters that are younger are not in names yet.
#pragma once

#include "base/base.h"

enum idna_fault {
    IDNA_FINE,
    IDNA_DISALLOWED,
    IDNA_HYPHEN,
    IDNA_JOINER,
    IDNA_BIDI_RULE,
    IDNA_LENGTH,
    IDNA_PUNYCODE,
    IDNA_UNASSIGNED,
    IDNA_EMPTY,
};
struct str idna_fault_name(enum idna_fault fault); // "bidi"

struct idna_result {
    enum idna_fault fault;
    struct str text; // when fine; in the arena
};
// An error is a lack of memory; what is wrong with the name is in the result.
struct err idna_to_ascii(struct arena *a, struct str domain, struct idna_result *out) MUST_USE;
struct err idna_to_unicode(struct arena *a, struct str domain, struct idna_result *out) MUST_USE;
