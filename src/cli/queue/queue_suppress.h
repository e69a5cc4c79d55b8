// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_suppress.h: the suppression list as the commands of `posthaste queue suppress`
// have it: opened in this process, as the server's user, whether the server runs or not. What they
// change is seen by its workers at once. Private to them.
#pragma once

#include "cli/config/config_read.h"

#include "queue/control/suppress.h"

struct suppress_work {
    struct cli *c;
    struct suppress_list *list; // NULL: nobody was ever on it
    int64_t wall_now_ms;
};
typedef int suppress_work_main(struct suppress_work *w);
// SUPPRESS_SERVE makes the list when there is none. The exit status; errors were told.
int suppress_work_run(struct cli *c, enum suppress_use use, suppress_work_main *main);

// The entry that the options --reason, --text and --until make, without an address.
#define SUPPRESS_ENTRY_OPTIONS                                                                     \
    {.name = S_INIT("reason"),                                                                     \
            .takes = OPTION_CHOICE,                                                                \
            .value = S_INIT("manual|complaint|bounce"),                                            \
            .help = "why (manual)"},                                                               \
            {.name = S_INIT("text"),                                                               \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("TEXT"),                                                       \
                    .help = "what is told with it, such as the reply of the host"},                \
    {                                                                                              \
        .name = S_INIT("until"), .takes = OPTION_TEXT, .value = S_INIT("T"),                       \
        .help = "when it ends: +90d, 2027-01-31 (default: when it is removed)"                     \
    }
struct err suppress_entry_of(struct suppress_work *w, struct suppress_entry *out) MUST_USE;
