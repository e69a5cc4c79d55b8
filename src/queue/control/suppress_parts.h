// SPDX-License-Identifier: Apache-2.0
// queue/control/suppress_parts.h: what the files of the suppression list share, and its tests and
// fuzzer look at.
#pragma once

#include "queue/control/suppress.h"

#define SUPPRESS_RECORD_BYTES_MAX (4 * KIB)

bool suppress_is_over(const struct suppress_entry *entry, int64_t wall_now_ms); // its time is
void suppress_record_add(struct buf *out, const struct suppress_entry *entry);
struct err suppress_record_read(
        struct arena *a, struct str record, struct suppress_entry *out) MUST_USE;
