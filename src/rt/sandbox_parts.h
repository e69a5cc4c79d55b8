// SPDX-License-Identifier: Apache-2.0
// rt/sandbox_parts.h: the fences, for sandbox.c only.
#pragma once

#include "rt/sandbox.h"

// sandbox_files.c
int landlock_version(void); // 0: the kernel has none
struct err landlock_enter(struct arena *a, int version, const struct sandbox_wish *wish) MUST_USE;

// sandbox_calls.c
enum calls_of { CALLS_OF_WORKER, CALLS_OF_SUPERVISOR };
bool seccomp_works(void);
struct err calls_enter(struct arena *a, enum calls_of whose) MUST_USE;
