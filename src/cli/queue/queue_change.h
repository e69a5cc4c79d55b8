// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_change.h: what the commands that change the queue share: which messages, the
// question whether it is meant, the commits, and what is said at the end.
#pragma once

#include "cli/queue/queue_filter.h"
#include "cli/queue/queue_store.h"
#include "cli/sure.h"

// Rows for option tables.
#define QUEUE_CHANGE_OPTIONS                                                                       \
    CLI_OPTION_CONFIG, QUEUE_FILTER_OPTIONS,                                                       \
            {.name = S_INIT("all"), .help = "all messages, when no filter is given"},              \
            {.name = S_INIT("dry-run"), .help = "only say how many are meant"}, CLI_OPTION_YES,    \
            CLI_OPTION_JSON

enum queue_change {
    CHANGE_CANCEL,
    CHANGE_HOLD,
    CHANGE_RELEASE,
    CHANGE_RETRY,
    CHANGE_REROUTE,
    CHANGE_EDIT,
    CHANGE_RULE
};

int queue_change_run(struct cli *c, enum queue_change kind); // the exit status
