// SPDX-License-Identifier: Apache-2.0
// cli/account/account_edits.h: options of `account create` and `account update` (and of domains) as
// edits of the internal directory. Private to these commands.
#pragma once

#include "cli/account/account_store.h"

struct edit_option {
    struct str option;
    enum edit_field field;
    enum edit_action action;
    const char *value; // of a flag; NULL: the option's
};
struct edit_list {
    struct edit *at;
    size_t count, cap;
};

// In the order of the table, each option as often as it was given.
struct err edits_read(struct cli *c, const struct edit_option *rows, size_t count,
        struct edit_list *out) MUST_USE;
struct err edits_add(struct cli *c, struct edit_list *list, struct edit edit) MUST_USE;

// Those that accounts have, and the rows for their options.
extern const struct edit_option account_edit_options[];
extern const size_t account_edit_option_count;
extern const struct edit_option domain_edit_options[];
extern const size_t domain_edit_option_count;

// The change that the options ask for, of what the first operand names. Else an exit status, and
// the reason was said; an update of nothing is one.
int change_read(struct account_work *w, enum apply apply, const struct edit_option *rows,
        size_t count, struct change *out);
struct change change_of(struct account_work *w, enum apply apply, const struct edit_list *edits);

#define ACCOUNT_ADD_OPTIONS                                                                        \
    {.name = S_INIT("description"),                                                                \
            .letter = 'd',                                                                         \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("TEXT"),                                                               \
            .help = "a name for people"},                                                          \
            {.name = S_INIT("quota"),                                                              \
                    .letter = 'q',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("SIZE"),                                                       \
                    .help = "bytes of mail, 2gb for example; 0: no limit"},                        \
            {.name = S_INIT("email"),                                                              \
                    .letter = 'a',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("ADDR"),                                                       \
                    .many = true,                                                                  \
                    .help = "one more address; the first one is the primary one; @DOMAIN takes "   \
                            "what nobody else has in that domain"},                                \
            {.name = S_INIT("group"),                                                              \
                    .letter = 'm',                                                                 \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("GROUP"),                                                      \
                    .many = true,                                                                  \
                    .help = "into that group"},                                                    \
            {.name = S_INIT("list"),                                                               \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("LIST"),                                                       \
                    .many = true,                                                                  \
                    .help = "on that mailing list"},                                               \
            {.name = S_INIT("member"),                                                             \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NAME"),                                                       \
                    .many = true,                                                                  \
                    .help = "of a group or list: who is on it"},                                   \
            {.name = S_INIT("external-member"),                                                    \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("ADDR"),                                                       \
                    .many = true,                                                                  \
                    .help = "of a list: who is on it from elsewhere"},                             \
            {.name = S_INIT("owner"),                                                              \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("ADDR"),                                                       \
                    .help = "of a list: envelope sender of what it sends on"},                     \
            {.name = S_INIT("is-admin"), .letter = 'i', .help = "administrates this server"},      \
            {.name = S_INIT("expires"),                                                            \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("TIME"),                                                       \
                    .help = "no logins from then on: 2027-01-31T00:00:00Z; empty: never"},         \
            {.name = S_INIT("login-from"),                                                         \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("NET"),                                                        \
                    .many = true,                                                                  \
                    .help = "logins come from there only: 192.0.2.0/24"},                          \
    {                                                                                              \
        .name = S_INIT("disable"), .help = "no logins; mail still arrives"                         \
    }

#define DOMAIN_ADD_OPTIONS                                                                         \
    {.name = S_INIT("description"),                                                                \
            .letter = 'd',                                                                         \
            .takes = OPTION_TEXT,                                                                  \
            .value = S_INIT("TEXT"),                                                               \
            .help = "a name for people"},                                                          \
            {.name = S_INIT("alias"),                                                              \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("DOMAIN"),                                                     \
                    .many = true,                                                                  \
                    .help = "another domain with the same addresses"},                             \
            {.name = S_INIT("catch-all"),                                                          \
                    .takes = OPTION_TEXT,                                                          \
                    .value = S_INIT("ADDR"),                                                       \
                    .help = "who gets the mail to nobody; empty: nobody"},                         \
            {.name = S_INIT("relay"), .help = "mail to unknown users goes onward"},                \
    {                                                                                              \
        .name = S_INIT("no-sub-addressing"), .help = "anna+x is another user than anna"            \
    }
