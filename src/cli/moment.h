// SPDX-License-Identifier: Apache-2.0
// cli/moment.h: moments and sizes as people write and read them (management.md 15.2).
#pragma once

#include "base/base.h"

// RFC 3339, YYYY-MM-DD (midnight UTC), or relative: -2h, +1d, with one of s, m, h, d, w.
bool moment_parse(struct str text, int64_t now_ms, int64_t *out_at_ms);
// "3m ago", "in 2h", "now"; "never" for INT64_MAX.
void moment_add(struct buf *out, int64_t at_ms, int64_t now_ms);
void span_add(struct buf *out, int64_t span_ms); // "45s", "3m", "5h", "12d"
void size_add(struct buf *out, uint64_t bytes);  // "312 B", "4.2 KiB"
