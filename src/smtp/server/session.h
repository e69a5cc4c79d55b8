// SPDX-License-Identifier: Apache-2.0
// smtp/server/session.h: what the stages of a session share: the session, how it asks its settings
// (rules), and how it answers (replies). One file a stage; each takes the arguments of its command
// and returns an error only when the session cannot go on: a refusal is a reply, not an error.
#pragma once

#include "conf/expr.h"
#include "directory/surroundings.h"
#include "limits/throttle.h"
#include "proof/iprev.h"
#include "proof/strategy.h"
#include "smtp/server/settings.h"
#include "smtp/smtp.h"

struct account;
struct dnsbl;
struct spf_run;
struct transaction;

enum reply_id {
#define REPLY(id, code, enhanced, text, when) REPLY_##id,
#include "smtp/replies.def"
    REPLY_ID_COUNT
};

enum hello { HELLO_NONE, HELLO_HELO, HELLO_EHLO, HELLO_LHLO };

struct session_pace { // evaluated at connect, after STARTTLS, XCLIENT and AUTH (inbound.md 1.4)
    int64_t timeout_ms, duration_ms, errors_wait_ms;
    uint64_t transfer_bytes_max, errors_max, junk_max; // 0: no limit
    bool strict_pipelining, strict_envelope;
    bool spf_exempt;
    enum proof_strategy spf_helo, spf_mail;
};

struct session_counts {
    uint64_t bytes_in, junk, messages, auth_failures, rcpt_failures;
    int64_t waited_ms;
};

struct smtp_session {
    struct stream *stream;
    const struct smtp_options *options;
    const struct smtp_service *service;
    struct visit *visit;
    struct arena scratch;  // of one command
    struct arena identity; // of the session: names, the account
    struct smtp_session_result result;
    struct endpoint client, local; // those that XCLIENT names, once it has
    struct ip introducer;          // who may say XCLIENT: the peer, or whom a PROXY header named
    struct str host;               // ours
    struct buf helo;
    enum hello hello;
    struct str ptr_name;     // of the client, forward-confirmed; null: not known
    bool ptr_is_settled;     // looked up, or given by XCLIENT: not asked about any more
    enum iprev_result iprev; // what looking it up came to; NONE: it was not
    struct str iprev_comment;
    struct spf_run *spf_helo, *spf_mail; // NULL: not asked. Of the name, of the last MAIL
    struct dnsbl *dnsbl;                 // NULL: block lists are not asked
    const struct account *account;
    struct str account_name; // empty: nobody has logged in
    struct session_pace pace;
    struct session_counts counts;
    struct said {
        int code;
        struct str enhanced, text; // live as long as the command
    } said;                        // the last reply
    struct limits_held held;       // by class remote
    struct transaction *transaction;
    int64_t began_ms;
    enum stage_label stage;
    bool tls_on, over;
    bool offered_pipelining;
    bool reads_nothing; // what we say does not leave any more: no more is said (inbound.md 2.3)
    bool hears_utf8;    // the command at hand has said so, and it is no transaction's
    bool refuses_all;   // session.connect.is-allowed said no: QUIT is all that may follow
    size_t refused_at;  // the number of commands before that
    struct forwarded *forwarded; // by XFORWARD, until the transaction ends; NULL: nothing
};

// -- Settings (rules.c, env.c) --------------------------------------------------------------------

// Evaluated now; a failure is told as eval.error.
struct expr_result rule_ask(struct smtp_session *s, enum rule_id id) suspends;
// Of rules with DEFAULTS. "None" is 0; of a word -1.
bool rule_bool(struct smtp_session *s, enum rule_id id) suspends;
int64_t rule_number(struct smtp_session *s, enum rule_id id) suspends;
int64_t rule_word(struct smtp_session *s, enum rule_id id) suspends;
// Of rules with REFUSES: ERR_CONFIG when it cannot be evaluated. Null: none.
struct err rule_text(struct smtp_session *s, enum rule_id id, struct str *out) suspends MUST_USE;
struct err rule_truth(struct smtp_session *s, enum rule_id id, bool *out) suspends MUST_USE;
// True, false, or the text of a refusal.
struct permission {
    bool is_given;
    struct str text; // of a refusal; empty: the usual one
};
struct err rule_permits(
        struct smtp_session *s, enum rule_id id, struct permission *out) suspends MUST_USE;

