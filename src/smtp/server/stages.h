// SPDX-License-Identifier: Apache-2.0
// smtp/server/stages.h: the stages of a session, one file each, and what they ask of one another.
// A stage gets the arguments of its command, answers, and returns an error only when the session
// cannot go on.
#pragma once

#include "mail/mail.h"
#include "smtp/sasl.h"
#include "smtp/server/session.h"

struct err stage_connect(struct smtp_session *s) suspends MUST_USE;
struct err stage_hello(struct smtp_session *s, enum hello how, struct str args) suspends MUST_USE;
struct err stage_starttls(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_auth(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_mail(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_rcpt(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_data(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_bdat(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_vrfy(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_expn(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_xclient(struct smtp_session *s, struct str args) suspends MUST_USE;
struct err stage_xforward(struct smtp_session *s, struct str args) suspends MUST_USE;

struct err command_run(struct smtp_session *s, struct str line) suspends MUST_USE;

// The limiters of a class; NULL: go on. A refusal has been told as an event.
const struct throttle *session_throttle(
        struct smtp_session *s, enum throttle_class class, struct limits_held *held) suspends;
// One more of what does no harm, but not for ever (inbound.md 4.10).
void session_note_junk(struct smtp_session *s);

// What AUTH would take now; empty: it is not offered.
struct sasl_set auth_offered(struct smtp_session *s) suspends;
// Is NO-SOLICITING offered, and with which keywords?
bool solicitation_is_named(struct smtp_session *s, struct str *out_keywords) suspends;
// How MAIL and RCPT with these arguments are read in this session now.
struct envelope_rules envelope_rules_now(struct smtp_session *s, struct str args) suspends;

#define XCLIENT_NAMES "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
#define XFORWARD_NAMES "NAME ADDR PORT PROTO HELO IDENT SOURCE"
bool xclient_is_allowed(const struct smtp_session *s);
bool xforward_is_allowed(const struct smtp_session *s);
// Of whom a front end says that the next message comes: for what is written down, and nothing else.
struct forwarded {
    struct ip ip;          // IP_NONE: not said
    struct buf name, helo; // empty: unknown
};
void xforward_forget(struct smtp_session *s); // with the transaction
