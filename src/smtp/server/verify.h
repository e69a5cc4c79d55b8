// SPDX-License-Identifier: Apache-2.0
// smtp/server/verify.h: who a session's peer and a message's author say they are, checked
// (authentication.md 1). SPF runs in tasks of the session's; the signatures of a message are read
// when its header has come, its body passes through their hashes, and what came of all is known at
// the end of data. Nothing here keeps a message from being read to its end.
#pragma once

#include "proof/key_ring.h"
#include "smtp/proof.h"
#include "smtp/server/finish.h"
#include "smtp/server/transaction.h"

// --- SPF (spf.c) ---------------------------------------------------------------------------------

// One check, from the name that was said until another one takes its place.
struct spf_run {
    const struct smtp_service *service;
    struct span *span;
    struct group group; // of the one task that asks, where nobody waits for it
    struct arena arena;
    struct spf_settings settings;
    struct spf_question question;
    enum proof_strategy strategy;
    int64_t began_ms;
    bool done;
    struct spf_answer answer; // once done
};

void spf_run_free(struct spf_run *run) suspends; // NULL is fine; gives up what is still asked
// Of the EHLO name and the sender, as they stand in the session. REPLY_OK, or a refusal and its
// words; a name that is refused leaves the result of the one before in force.
struct err spf_check_helo(
        struct smtp_session *s, enum reply_id *out, struct str *out_words) suspends MUST_USE;
struct err spf_check_mail(
        struct smtp_session *s, enum reply_id *out, struct str *out_words) suspends MUST_USE;
// What was said before the session became another one (STARTTLS, XCLIENT) is not known any more.
void spf_forget(struct smtp_session *s) suspends;
bool spf_is_on(const struct smtp_session *s);
// The answer, waited for; *out is NULL without a check. For the end of data.
struct err spf_await(struct spf_run *run, const struct spf_answer **out) suspends MUST_USE;

// --- Refusals (refuse.c) -------------------------------------------------------------------------

enum message_checked { CHECKED_DKIM, CHECKED_ARC, CHECKED_DMARC };
#define CHECKS_OF_MESSAGE 3 // that may refuse it, each once

struct message_refusal {
    enum message_checked check;
    struct proof_refusal no;
    enum reply_id reply;
};

// --- A message's signatures (verify.c) -----------------------------------------------------------

struct message_check {
    struct arena arena;
    enum proof_strategy dkim, arc, dmarc;
    bool is_read;            // the header was: bodies and keys are there
    bool is_over;            // too many hops, or no memory: nothing is verified
    int64_t dkim_ms, arc_ms; // that they took once the message was there
    struct proof_head head;
    struct key_ring keys;
    struct body_hashes *bodies;
    struct dkim_verifier *dkim_verifier; // NULL: not wanted
    struct arc_verifier *arc_verifier;
    struct message_refusal refusals[CHECKS_OF_MESSAGE];
    size_t refusal_count;
    struct group ahead; // asks for the author's policy, so that it is known when it is needed
    struct str policy_name;
    struct resolver *resolver;
    struct message_proof proof;
};

// When the data begins. Without settings or a resolver nothing is checked, and there is no check.
struct err verify_begin(struct smtp_session *s) suspends MUST_USE;
// The header is there, or as much of it as is taken: the octets collected so far.
struct err verify_head(struct smtp_session *s) suspends MUST_USE;
void verify_body(struct transaction *t, struct str piece);
// The data has ended: all checks, and what they make of the message.
struct err verify_end(struct finishing *f) suspends MUST_USE;
void message_check_free(struct message_check *c) suspends; // NULL is fine

// DMARC (author.c): who the author is, what his domain wants, what spares the message all the same.
struct err verify_author(struct finishing *f) suspends MUST_USE;

// --- Telling (results.c, verify_events.c) --------------------------------------------------------

// Authentication-Results, as a value in message_proof.results and as the fields that go on top.
struct err results_make(struct finishing *f, struct buf *top) suspends MUST_USE;
// Whose Authentication-Results are not to be believed: these names, in the arena.
struct err results_forged(struct finishing *f, struct strs *out) MUST_USE;

void tell_spf(const struct spf_run *run);
void tell_signatures(struct smtp_session *s, const struct message_check *c);
void tell_author(struct smtp_session *s, const struct message_check *c, int64_t began_ms);
void tell_iprev(struct smtp_session *s, const struct iprev_answer *answer, int64_t elapsed_ms,
        enum proof_strategy strategy);
// Our own: checks of a message that could not be made.
void tell_trouble(struct smtp_session *s, struct err e);

// A refusal of a check's, as a reply of the table and words; the reply has the class of its code.
static inline enum reply_id refusal_reply(
        const struct proof_refusal *no, enum reply_id lasting, enum reply_id passing)
{
    return no->code < 500 ? passing : lasting;
}
struct str refusal_words(struct arena *a, const struct proof_refusal *no);
// A check would refuse the message. Its slices live as long as the message's check.
void refusal_note(struct message_check *c, enum message_checked check,
        const struct proof_refusal *no, enum reply_id lasting, enum reply_id passing);
// Is there anything left that a further check could change?
bool refusal_is_settled(const struct finishing *f);
// What the client is told, after all checks.
struct err refusal_decide(struct finishing *f) suspends MUST_USE;
