// SPDX-License-Identifier: Apache-2.0
// rt/overflow.h: a last word before a task that ran off its stack takes its process along; private
// to rt/.
#pragma once

#include "base/base.h"

// For the calling thread, with memory for its handler's stack (NULL: without memory, and no word).
void *overflow_watch_begin(void);
void overflow_watch_end(void *memory);
