// SPDX-License-Identifier: Apache-2.0
// cli/test/sender_answers.h: who a sender is said to be, by the options of a command, and what
// checks of it found, in the forms of the conformance data's README: these add the members of an
// object.
#pragma once

#include "cli/cli.h"

#include "mail/suffix.h"
#include "proof/proof.h"

// Rows for option tables.
#define SENDER_OPTIONS                                                                             \
    {.name = S_INIT("ip"),                                                                         \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("ADDR"),                                                               \
            .required = true,                                                                      \
            .help = "the address of the client"},                                                  \
            {.name = S_INIT("helo"),                                                               \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .required = true,                                                              \
                    .help = "what it says in EHLO or HELO"},                                       \
    {                                                                                              \
        .name = S_INIT("mail-from"), .takes = OPTION_TEXT, .value = S_INIT("ADDR"),                \
        .required = true, .help = "the sender; empty for the null sender"                          \
    }

// What they say; of no more than these members.
struct err sender_question(struct cli *c, struct spf_question *out) MUST_USE;
// The list of --psl. Anything but CLI_OK: an exit status, and the reason was said.
int sender_suffixes_open(struct cli *c, struct suffix_list **out);

void spf_answer_add(struct json_out *o, const struct spf_answer *answer, struct str received_spf);
void dmarc_answer_add(struct json_out *o, const struct dmarc_answer *answer);
