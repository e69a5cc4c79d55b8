// SPDX-License-Identifier: Apache-2.0
// cli/config/config_read.h: what the commands that read a configuration share: which one is meant,
// loading it, and showing what was found in it.
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
// For a command that needs a part of it, with what making the settings of that part came to. What
// this user must not read, a certificate say, is no reason not to do the rest. CLI_OK unless the
// settings could not be made, the syntax is wrong, or there is an error about a key that starts
// with one of `ours`; all findings were shown then.
int config_judge(struct cli *c, struct err made, const struct findings *findings,
        const struct str *ours, size_t our_count);
// For commands that only need to know where the state folder is and whose: read and judged. In any
// case conf_free it.
struct conf *config_read_state(struct cli *c, int *out_status);
// To stdout (the answer of a command) or stderr.
void config_show_findings(struct cli *c, FILE *to, const struct findings *findings);
