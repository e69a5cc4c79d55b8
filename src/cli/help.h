// SPDX-License-Identifier: Apache-2.0
// cli/help.h: what the frame says about itself and its commands. Private to the frame.
#pragma once

#include "cli/cli.h"

// All commands in their groups, how a command line looks, and where to read on.
void help_overview(struct buf *out, const struct cli *c, bool colour);
// The commands that begin with these words: "config".
void help_prefix(struct buf *out, const struct cli *c, struct str words, bool colour);
// One command: usage, what it does, options, examples.
void help_command(struct buf *out, const struct command_row *row, const struct option_set *sets,
        size_t set_count, bool colour);
// "posthaste 0.1.0"; verbose adds compiler, machine and the libraries with their versions.
enum version_detail { VERSION_SHORT, VERSION_VERBOSE };
void version_text(struct buf *out, enum version_detail detail);

int group_usage_status(enum command_group group);
// Whether the path begins with these words, whole ones.
bool path_begins(struct str path, struct str words);
