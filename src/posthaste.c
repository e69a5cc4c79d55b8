// SPDX-License-Identifier: Apache-2.0
// posthaste.c: main. The table of subcommands is in cli/.
#include "base/base.h"

int main(void)
{
    return 2;
}
