// SPDX-License-Identifier: Apache-2.0
// cli/server/server_control.h: what the commands of `posthaste server` share: finding the running
// server's control socket (server/control.h) and asking it.
#pragma once

#include "cli/cli.h"

#define SERVER_OPTIONS                                                                             \
    {.name = S_INIT("config"),                                                                     \
            .letter = 'c',                                                                         \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("PATH"),                                                               \
            .help = "the configuration of the server that is meant (default: CONFIG_PATH, "        \
                    "else /etc/posthaste/config.toml)"},                                           \
            {.name = S_INIT("socket"),                                                             \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("PATH"),                                                       \
                    .help = "its control socket (default: control.sock in its state folder)"},     \
    {                                                                                              \
        .name = S_INIT("timeout"), .letter = 't', .takes = OPTION_NUMBER,                          \
        .value = S_INIT("SECONDS"), .min = 1, .max = 86400,                                        \
        .help = "how long to wait for the answer (default 60)"                                     \
    }

// Asks, prints the answer, and gives the exit status: 3 when there is nobody to ask.
int server_ask(struct cli *c, struct str request);
