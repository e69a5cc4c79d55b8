// SPDX-License-Identifier: Apache-2.0
// events/pack.h: compressing a finished log, a piece at a time, so that the log writer is never
// long away from its workers. The result appears under its name when it is whole: <path>.gz.
#pragma once

#include "events/outside.h"

#define PACK_STEP_BYTES (256 * KIB)

struct pack;
struct pack *pack_begin(const struct outside *outside, struct arena *a, struct str path); // or NULL
bool pack_step(struct pack *p, struct arena *a); // false: done, or given up
void pack_free(struct pack *p);                  // NULL is fine; an unfinished one is taken up anew