struct session_env {
    struct smtp_session *session;
    bool is_default; // of a rule that nobody wrote: see struct rule
    struct surroundings around;
    struct expr_env outside;
};
// For those who evaluate expressions about this session themselves: fills `self`, which must stay
// where it is.
struct expr_env session_env(struct smtp_session *s, struct session_env *self);
void session_tell_fault(struct smtp_session *s, struct str key, const struct expr_fault *fault);
// A rule that rewrites an address made something else of it.
void session_tell_no_address(
        struct smtp_session *s, enum rule_id id, struct str text, struct err why);

// -- Replies (reply.c) ----------------------------------------------------------------------------

// Queues a reply. An error is about the connection and ends the session. What counts as an error of
// the client (inbound.md 10.2) is counted here.
struct err reply(struct smtp_session *s, enum reply_id id) suspends MUST_USE;
struct err reply_about(struct smtp_session *s, enum reply_id id, struct str what) suspends MUST_USE;
struct err reply_about_two(struct smtp_session *s, enum reply_id id, struct str first,
        struct str second) suspends MUST_USE;
struct err reply_number(struct smtp_session *s, enum reply_id id, int64_t n) suspends MUST_USE;
// A refusal in words of the administrator's: "550 no", "no". Code and enhanced status are those of
// `usual` when the text has none; so is all of it when the text is empty.
struct err reply_words(
        struct smtp_session *s, enum reply_id usual, struct str text) suspends MUST_USE;
// The same to what is no command at all: before authentication it counts as a scan.
struct err reply_junk(struct smtp_session *s, enum reply_id id) suspends MUST_USE;
// A last reply: queued and flushed within a short time; the session is over.
void reply_and_leave(struct smtp_session *s, enum reply_id id, enum smtp_end end) suspends;
// Lines that are no reply of the table: greeting, capabilities, challenges. What stands in front of
// the line, and the line, to which CRLF is added.
struct err reply_line(struct smtp_session *s, struct str front, struct str line) suspends MUST_USE;
int reply_code(enum reply_id id);

// -- Telling the log of refusals (told.c) ---------------------------------------------------------

// The refusal that was just said has no event of its own: smtp.message-rejected.
void told_rejected(struct smtp_session *s, enum reply_id id);
// The same of one recipient alone, normal, of a message that the others get (LMTP).
void told_rejected_rcpt(struct smtp_session *s, enum reply_id id, struct str rcpt);
// Says and tells it. Words: as of reply_words.
struct err reply_rejected(
        struct smtp_session *s, enum reply_id id, struct str words) suspends MUST_USE;
// A parameter of MAIL or RCPT: its extension is not offered; its value will not do.
void told_unsupported(struct smtp_session *s, struct str parameter);
void told_invalid(struct smtp_session *s, struct str parameter);

// -- The conversation (session.c, line.c) ---------------------------------------------------------

// What depends on the connection's state: at connect, and when it has changed.
void session_set_pace(struct smtp_session *s) suspends;
void session_choose_host(struct smtp_session *s) suspends; // of connect.c; done by it
// What was said so far leaves: before a wait (inbound.md 2.2).
struct err session_flush(struct smtp_session *s) suspends MUST_USE;
// What has arrived is sent; then the client waits. Nothing is read meanwhile; capped for a session
// and, in numbers of waiting sessions, for a listener (inbound.md 10.2).
struct err session_wait(struct smtp_session *s, int64_t ms) suspends MUST_USE;
// The error budget of recipients: RCPT, VRFY, EXPN.
struct err session_failed_rcpt(
        struct smtp_session *s, enum reply_id id, struct str rcpt) suspends MUST_USE;
void session_drop_transaction(struct smtp_session *s) suspends;
// An octet more than session.transfer-limit: the session is over.
bool session_take_bytes(struct smtp_session *s, uint64_t count) suspends;
bool session_is_lmtp(const struct smtp_session *s);
struct str session_helo(const struct smtp_session *s);
// The values that throttles and greylist are kept for.
struct throttle_values session_values(const struct smtp_session *s);

// A line of at most `max` bytes, without its end, within the session's time-out. ERR_LIMIT: it was
// longer and is skipped. The slice lives until the next call on the stream.
struct err line_next(struct smtp_session *s, size_t max, struct str *out) suspends MUST_USE;
// The same with the bound of commands, which for AUTH is that of responses (RFC 4954 4). With
// ERR_LIMIT *out_is_auth says which of the two was passed.
struct err line_next_command(
        struct smtp_session *s, struct str *out, bool *out_is_auth) suspends MUST_USE;
