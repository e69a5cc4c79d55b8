// SPDX-License-Identifier: Apache-2.0
// rt/offload.h: helper threads for what cannot be made asynchronous: syncs, hashes of passwords,
// libraries that block. The function gets plain memory and calls nothing of rt/; the task waits
// for it whatever its deadline says, because the function works on the task's memory: give it
// bounded work only.
#pragma once

#include "base/base.h"

typedef void offload_fn(void *arg);

struct err offload(offload_fn *fn, void *arg) suspends MUST_USE;
