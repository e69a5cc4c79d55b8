// SPDX-License-Identifier: Apache-2.0
// smtp/server/mail.c: MAIL: who sends, and may they (inbound.md 4.6). The checks stand in the order
// in which the first that fails is told.
#include "smtp/server/stages.h"

#include "directory/directory.h"
#include "queue/space.h"
#include "rt/rt.h"
#include "smtp/server/client.h"
#include "smtp/server/params.h"
#include "smtp/server/transaction.h"
#include "smtp/server/verify.h"

static struct err while_open(struct smtp_session *s, struct str args) suspends MUST_USE;
static struct err begin(
        struct smtp_session *s, struct str args, struct envelope_fault *fault) suspends MUST_USE;
static bool is_overlong(const struct mail_address *sender);
static struct err tell_fault(struct smtp_session *s, const struct envelope_fault *fault) suspends;
static bool may_begin(struct smtp_session *s, enum reply_id *out) suspends;
static struct err decide(struct smtp_session *s, bool *out_good) suspends MUST_USE;
static struct err rewrite(struct smtp_session *s, enum reply_id *out) suspends MUST_USE;
static struct err check_owner(struct smtp_session *s, enum reply_id *out) suspends MUST_USE;
static struct err note_submitter(struct smtp_session *s) suspends MUST_USE;
static struct err accept(struct smtp_session *s) suspends MUST_USE;

// Whatever refuses it leaves no transaction behind.
struct err stage_mail(struct smtp_session *s, struct str args)
{
    struct envelope_fault fault;
    enum reply_id why;
    bool good = false;
    s->stage = STAGE_MAIL;
    if (s->transaction != NULL && s->transaction->has_failed)
        session_drop_transaction(s); // inbound.md 4.9: MAIL is one of its ends
    if (s->transaction != NULL)
        return while_open(s, args);
    struct err e = begin(s, args, &fault);
    if (e.kind == ERR_LIMIT)
        e = reply(s, REPLY_TRANSACTION_FULL);
    else if (!failed(e) && fault.kind != FAULT_NONE)
        e = tell_fault(s, &fault);
    else if (!failed(e) && !may_begin(s, &why))
        e = s->over ? OK : reply(s, why);
    else if (!failed(e))
        e = decide(s, &good);
    if (failed(e) || s->over || !good) {
        session_drop_transaction(s);
        return e;
    }
    return accept(s);
}

// Out of order, and that changes nothing (RFC 5321 4.1.4); bad grammar is told first all the same.
static struct err while_open(struct smtp_session *s, struct str args)
{
    struct envelope_fault fault;
    struct mail_command ignored;
    struct envelope_rules rules = envelope_rules_now(s, args);
    TRY(mail_command_parse(&s->scratch, args, &rules, &ignored, &fault));
    if (fault.kind != FAULT_NONE)
        return tell_fault(s, &fault);
    event_in(s->options->span, EV_SMTP_MULTIPLE_MAIL_FROM);
    return reply(s, REPLY_NESTED_MAIL);
}

static struct err begin(struct smtp_session *s, struct str args, struct envelope_fault *fault)
{
    struct transaction *t = s->transaction = transaction_new(s);
    if (t == NULL)
        return fail(ERR_LIMIT, "no memory for a transaction");
    struct envelope_rules rules = envelope_rules_now(s, args);
    struct str kept = arena_str(&t->arena, args);
    if (str_is_null(kept))
        return fail(ERR_LIMIT, "no memory for a transaction");
    TRY(mail_command_parse(&t->arena, kept, &rules, &t->mail, fault));
    if (fault->kind == FAULT_NONE && is_overlong(&t->mail.sender))
        *fault = (struct envelope_fault){
                .kind = FAULT_ADDRESS, .why = S("local part of more than 64 octets")};
    if (fault->kind != FAULT_NONE)
        return OK;
    if (t->mail.is_null)
        t->sender = (struct envelope_address){S(""), S(""), S("")};
    else if (!envelope_address_make(&t->arena, &t->mail.sender, &t->sender))
        return fail(ERR_LIMIT, "no memory for a transaction");
    t->sender_given = t->sender.normal;
    t->current = (struct envelope_address){S(""), S(""), S("")};
    t->from_domain = S("");
    return OK;
}

