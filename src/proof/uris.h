// SPDX-License-Identifier: Apache-2.0
// proof/uris.h: lists of URIs as records have them in rua= and ruf= (RFC 9989 4.7, RFC 8460 3).
#pragma once

#include "base/base.h"

#define URIS_MAX 100 // of one list; further ones are dropped

struct uris {
    const struct str *at; // without white space, and without a size limit of RFC 7489 6.3 ("!10m")
    size_t count;
};
// With commas between them. One that is malformed is left out, which *out_fine tells; an empty list
// is malformed, too. An error is a lack of memory.
struct err uris_read(struct arena *a, struct str text, struct uris *out, bool *out_fine) MUST_USE;
