// SPDX-License-Identifier: Apache-2.0
// cli/test/message_sign.h: with whose key a command signs, and what. Private to those commands.
#pragma once

#include "cli/cli.h"

#include "proof/dkim_sign.h"

// Rows for option tables.
#define MESSAGE_SIGN_OPTIONS                                                                       \
    {.name = S_INIT("domain"),                                                                     \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("D"),                                                                  \
            .required = true,                                                                      \
            .help = "who signs (d=)"},                                                             \
            {.name = S_INIT("selector"),                                                           \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("S"),                                                          \
                    .required = true,                                                              \
                    .help = "with which of its keys (s=)"},                                        \
    {                                                                                              \
        .name = S_INIT("key"), .takes = OPTION_TEXT, .value = S_INIT("PEM"), .required = true,     \
        .help = "the file with the private key"                                                    \
    }

struct message_signer {
    struct dkim_signer signer; // recommended names, From oversigned, unless --headers says else
    struct private_key *key;
};
// Anything but CLI_OK: an exit status, and the reason was said. --headers is looked at where the
// command has it.
int message_signer_read(struct cli *c, struct message_signer *out);
void message_signer_end(struct message_signer *s);

// A field, without its last CRLF.
void message_field_add(struct json_out *o, struct str field);
