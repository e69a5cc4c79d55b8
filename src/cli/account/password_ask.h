// SPDX-License-Identifier: Apache-2.0
// cli/account/password_ask.h: a new password, from whoever types it, and its stored form. Private
// to the commands of `posthaste account`.
#pragma once

#include "cli/account/account_store.h"

// How it was given, in the words of the options: --password-stdin reads one line, an operand is
// taken with a warning, a terminal is asked twice, and otherwise (or with --generate) it is made.
struct new_password {
    struct str hash;
    struct str made; // to be shown once; null: the person knows it
};
struct err password_new(struct cli *c, const struct directory_settings *settings,
        struct str operand, struct new_password *out) MUST_USE;

#define CLI_OPTION_PASSWORD_STDIN                                                                  \
    {                                                                                              \
        .name = S_INIT("password-stdin"), .help = "read the password from standard input"          \
    }
#define CLI_OPTION_SCRAM                                                                           \
    {                                                                                              \
        .name = S_INIT("scram"),                                                                   \
        .help = "store the keys of SCRAM-SHA-256, with which clients log in without sending the "  \
                "password, instead of a hash"                                                      \
    }
#define CLI_OPTION_GENERATE                                                                        \
    {                                                                                              \
        .name = S_INIT("generate"), .letter = 'g', .help = "make a password, and print it once"    \
    }
