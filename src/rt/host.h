// SPDX-License-Identifier: Apache-2.0
// rt/host.h: what the machine says about itself at start.
#pragma once

#include "base/base.h"

struct str host_name(struct arena *a);             // null when the system does not know
uint32_t host_cpu_count(void);                     // CPUs this process may run on, at least 1
bool host_variable(size_t place, struct str *out); // "NAME=VALUE" of the environment
