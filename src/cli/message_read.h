// SPDX-License-Identifier: Apache-2.0
// cli/message_read.h: a message from standard input for those who check or sign it, and what they
// say of its signatures. Private to those commands.
#pragma once

#include "cli/cli.h"

#include "proof/arc.h"

// Lines end in CRLF; those of a message that has none at all end in LF, and are given CRLF.
struct err message_read(struct cli *c, struct buf *out) MUST_USE;
// --now, or the present; inside a task.
int64_t message_now_s(struct cli *c);

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

// The answers as the conformance data's README has them.
void dkim_answer_add(struct json_out *o, const struct dkim_answer *answer);
