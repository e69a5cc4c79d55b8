// SPDX-License-Identifier: Apache-2.0
// rt/figures.h: what a process of this machine costs, as the system counts it. On Linux from /proc;
// where that cannot be read (a container without it, another user's process) there are no figures.
#pragma once

#include "base/base.h"

#include <sys/types.h>

struct process_figures {
    int64_t cpu_ms;
    int64_t memory_bytes; // resident
    int64_t descriptors;  // -1: not known
};

bool process_figures_read(pid_t pid, struct process_figures *out);
