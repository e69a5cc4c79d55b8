// SPDX-License-Identifier: Apache-2.0
// conf/glob.h: the patterns of configuration.md 11.1: '*' is any run of characters (dots and
// slashes too, none as well), '?' exactly one code point, '\x' a literal x, everything else itself.
// The whole text must match. There are no character classes, and "**" is "*".
//
// A compiled glob lives as long as its arena and may be matched from anywhere: matching needs no
// memory, does not suspend, and takes at most pattern times subject steps.
#pragma once

#include "base/base.h"

#define GLOB_BYTES_MAX (1 * KIB)

enum glob_case { GLOB_EXACT, GLOB_NOCASE };

enum glob_shape { GLOB_LITERAL, GLOB_PREFIX, GLOB_SUFFIX, GLOB_GENERAL };

struct glob {
    enum glob_shape shape;
    enum glob_case fold;
    struct str text;       // without escapes; of GLOB_GENERAL: not used
    const uint32_t *units; // of GLOB_GENERAL: code points, GLOB_ANY_RUN and GLOB_ANY_ONE
    size_t unit_count;
    struct str pattern; // as written
};

// The pattern is copied. ERR_SYNTAX: too long, or a lone '\' at the end.
struct err glob_compile(
        struct arena *a, struct str pattern, enum glob_case fold, struct glob *out) MUST_USE;
bool glob_match(const struct glob *g, struct str subject);

// Does the pattern hold a '*' or '?' that is not escaped?
bool glob_has_wildcard(struct str pattern);
