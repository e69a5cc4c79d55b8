// SPDX-License-Identifier: Apache-2.0
// deliver/returned.h: what has come back to a sender of queue.verp (queue/dsn/verp.h): a report of
// another server's about mail of ours. Looked at when the report is delivered, not when it is
// accepted: then it is on disk, whatever may be wrong with it.
#pragma once

#include "deliver/job.h"

// Reads the message for those of the recipients whose addresses prove to be such senders. Whoever's
// report was understood and need not be kept (queue.verp-reports) is settled; the others are left.
struct err returned_read(struct job *j, struct carried *rcpts, size_t *count) suspends MUST_USE;
// Once it is written down what became of the recipient, for good: then the report counts.
void returned_note(const struct job *j, size_t place);
