// SPDX-License-Identifier: Apache-2.0
// smtp/server/finish.h: what the steps between the end of data and the final reply share
// (inbound.md 7).
#pragma once

#include "mail/mail.h"
#include "queue/quota/quota.h"
#include "smtp/server/transaction.h"

struct finishing {
    struct smtp_session *s;
    struct transaction *t;
    struct arena arena;
    int64_t wall_now_ms;
    enum reply_id refusal; // REPLY_OK: none
    struct str words;      // of the refusal, where a setting has its own; empty: the usual
    struct mail_head head;
    struct head_cuts cuts;
    struct message *messages;     // one for each sender: the owners of lists are others
    struct quota_charge *charges; // of each message
    size_t message_count;
};

// Steps 2 to 5: is that a message, and may it come? Fills head and cuts.
struct err finish_inspect(struct finishing *f) suspends MUST_USE;
// Steps 9 and 13: the lines that go on top.
struct err finish_adorn(struct finishing *f, struct str *out_top) suspends MUST_USE;
// And those for whoever delivers it for good, as flags of messages.
uint32_t finish_delivery_fields(struct finishing *f) suspends;
// Step 15: seal and signatures, above the lines of all messages, which have their bodies. `proof`
// may be NULL.
struct message_proof;
struct err finish_sign(struct finishing *f, const struct message_proof *proof) suspends MUST_USE;
// Who gets it: lists expanded, recipients in units by domain. Fills messages and their units.
struct err finish_address(struct finishing *f) suspends MUST_USE;
