// SPDX-License-Identifier: Apache-2.0
// cli/sure.h: what cannot be taken back is asked about on a terminal, and needs --yes elsewhere
// (management.md 15.1).
#pragma once

#include "cli/cli.h"

#define CLI_OPTION_YES                                                                             \
    {                                                                                              \
        .name = S_INIT("yes"), .letter = 'y', .help = "do not ask"                                 \
    }

bool cli_sure(struct cli *c, const char *question);
