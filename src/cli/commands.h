// SPDX-License-Identifier: Apache-2.0
// cli/commands.h: declares the variable of every row of commands.def, for the table in posthaste.c
// and for the files that define them.
#pragma once

#include "cli/cli.h"

#define COMMAND(group, path, name, help) extern const struct command command_##name;
#include "cli/commands.def"