// RFC 5321 4.5.3.1.1 has 64 octets. Return paths that carry another address (VERP, SRS, BATV) pass
// that every day and are let through; they have separators, and what has none is no such thing.
static bool is_overlong(const struct mail_address *sender)
{
    return sender->local_too_long && str_find_byte(sender->local, '=') == STR_NOT_FOUND &&
           str_find_byte(sender->local, '+') == STR_NOT_FOUND &&
           str_find_byte(sender->local, '-') == STR_NOT_FOUND;
}

static struct err tell_fault(struct smtp_session *s, const struct envelope_fault *fault)
{
    switch (fault->kind) {
    case FAULT_SYNTAX:
        event_in(s->options->span, EV_SMTP_SYNTAX_ERROR, F_STR(details, fault->why));
        return reply(s, REPLY_MAIL_SYNTAX);
    case FAULT_ADDRESS:
        event_in(s->options->span, EV_SMTP_INVALID_SENDER_ADDRESS, F_STR(from, fault->why));
        return reply(s, REPLY_BAD_SENDER);
    case FAULT_NONE:
    case FAULT_PARAMETER:
    case FAULT_DUPLICATE:
    case FAULT_UNSUPPORTED:
    case FAULT_TWO_HOLDS:
        break;
    }
    return params_tell_fault(s, fault);
}

// Steps 2 to 5: the session, whoever the sender is.
static bool may_begin(struct smtp_session *s, enum reply_id *out)
{
    int64_t most = rule_number(s, RULE_MESSAGES);
    bool needs_auth = false;
    if (s->hello == HELLO_NONE && (spf_is_on(s) || rule_bool(s, RULE_EHLO_REQUIRE))) {
        event_in(s->options->span, EV_SMTP_DID_NOT_SAY_EHLO);
        *out = REPLY_HELLO_FIRST;
        return false;
    }
    if (most > 0 && s->counts.messages >= (uint64_t)most) {
        event_in(s->options->span, EV_SMTP_TOO_MANY_MESSAGES, F_U64(limit, (uint64_t)most));
        reply_and_leave(s, REPLY_TOO_MANY_MESSAGES, SMTP_END_LIMITS);
        *out = REPLY_TOO_MANY_MESSAGES;
        return false;
    }
    if (s->account != NULL)
        return true;
    bool failed_rule = failed(rule_truth(s, RULE_AUTH_REQUIRE, &needs_auth));
    if (!failed_rule && !needs_auth)
        return true;
    if (!failed_rule)
        event_in(s->options->span, EV_SMTP_MAIL_FROM_UNAUTHENTICATED,
                F_STR(from, s->transaction->sender.normal));
    *out = failed_rule ? REPLY_CONFIG_TROUBLE : REPLY_NEED_AUTH;
    return false;
}

// Steps 6 to 16.
static struct err decide(struct smtp_session *s, bool *out_good)
{
    struct transaction *t = s->transaction;
    struct permission may;
    enum reply_id why = REPLY_OK;
    struct str words;
    TRY(client_iprev(s, &why, &words));
    if (why != REPLY_OK)
        return reply_rejected(s, why, words);
    if (t->mail.sender.beyond_ascii && !t->mail.smtputf8)
        return reply_rejected(s, REPLY_SENDER_NEEDS_UTF8, S(""));
    if (failed(rule_permits(s, RULE_MAIL_ALLOWED, &may)))
        return reply(s, REPLY_CONFIG_TROUBLE);
    if (!may.is_given) {
        event_in(s->options->span, EV_SMTP_MAIL_FROM_NOT_ALLOWED, F_STR(from, t->sender.normal));
        return reply_words(s, REPLY_SENDER_REFUSED, may.text);
    }
    TRY(rewrite(s, &why));
    if (why == REPLY_OK)
        TRY(check_owner(s, &why));
    if (why == REPLY_RCPT_TROUBLE)
        return reply_rejected(s, why, S(""));
    if (why != REPLY_OK)
        return reply(s, why);
    TRY(params_decide(s, out_good));
    if (!*out_good)
        return OK;
    *out_good = false;
    TRY(note_submitter(s));
    if (s->service->space != NULL && !space_fits(s->service->space, t->mail.size_bytes))
        return reply_rejected(s, REPLY_NO_STORAGE, S(""));
    if (session_throttle(s, THROTTLES_SENDER, &t->held) != NULL)
        return reply(s, REPLY_RATE_LIMIT);
    TRY(spf_check_mail(s, &why, &words));
    if (why != REPLY_OK)
        return reply_rejected(s, why, words);
    client_ask_lists_of_sender(s);
    *out_good = true;
    return OK;
}

