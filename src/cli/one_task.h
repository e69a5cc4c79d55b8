// SPDX-License-Identifier: Apache-2.0
// cli/one_task.h: most commands have no loop; what suspends, or asks for the time, runs as the one
// task of a loop of its own.
#pragma once

#include "cli/cli.h"
#include "rt/task.h"

struct err one_task_run(task_main *main, void *arg) MUST_USE;
// The same, its error told; CLI_OK when there is none.
int one_task_do(struct cli *c, task_main *main, void *arg);
