// SPDX-License-Identifier: Apache-2.0
// cli/report/report_work.h: the counts of reports as the commands of `posthaste report` have them:
// opened in this process, whether the server runs or not. Private to these commands.
#pragma once

#include "cli/config/config_read.h"

#include "deliver/tlsrpt/tlsrpt_store.h"

struct report_work {
    struct cli *c;
    struct conf *conf;
    struct report_store *store; // NULL: nothing was ever counted
};

typedef int report_main(struct report_work *w); // the exit status
// Opens, runs, closes; the exit status. Errors were told.
int report_work_run(struct cli *c, enum report_use use, report_main *main);
// The one that an operand names. CLI_OK, or the status of what was told.
int report_work_find(struct report_work *w, struct str id, struct report_object *out);
