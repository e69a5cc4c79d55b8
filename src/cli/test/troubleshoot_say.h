// SPDX-License-Identifier: Apache-2.0
// cli/test/troubleshoot_say.h: what `posthaste troubleshoot delivery` prints: the steps, and in a
// sentence or two what would become of mail, and why.
#pragma once

#include "cli/cli.h"
#include "deliver/probe.h"
#include "events/record.h"

// One event of the attempt as a line: its text, its name, and its own fields. What is the same in
// all of them (whose message that is not there) is left out.
void troubleshoot_add_event(struct buf *out, const struct record *r);
// The conclusion.
void troubleshoot_say(struct cli *c, const struct probe *probe, const struct probe_result *result);
