// SPDX-License-Identifier: Apache-2.0
// cli/asking.h: commands that ask the DNS: from the fake zone of --zone, and no packet leaves the
// machine, or with the server's resolver, and the settings of a configuration where there is one.
//
//     struct asking q;
//     int status = asking_begin(&q, c, ASKING_ONLY_NAMED);
//     if (status == CLI_OK)
//         status = asking_run(&q, ask_main, &mine);   // a task that uses q.resolver
//     asking_end(&q);
#pragma once

#include "cli/cli.h"

#include "conf/conf.h"
#include "rt/dns.h"
#include "rt/task.h"

// Row for option tables.
#define CLI_OPTION_ZONE                                                                            \
    {                                                                                              \
        .name = S_INIT("zone"), .takes = OPTION_TEXT, .value = S_INIT("FILE"),                     \
        .help = "answer from this fake zone (JSON) instead of the DNS"                             \
    }

enum asking_config {
    ASKING_ONLY_NAMED, // settings are those of --config, if that is given
    ASKING_AS_SERVER,  // or else of the file that the server would read
};

struct asking {
    struct cli *c;
    struct dns_zone *zone; // NULL: the real DNS
    struct dns_settings settings;
    struct conf *conf;         // what the settings point into; NULL: none was read
    struct resolver *resolver; // while the task runs
    task_main *main;
    void *arg;
};

// The command must have the options --zone and --config. Anything but CLI_OK: an exit status, and
// the reason was said.
int asking_begin(struct asking *q, struct cli *c, enum asking_config config);
int asking_run(struct asking *q, task_main *main, void *arg);
void asking_end(struct asking *q); // also after a begin that failed
