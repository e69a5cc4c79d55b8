// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_orders.h: what `queue suspend` and `queue unsuspend` share: the file of orders at
// run time (deliver/shape/suspend.h).
#pragma once

#include "cli/config/config_read.h"

enum orders_use { ORDERS_GIVE, ORDERS_LIFT };

// Rows for option tables: what an order is about.
#define ORDER_SCOPE_OPTIONS                                                                        \
    {.name = S_INIT("domain"),                                                                     \
            .letter = 'd',                                                                         \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("NAME"),                                                               \
            .help = "mail to this domain"},                                                        \
            {.name = S_INIT("sender"),                                                             \
                    .letter = 's',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("ADDRESS"),                                                    \
                    .help = "mail from this sender; '<>': the null sender"},                       \
            {.name = S_INIT("sender-domain"),                                                      \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .help = "mail from senders of this domain"},                                   \
            {.name = S_INIT("queue"),                                                              \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .help = "mail of this virtual queue"},                                         \
            {.name = S_INIT("tag"),                                                                \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME[=VALUE]"),                                               \
                    .help = "mail with this tag"},                                                 \
            {.name = S_INIT("route"),                                                              \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .help = "mail that goes by this route"},                                       \
            {.name = S_INIT("mx-site"),                                                            \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("SITE"),                                                       \
                    .help = "mail to this provider, as test route names it"},                      \
            {.name = S_INIT("mx"),                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("HOST"),                                                       \
                    .help = "this host; others of the domain are tried"},                          \
            {.name = S_INIT("source-ip"),                                                          \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("IP"),                                                         \
                    .help = "this address of ours; others are used"},                              \
    {                                                                                              \
        .name = S_INIT("order"), .takes = OPTION_CHOICE,                                           \
        .value = S_INIT("suspend|throttle|backoff|disable-tls"),                                   \
        .help = "the kind of order (suspend)"                                                      \
    }

// The command as a whole; the exit status. What is not about anything is a listing.
int queue_orders_run(struct cli *c, enum orders_use use);
