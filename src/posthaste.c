// SPDX-License-Identifier: Apache-2.0
// posthaste.c: main. The table of subcommands is cli/commands.def; what happens to a command line
// is told in cli/cli.h.
#include "cli/commands.h"

static const struct command_row commands[] = {
#define COMMAND(group_name, words, name, text)                                                     \
    {.group = GROUP_##group_name,                                                                  \
            .path = S_INIT(words),                                                                 \
            .help = (text),                                                                        \
            .command = &command_##name},
#include "cli/commands.def"
};

int main(int argc, char **argv)
{
    return cli_main(&(struct cli_call){.argc = argc,
            .argv = argv,
            .in = stdin,
            .out = stdout,
            .err = stderr,
            .rows = commands,
            .row_count = COUNT_OF(commands)});
}
