// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_filter.h: which messages are meant: by id, or by what they are (management.md
// 4.2, 15.2). All that is given must fit. Private to the commands of `posthaste queue`.
#pragma once

#include "cli/cli.h"

#include "queue/store/store.h"

// Rows for option tables.
#define QUEUE_FILTER_OPTIONS                                                                       \
    {.name = S_INIT("sender"),                                                                     \
            .letter = 's',                                                                         \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("TEXT"),                                                               \
            .help = "senders that contain TEXT; '<>': the null sender"},                           \
            {.name = S_INIT("rcpt"),                                                               \
                    .letter = 'r',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("TEXT"),                                                       \
                    .help = "a recipient's address contains TEXT"},                                \
            {.name = S_INIT("domain"),                                                             \
                    .letter = 'd',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .help = "a recipient in this domain"},                                         \
            {.name = S_INIT("text"),                                                               \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("TEXT"),                                                       \
                    .help = "sender or a recipient contains TEXT"},                                \
            {.name = S_INIT("before"),                                                             \
                    .letter = 'b',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("T"),                                                          \
                    .help = "due before T: 2026-01-31, 2026-01-31T10:00:00Z, -2h, +1d"},           \
            {.name = S_INIT("after"),                                                              \
                    .letter = 'a',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("T"),                                                          \
                    .help = "due after T"},                                                        \
            {.name = S_INIT("queue"),                                                              \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .help = "in this virtual queue"},                                              \
            {.name = S_INIT("status"),                                                             \
                    .takes = OPTION_CHOICE,                                                        \
                    .value = S_INIT("scheduled|tempfail|permfail|delivered|held"),                 \
                    .help = "a recipient of this status"},                                         \
            {.name = S_INIT("hold-reason"),                                                        \
                    .takes = OPTION_CHOICE,                                                        \
                    .value = S_INIT("future-release|quarantine|admin|route|crash"),                \
                    .help = "held for this reason"},                                               \
            {.name = S_INIT("error"),                                                              \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("TEXT"),                                                       \
                    .help = "the last error of a recipient contains TEXT"},                        \
    {                                                                                              \
        .name = S_INIT("account"), .takes = OPTION_TEXT, .value = S_INIT("NAME"),                  \
        .help = "submitted by this account"                                                        \
    }

struct queue_filter {
    struct str sender, rcpt, domain, text, queue, error, account; // null: any
    bool null_sender, any_status, held;
    enum rcpt_status status;
    enum hold_reason reason; // HOLD_NONE: any
    int64_t before_ms, after_ms;
    bool is_empty;
};

struct err queue_filter_read(struct cli *c, int64_t now_ms, struct queue_filter *out) MUST_USE;
store_wanted_fn queue_filter_wants; // `filter` is a struct queue_filter
// Of a message that is wanted: the recipients that a change is about.
bool queue_filter_wants_rcpt(const struct queue_filter *f, const struct recipient *r);
bool queue_filter_names_rcpts(const struct queue_filter *f); // else it is about whole messages
