// SPDX-License-Identifier: Apache-2.0
// cli/config/config_plan.h: all settings as a worker would have them, for commands that do what it
// does.
#pragma once

#include "cli/config/config_read.h"

struct plan;

// Of the configuration that is meant; plan_free. Outside of a loop. NULL: *out_status is the exit
// status, and the reason is on stderr.
struct plan *config_plan(struct cli *c, int *out_status);
