// SPDX-License-Identifier: Apache-2.0
// smtp/server/client.h: questions about whom we talk to that others have to answer: the DNS, the
// directory.
#pragma once

#include "directory/directory.h"
#include "smtp/server/session.h"

// The name of the client's address, forward-confirmed, once a session; what the mode makes of it
// (inbound.md 10.6). REPLY_OK, or a refusal and its words.
struct err client_iprev(
        struct smtp_session *s, enum reply_id *out, struct str *out_words) suspends MUST_USE;

// ERR_IO: none is open. That makes nobody unknown: 451, 454.
struct err client_directories(const struct smtp_session *s, struct directories **out) MUST_USE;

// What the session says about recipients, for the directory.
struct client_rules {
    struct session_env self;
    struct expr_env env;
    struct resolve_rules rules;
};
// ERR_CONFIG: session.rcpt.directory cannot be evaluated.
struct err client_resolve_rules(struct smtp_session *s, struct client_rules *out) suspends MUST_USE;
struct err client_may_send_as(
        struct smtp_session *s, struct str sender, bool *out_may) suspends MUST_USE;
// Ours, where a recipient names none: that of our host's name, else the first that is local.
struct str client_own_domain(struct smtp_session *s) suspends;
// Is the current recipient, who is none of ours, on the suppression list? True: he is to be
// refused, and that was told.
bool client_rcpt_is_suppressed(struct smtp_session *s) suspends;
// Greylisting of the current recipient (inbound.md 10.5).
bool client_must_wait(struct smtp_session *s) suspends;
// Block lists (inbound.md 10.7): asked at connect, and about names when they are known; ended with
// the session.
void client_ask_lists(struct smtp_session *s) suspends;
void client_ask_lists_of_helo(struct smtp_session *s) suspends;
void client_ask_lists_of_sender(struct smtp_session *s) suspends;
void client_ask_lists_of_from(struct smtp_session *s, struct str domain) suspends;
void client_end_lists(struct smtp_session *s) suspends;
// Their verdict, for clients that are judged: REPLY_OK, or a refusal and its words.
struct err client_listed(
        struct smtp_session *s, enum reply_id *out, struct str *out_words) suspends MUST_USE;
bool client_is_judged_at_connect(const struct smtp_session *s);
