// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_progress.h: how far a command is that takes its time, on a terminal and nowhere
// else: one line of standard error that is written over. Private to the commands of `posthaste
// queue`.
#pragma once

#include "cli/cli.h"

struct progress {
    struct cli *c;
    const char *doing; // "exported"
    bool shows;
    int64_t next_at_ms; // not more often than a person sees
};

struct progress progress_begin(struct cli *c, const char *doing); // in a task: it asks for the time
void progress_step(struct progress *p, uint64_t done, uint64_t of); // of 0: it is not known
void progress_end(struct progress *p);                              // the line is gone
