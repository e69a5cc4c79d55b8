// SPDX-License-Identifier: Apache-2.0
// smtp/server/transaction.h: one mail transaction, from MAIL to the final reply (RFC 5321 3.3). It
// has an arena of its own, from which everything of it comes; whatever ends it, it leaves nothing
// behind: no counters, no file of a body that was not committed.
#pragma once

#include "queue/store/body.h"
#include "smtp/data.h"
#include "smtp/envelope.h"
#include "smtp/server/session.h"

struct envelope_address {
    struct str text;   // as it goes on: the local part as it was written, domain as A-labels
    struct str normal; // for comparing, rules and log (inbound.md 6.3); empty: the null sender
    struct str domain; // A-labels
};

struct message_check;
struct message_proof;

struct transaction_rcpt {
    struct envelope_address address; // after rewriting and resolution
    struct str detail;               // of a sub-address; null: none
    struct str orcpt_type, orcpt;    // null: none
    uint32_t notify;                 // of enum notify_flag
    bool is_list;
    const struct account *account; // NULL: not one of ours
    // LMTP, at the end of data: the others get the message, this one a refusal (inbound.md 12).
    bool is_refused;
    enum reply_id refusal;
    struct str words; // of the refusal; empty: the usual ones
};

struct transaction_answer { // to a RCPT that was accepted
    struct str given;       // the address, as it was given
    size_t rcpt;            // its place among the recipients
};

struct transaction {
    struct arena arena;
    struct mail_command mail;
    struct envelope_address sender;  // after rewriting
    struct str sender_given;         // normal; before it
    struct str submitter;            // of AUTH=, as struct message has it
    struct envelope_address current; // recipient that is being decided, else the last one
    int priority;
    int64_t by_ms, hold_until_ms; // moments; 0: none
    VEC(struct transaction_rcpt) rcpts;
    VEC(struct transaction_answer) answers; // LMTP: a final reply to each, also to a repeated one
    size_t tried;                           // RCPTs
    struct limits_held held;
    uint64_t bytes_max; // 0: no limit
    int64_t transfer_until_ms;
    bool in_bdat, has_failed; // chunks have come; one was refused
    bool lost_chunk;          // one came before it could be taken, and its message goes on
    // The message.
    uint64_t id;
    int64_t began_ms;
    bool collects_head;
    struct data_reader data;
    struct body *body;
    struct buf head; // its first octets, until the header has ended
    uint64_t head_bytes_max;
    struct str from_domain;
    struct message_check *check;       // NULL: nothing is verified
    const struct message_proof *proof; // what it came to, once it is known
};

// NULL: no memory.
struct transaction *transaction_new(struct smtp_session *s);
void transaction_free(struct smtp_session *s, struct transaction *t) suspends; // NULL is fine
// False: the arena is full. `address` is that of a command; the copy does not point to it.
bool envelope_address_make(
        struct arena *a, const struct mail_address *address, struct envelope_address *out);
// The address of a text that a setting or a directory gave; ERR_SYNTAX: it is none.
struct err envelope_address_read(
        struct arena *a, struct str text, struct envelope_address *out) MUST_USE;
// The type of an address that becomes an ORCPT; the older one is for ASCII only (RFC 6533 3).
static inline struct str orcpt_type_of(struct str address)
{
    return str_is_ascii(address) ? S("rfc822") : S("utf-8");
}
// Is it among the recipients, and where?
bool transaction_has(const struct transaction *t, struct str normal, size_t *out_place);

// The message has arrived whole: decides, commits, answers (inbound.md 7). The transaction is over.
struct err message_finish(struct smtp_session *s) suspends MUST_USE;
// The same reply for the message as a whole: once, or for every recipient in LMTP.
struct err message_answer(struct smtp_session *s, enum reply_id id) suspends MUST_USE;
