// SPDX-License-Identifier: Apache-2.0
// cli/test/message_read.h: a message from standard input for those who check or sign it, and what
// they say of its signatures. Private to those commands.
#pragma once

#include "cli/asking.h"
#include "cli/config/config_read.h"

#include "proof/arc.h"

struct message_test {
    struct asking dns;
    struct arena arena;
    struct buf text;        // the message; its lines end in CRLF
    struct proof_head head; // from message_verify on
    struct dkim_answer dkim;
    struct arc_answer chain;
};

// Reads the message (where it has no CRLF at all, LF ends its lines), and runs the task with a
// resolver. The exit status; if it is not CLI_OK, the reason was said.
int message_test(struct message_test *t, struct cli *c, task_main *main, void *arg);
// The same for those who ask no DNS: there is no resolver, and need be no options for one.
int message_test_offline(struct message_test *t, struct cli *c, task_main *main, void *arg);
void message_test_end(struct message_test *t); // one of zeroes, which never began, is fine

// One pass over the message, in a task. What is NULL is not looked at.
struct message_wanted {
    const struct dkim_rules *dkim;
    const struct arc_rules *chain;
    const struct body_hash_kind *body;
    struct str *out_body_hash; // in the arena
};
struct err message_verify(
        struct message_test *t, const struct message_wanted *wanted) suspends MUST_USE;
// --now, or the present; in a task.
int64_t message_now_s(struct cli *c);
// With --now and --min-rsa-bits, where they are given; in a task.
struct dkim_rules message_rules(struct cli *c);

#define CLI_OPTION_NOW                                                                             \
    {                                                                                              \
        .name = S_INIT("now"), .takes = OPTION_NUMBER, .value = S_INIT("EPOCH"),                   \
        .max = INT64_MAX / 1000, .help = "seconds since 1970 (default: now)"                       \
    }
#define CLI_OPTION_RSA_BITS                                                                        \
    {                                                                                              \
        .name = S_INIT("min-rsa-bits"), .takes = OPTION_NUMBER, .value = S_INIT("N"),              \
        .max = DKIM_RSA_BITS_MAX, .help = "accept RSA keys from this length on (default 1024)"     \
    }
// Of those who verify.
#define MESSAGE_VERIFY_OPTIONS                                                                     \
    CLI_OPTION_RSA_BITS, CLI_OPTION_NOW, CLI_OPTION_ZONE, CLI_OPTION_CONFIG

// The answers as the conformance data's README has them.
void arc_answer_add(struct json_out *o, const struct arc_answer *answer);
void dkim_answer_add(struct json_out *o, const struct dkim_answer *answer);
