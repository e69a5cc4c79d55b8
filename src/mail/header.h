// SPDX-License-Identifier: Apache-2.0
// mail/header.h: what the fields of a message's header say (RFC 5322, 2045, 2047, 2231), read as
// they are found, not as they should be: comments, folding, obsolete forms and the slips of
// well-known programs are understood; what nothing can be made of is said to be so. A field body is
// given as it stands behind the colon, with its folding.
//
// False, or a null text: nothing can be made of it, or the arena is full. Results live in the
// arena; texts are UTF-8 with ill-formed bytes replaced.
#pragma once

#include "base/base.h"
#include "base/date.h"
#include "base/ip.h"

#define MAIL_COMMENT_DEPTH_MAX 64 // deeper parentheses are text
#define MAIL_PARAMS_MAX 256       // of one field; further ones are dropped
#define MAIL_MAILBOXES_MAX 10000  // of one field

// --- Addresses -----------------------------------------------------------------------------------

struct mail_mailbox {
    struct str name;    // null: none
    struct str address; // local@domain without comments and blanks; null: there is none
    size_t group;       // place in groups + 1; 0: in none
};
struct mail_mailboxes {
    const struct mail_mailbox *at;
    size_t count;
    const struct str *groups; // their names, in order
    size_t group_count;
};
bool mail_mailboxes_read(struct arena *a, struct str body, struct mail_mailboxes *out);

// --- Types with parameters -----------------------------------------------------------------------

struct mail_param {
    struct str name; // lower case
    struct str value;
};
struct mail_type {
    struct str type; // "text/plain", "attachment"; lower case
    const struct mail_param *params;
    size_t param_count;
};
bool mail_content_type_read(struct arena *a, struct str body, struct mail_type *out);
bool mail_disposition_read(struct arena *a, struct str body, struct mail_type *out);
struct str mail_type_param(const struct mail_type *type, struct str name); // null: absent

// --- The others ----------------------------------------------------------------------------------

// Date, with the offset as written; an unknown one is UTC.
bool mail_date_read(struct str body, struct civil *out);

struct mail_ids {
    const struct str *at; // without the angle brackets
    size_t count;
};
bool mail_ids_read(struct arena *a, struct str body, struct mail_ids *out);

// Unstructured text: folds and the white space around them become one blank, encoded words (RFC
// 2047) what they stand for.
struct str mail_text_read(struct arena *a, struct str body);

struct mail_received {
    struct str from, helo, by, with, id, for_; // null: not said
    struct ip from_ip;                         // IP_NONE: not said
    bool has_date;
    struct civil date;
};
bool mail_received_read(struct arena *a, struct str body, struct mail_received *out);

// --- Characters ----------------------------------------------------------------------------------

// Adds text of a charset as UTF-8; false: the charset is not known, and nothing was added.
bool mail_charset_add(struct buf *out, struct str charset, struct str bytes);
