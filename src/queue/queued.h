// SPDX-License-Identifier: Apache-2.0
// queue/queued.h: that a message is in the queue, as an event (queue.md 14.4): which one depends on
// where it comes from. For all who put messages there, once the commit has succeeded.
#pragma once

#include "queue/message.h"

struct span;

void message_tell_queued(const struct span *span, const struct message *m);
