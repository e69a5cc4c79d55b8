// SPDX-License-Identifier: Apache-2.0
// cli/account/account_store.h: the internal directory as the commands of `posthaste account` and
// `posthaste domain` have it: opened in this process, whether the server runs or not. What is
// committed holds for a running server at once. Private to these commands.
//
// Root becomes the user that the server runs as before anything is opened, so that all files belong
// to it whoever came first.
#pragma once

#include "cli/config/config_read.h"

#include "directory/internal.h"

struct account_work {
    struct cli *c;
    struct conf *conf;
    const struct directory_settings *settings;
    struct internal *internal;
    int64_t wall_now_ms;
};

typedef int account_main(struct account_work *w); // the exit status
// Opens, runs on a large stack, closes; the exit status. Errors were told. LOOK: with nothing there
// yet `internal` is NULL.
int account_work_run(struct cli *c, enum internal_use use, account_main *main);

// Of an error of the internal directory: 5 for what is not there, else 1.
int account_fail(struct cli *c, struct err e);
