// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_edit.h: what `posthaste queue edit` is told to change. Private to the commands of
// the queue.
#pragma once

#include "cli/cli.h"

#include "queue/control/edit.h"

struct err queue_edit_read(struct cli *c, int64_t wall_now_ms, struct message_edit *out) MUST_USE;
