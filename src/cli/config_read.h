// SPDX-License-Identifier: Apache-2.0
// cli/config_read.h: what the commands of `posthaste config` share: which configuration is meant,
// loading it, and showing what was found in it. Private to those commands.
#pragma once

#include "cli/cli.h"

#include "conf/conf.h"

// Row for option tables.
#define CLI_OPTION_CONFIG                                                                          \
    {                                                                                              \
        .name = S_INIT("config"), .letter = 'c', .takes = OPTION_TEXT, .value = S_INIT("PATH"),    \
        .help = "the main configuration file (default: CONFIG_PATH, else "                         \
                "/etc/posthaste/config.toml)"                                                      \
    }

// The file of --config as `serve` would find it; null: there is none, and cli_no_config says so.
struct str config_path(struct cli *c, const struct conf_env *env);
int config_none(struct cli *c); // configuration.md 1: usage, exit status 2
// Loads it. NULL: *out_status is the exit status, and the reason is on stderr.
struct conf *config_read(struct cli *c, struct findings *findings, int *out_status);
// To stdout (the answer of a command) or stderr.
void config_show_findings(struct cli *c, FILE *to, const struct findings *findings);
