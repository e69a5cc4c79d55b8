// SPDX-License-Identifier: Apache-2.0
// deliver/ruled.h: standing rules (queue/standing.h) as a worker goes by them: the file as it was
// last read, and the place of a job at which they are asked, before anything is tried.
#pragma once

#include "queue/standing.h"

struct deliverer;
struct job;

struct ruled { // of a worker
    struct standing_rules now;
    struct arena arenas[2]; // what is in force, and the next one
    size_t turn;
    bool is_bad; // it could not be read, which has been told
};
void ruled_init(struct ruled *r);
void ruled_done(struct ruled *r);
void dispatch_read_rules(struct deliverer *d);

// True: a rule holds the unit or gives its recipients up, and nothing is to be tried.
bool ruled_unit(struct job *j);
