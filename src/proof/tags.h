// SPDX-License-Identifier: Apache-2.0
// proof/tags.h: lists of tags, "v=1; a=rsa-sha256; ...", RFC 6376 3.2: signature fields of DKIM and
// ARC and key records.
#pragma once

#include "base/base.h"

#define TAGS_MAX 128 // of one list; real ones have twenty

struct tag {
    struct str name;
    struct str value; // without white space around it; inside it may be folded
    struct str room;  // everything between "=" and the next ";"
};
struct tags {
    VEC(struct tag) all; // in order
};

enum tags_fault { TAGS_FINE, TAGS_SYNTAX, TAGS_DUPLICATE };

// Slices of the text. A duplicate is only said of a list that has no other fault; `out` is filled
// as far as the list could be read. An error is a lack of memory.
struct err tags_parse(
        struct arena *a, struct str text, struct tags *out, enum tags_fault *out_fault) MUST_USE;
// NULL: not there. The first of that name.
const struct tag *tags_find(const struct tags *tags, struct str name);

// The items of a list with colons, without white space around them: takes the next off *rest.
bool tag_item_next(struct str *rest, struct str *out_item);
// Is there such an item, whatever its case?
bool tag_has_item(struct str list, struct str item);
// Base64 with white space anywhere; false: it is none, or empty. ERR_LIMIT is a null out.
bool tag_base64(struct arena *a, struct str value, struct str *out);
// dkim-quoted-printable, RFC 6376 2.11: white space is ignored, =XX is an octet.
// False: it is none, or there is no memory.
bool tag_quoted(struct arena *a, struct str value, struct str *out);
// Decimal digits only; more digits than fit give UINT64_MAX.
bool tag_number(struct str value, size_t digits_max, uint64_t *out);
// One label or more, letters, digits, hyphen and underscore; U-labels become A-labels. The result
// is in lower case; false: it is no domain. label_min is how many labels there must be.
bool tag_domain(struct arena *a, struct str value, size_t label_min, struct str *out);
// Is `domain` this one, or below it? Both in lower case.
bool domain_is_within(struct str domain, struct str parent);
