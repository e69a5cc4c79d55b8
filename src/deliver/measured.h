// SPDX-License-Identifier: Apache-2.0
// deliver/measured.h: numbers of deliveries (queue.md 14.3) that are no event's counter.
#pragma once

#include "deliver/job.h"

void measure_begin(const struct job *j);   // of every look at a unit that was due
void measure_attempt(const struct job *j); // that has ended
void measure_settled(const struct job *j, size_t place);
void measure_done(const struct job *j); // nobody of the message is pending any more
void measure_look(const struct deliverer *d, int64_t began_ns); // for what is due
