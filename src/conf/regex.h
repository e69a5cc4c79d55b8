// SPDX-License-Identifier: Apache-2.0
// conf/regex.h: regular expressions of the configuration (configuration.md 11.2): PCRE2 with
// Unicode, case-sensitive unless (?i), unanchored, '^' and '$' the ends of the subject, without
// back-references. Who writes the pattern is the administrator; who writes the subject is the
// world: matching is bounded whatever both do.
//
// Bounds of one match: PCRE2's match limit 1,000,000, depth 10,000 and heap 8 MiB, and, for
// subjects that are long enough for quadratic patterns to hurt, REGEX_WORK_MAX steps counted by a
// callout before each item of the pattern. The latter stands for the 100 ms of the specification:
// steps are the same on every machine and in the simulator, a clock is not.
//
// There is no just-in-time compiler here. Code made by it keeps neither the depth nor the heap
// limit, wants 32 KiB of the caller's stack (or a stack kept for it), needs memory that is both
// writable and executable in its life, which our sandbox forbids, and must be freed one by one.
//
// Matching keeps its frames on the heap and needs about 1 KiB of stack; it is safe in a coroutine.
// Compiling needs up to 40 KiB of stack: do it at load or on a helper thread. A compiled pattern
// lives in its arena and is never freed by itself; it is immutable, so any number may match at
// once.
#pragma once

#include "base/base.h"

#define REGEX_PATTERN_BYTES_MAX (4 * KIB)
#define REGEX_MATCHES_MAX 1000000
#define REGEX_DEPTH_MAX 10000
#define REGEX_HEAP_BYTES_MAX (8 * MIB)
#define REGEX_NESTING_MAX 60          // parentheses
#define REGEX_WATCH_BYTES 512         // subjects longer than this have their steps counted
#define REGEX_WORK_MAX (50 * 1000000) // some 100 ms on one core of 2020

struct regex;

struct regex_groups { // $0 the whole match, then the groups; null: took no part
    struct str *at;
    size_t count;
};

enum regex_outcome {
    REGEX_NO_MATCH,
    REGEX_MATCH,
    REGEX_LIMIT, // a bound was reached, or memory: nothing is known about the subject
};

// ERR_SYNTAX with "invalid regular expression: WHAT at offset N".
struct err regex_compile(struct arena *a, struct str pattern, struct regex **out) MUST_USE;
// An unbounded repetition inside another one, such as (a+)+: worth a warning, because such
// patterns are what reaches the limits.
bool regex_is_risky(const struct regex *r);

// Ill-formed UTF-8 in the subject reads as U+FFFD. `scratch` takes the groups and, if need be, the
// repaired subject, so groups live as long as the shorter of subject and scratch. out_groups may be
// NULL; it is written on REGEX_MATCH only.
enum regex_outcome regex_match(const struct regex *r, struct arena *scratch, struct str subject,
        struct regex_groups *out_groups);
