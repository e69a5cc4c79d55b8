// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_pauses.h: what `queue pause`, `queue resume` and `queue status` share: the file
// of what is paused (queue/control/pauses.h), and the virtual queues of the configuration.
#pragma once

#include "cli/config/config_read.h"

#include "queue/control/pauses.h"
#include "rt/task.h"

// The workers of a running server look at once; by themselves they do so within seconds, and there
// may be no server.
void queue_tell_look(const struct conf *conf) suspends;

enum pauses_use { PAUSES_LOOK, PAUSES_STOP, PAUSES_GO_ON };
// The command as a whole; its operand, if there is one, is a virtual queue. The exit status.
int queue_pauses_run(struct cli *c, enum pauses_use use);
