// SPDX-License-Identifier: Apache-2.0
// base/unicode_runs.h: what the tables of characters have in common; private to base/.
#pragma once

#include "base/base.h"

// Every step-th code point from first to last. What value is depends on the table: the way to the
// other case, a class.
struct unicode_run {
    uint32_t first, last;
    uint8_t step;
    int32_t value;
};

// The run in which a code point is; NULL: in none. Runs are in order and do not overlap.
const struct unicode_run *unicode_run_of(
        const struct unicode_run *runs, size_t count, uint32_t code);
