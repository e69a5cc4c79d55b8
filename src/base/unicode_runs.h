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

// Code points that become several.
struct unicode_text {
    uint32_t code;
    struct str text;
};

// The run in which a code point is; NULL: in none. Runs are in order and do not overlap.
const struct unicode_run *unicode_run_of(
        const struct unicode_run *runs, size_t count, uint32_t code);
// The row of one code point; NULL: it has none. Rows begin with their code and are in its order.
const void *unicode_row_of(const void *rows, size_t count, size_t row_bytes, uint32_t code);
#define UNICODE_ROW_OF(table, code)                                                                \
    unicode_row_of((table), COUNT_OF(table), sizeof((table)[0]), (code))