// inbound.md 9: a text with '@' is another sender, the empty one the null sender, all else none.
static struct err rewrite(struct smtp_session *s, enum reply_id *out)
{
    struct transaction *t = s->transaction;
    struct expr_result r = rule_ask(s, RULE_MAIL_REWRITE);
    *out = r.outcome == EXPR_FAILED ? REPLY_CONFIG_TROUBLE : REPLY_OK;
    if (r.outcome != EXPR_VALUE || r.value.type != EXPR_STRING)
        return OK;
    struct str text = r.value.text;
    struct envelope_address now = {S(""), S(""), S("")};
    struct err e = text.len > 0 ? envelope_address_read(&t->arena, text, &now) : OK;
    if (failed(e)) {
        session_tell_no_address(s, RULE_MAIL_REWRITE, text, e);
        *out = REPLY_CONFIG_TROUBLE;
        return OK;
    }
    event_in(s->options->span, EV_SMTP_MAIL_FROM_REWRITTEN, F_STR(details, t->sender.normal),
            F_STR(from, now.normal));
    t->sender = now;
    return OK;
}

// inbound.md 4.6.1: the sender before or after rewriting must be one of the account's.
static struct err check_owner(struct smtp_session *s, enum reply_id *out)
{
    struct transaction *t = s->transaction;
    bool must = false, may = false;
    if (s->account == NULL)
        return OK;
    if (failed(rule_truth(s, RULE_MUST_MATCH_SENDER, &must))) {
        *out = REPLY_CONFIG_TROUBLE;
        return OK;
    }
    if (!must)
        return OK;
    struct err e = OK;
    if (str_is_empty(t->sender.normal))
        may = rule_bool(s, RULE_NULL_SENDER);
    else
        e = client_may_send_as(s, t->sender.normal, &may);
    if (!failed(e) && !may && t->sender_given.len > 0)
        e = client_may_send_as(s, t->sender_given, &may);
    if (failed(e)) {
        *out = REPLY_RCPT_TROUBLE;
        return e.kind == ERR_CANCELLED ? e : OK;
    }
    if (!may) {
        event_in(s->options->span, EV_SMTP_MAIL_FROM_UNAUTHORIZED, F_STR(from, t->sender.normal));
        *out = REPLY_SENDER_NOT_OWNED;
    }
    return OK;
}

// RFC 4954 5: whom AUTH= names is believed of nobody but an account that may act for him, and else
// nobody is known. That one cannot be asked about now is no reason to refuse the message.
static struct err note_submitter(struct smtp_session *s)
{
    struct transaction *t = s->transaction;
    struct envelope_address named;
    bool may = false;
    t->submitter = s->account == NULL || !str_is_null(t->mail.auth) ? S("<>") : STR_NULL;
    if (s->account == NULL || str_is_empty(t->mail.auth))
        return OK;
    struct err e = envelope_address_read(&t->arena, t->mail.auth, &named);
    if (!failed(e))
        e = client_may_send_as(s, named.normal, &may);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (!failed(e) && (may || account_is_admin(s->account)))
        t->submitter = t->mail.auth;
    return OK;
}

static struct err accept(struct smtp_session *s)
{
    struct transaction *t = s->transaction;
    int64_t size_max = rule_number(s, RULE_MESSAGE_SIZE);
    t->bytes_max = size_max > 0 ? (uint64_t)size_max : 0;
    event_in(s->options->span, EV_SMTP_MAIL_FROM,
            F_STR(from, t->sender.normal.len > 0 ? t->sender.normal : S("<>")));
    if (t->mail.has_priority && t->priority != t->mail.priority)
        return reply_number(s, REPLY_PRIORITY_CHANGED, t->priority);
    return reply(s, REPLY_SENDER_OK);
}
