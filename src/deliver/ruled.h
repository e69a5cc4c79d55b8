// SPDX-License-Identifier: Apache-2.0
// deliver/ruled.h: standing rules (queue/control/standing.h) as a worker goes by them: the file as
// it was last read, and the place of a job at which they are asked, before anything is tried.
#pragma once

#include "queue/control/standing.h"
#include "queue/control/statewatch.h"

struct deliverer;
struct job;

struct ruled { // of a worker
    struct statewatch watch;
    struct standing_rules now;
};
void ruled_init(struct ruled *r, struct str path);
void ruled_done(struct ruled *r);
void dispatch_read_rules(struct deliverer *d);

// True: a rule holds the unit or gives its recipients up, and nothing is to be tried.
bool ruled_unit(struct job *j);
