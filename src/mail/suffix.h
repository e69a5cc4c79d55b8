// SPDX-License-Identifier: Apache-2.0
// mail/suffix.h: the list of public suffixes: which part of a domain is registered by somebody, and
// which belongs to a registry. Organizational domains of RFC 7489 are found by it.
#pragma once

#include "base/base.h"

struct suffix_list;

// A null path is the system's list, or what the library was built with; another one must outlive
// the list. ERR_NOT_FOUND: there is no such file, or no suffix in it.
struct err suffix_list_open(struct arena *a, struct str path, struct suffix_list **out) MUST_USE;
// Reads that file again. One that cannot be read, or is empty, changes nothing.
struct err suffix_list_reload(struct suffix_list *list, struct arena *a) MUST_USE;
void suffix_list_close(struct suffix_list *list); // NULL is fine

struct suffix_answer {
    struct str registrable; // lower case, in the spelling asked for; null: a suffix, or no domain
    struct str suffix;      // null: no domain
    bool listed;            // false: nobody wrote the suffix down, and the last label counts as one
};
// U-labels or A-labels, in any case. Results are in the arena.
struct err suffix_ask(const struct suffix_list *list, struct arena *a, struct str domain,
        struct suffix_answer *out) MUST_USE;
