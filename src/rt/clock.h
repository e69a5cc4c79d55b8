// SPDX-License-Identifier: Apache-2.0
// rt/clock.h: time and chance. now_ms never goes back and is read once per round of the loop;
// wall_ms is the calendar's time. In the simulator both are virtual and the bytes come from the
// seed.
#pragma once

#include "base/base.h"

int64_t now_ms(void);                       // monotonic
int64_t now_ns(void);                       // monotonic, read freshly
int64_t wall_ms(void);                      // since 1970 UTC
int16_t local_offset_min(int64_t at_ms);    // of this machine's zone, east of UTC
void random_bytes(void *out, size_t count); // fit for keys and nonces
uint64_t random_u64(void);
