// SPDX-License-Identifier: Apache-2.0
// smtp/server/rcpt.c: RCPT: may this sender reach this recipient, now (inbound.md 4.7)? Decides for
// one recipient at a time; those accepted are kept in the transaction and nowhere else: a client
// that leaves before DATA leaves no trace.
#include "smtp/server/stages.h"

#include "limits/greylist.h"
#include "rt/rt.h"
#include "smtp/server/client.h"
#include "smtp/server/params.h"
#include "smtp/server/transaction.h"

struct deciding {
    struct smtp_session *s;
    struct transaction *t;
    struct rcpt_command command;
    struct transaction_rcpt rcpt;
    struct str asked; // normal, as the client gave it
    struct str given; // the same in the client's spelling: what later replies name it by
    bool is_postmaster;
    size_t place; // among the recipients, where it is one of them
};

static struct err without_mail(struct smtp_session *s, struct str args) suspends MUST_USE;
static struct err read_command(
        struct deciding *d, struct str args, struct envelope_fault *fault) suspends MUST_USE;
static struct err postmaster(struct deciding *d) suspends MUST_USE;
static struct err role_at_our_number(struct deciding *d) suspends MUST_USE;
static struct err tell_fault(struct smtp_session *s, const struct envelope_fault *fault) suspends;
static struct err decide(struct deciding *d) suspends MUST_USE;
static bool is_there_already(struct deciding *d);
static struct err repeat(struct deciding *d) suspends MUST_USE;
static struct err ask_rules(struct deciding *d, bool *out_good) suspends MUST_USE;
static struct err rewrite(struct deciding *d, bool *out_good) suspends MUST_USE;
static struct err resolve(struct deciding *d, bool *out_good) suspends MUST_USE;
static struct err take_resolved(
        struct deciding *d, const struct resolved *found, bool *out_good) suspends MUST_USE;
static struct err decide_relay(struct deciding *d, bool *out_good) suspends MUST_USE;
static struct err ask_limits(struct deciding *d, bool *out_good) suspends MUST_USE;
static struct err add(struct deciding *d) suspends MUST_USE;
static bool keep_original(struct deciding *d);

struct err stage_rcpt(struct smtp_session *s, struct str args)
{
    struct deciding d = {.s = s, .t = s->transaction};
    struct envelope_fault fault = {0};
    s->stage = STAGE_RCPT;
    if (d.t == NULL)
        return without_mail(s, args);
    d.t->tried++;
    struct err e = read_command(&d, args, &fault);
    if (!failed(e) && fault.kind != FAULT_NONE)
        return tell_fault(s, &fault);
    if (!failed(e))
        e = decide(&d);
    return e.kind == ERR_LIMIT ? reply(s, REPLY_TRANSACTION_FULL) : e;
}

// Out of order; bad grammar is told first all the same (inbound.md 4.1).
static struct err without_mail(struct smtp_session *s, struct str args)
{
    struct envelope_fault fault;
    struct rcpt_command ignored;
    struct envelope_rules rules = envelope_rules_now(s, args);
    TRY(rcpt_command_parse(&s->scratch, args, &rules, &ignored, &fault));
    if (fault.kind != FAULT_NONE)
        return tell_fault(s, &fault);
    event_in(s->options->span, EV_SMTP_MAIL_FROM_MISSING, F_STR(details, S("RCPT")));
    return reply(s, REPLY_NEED_MAIL);
}

static struct err read_command(struct deciding *d, struct str args, struct envelope_fault *fault)
{
    struct smtp_session *s = d->s;
    struct envelope_rules rules = envelope_rules_now(s, args);
    struct str kept = arena_str(&d->t->arena, args);
    if (str_is_null(kept))
        return fail(ERR_LIMIT, "no memory for a recipient");
    TRY(rcpt_command_parse(&d->t->arena, kept, &rules, &d->command, fault));
    if (fault->kind != FAULT_NONE)
        return OK;
    d->rcpt = (struct transaction_rcpt){.orcpt_type = d->command.orcpt_type,
            .orcpt = d->command.orcpt,
            .notify = d->command.notify};
    if (d->command.is_postmaster)
        return postmaster(d);
    if (!envelope_address_make(&d->t->arena, &d->command.rcpt, &d->rcpt.address))
        return fail(ERR_LIMIT, "no memory for a recipient");
    TRY(role_at_our_number(d));
    d->is_postmaster = str_starts(d->rcpt.address.normal, S("postmaster@"));
    return OK;
}

// RFC 5321 4.5.1: <Postmaster> without a domain is ours, whatever else is.
static struct err postmaster(struct deciding *d)
{
    struct smtp_session *s = d->s;
    struct expr_result r = rule_ask(s, RULE_POSTMASTER);
    struct str text = r.outcome == EXPR_VALUE ? r.text : STR_NULL;
    d->is_postmaster = true;
    if (s->service->settings->rules[RULE_POSTMASTER].is_default || str_is_empty(text))
        text = arena_fmt(&s->scratch, "postmaster@%.*s", ARG(client_own_domain(s)));
    struct err e = envelope_address_read(&d->t->arena, text, &d->rcpt.address);
    return e.kind == ERR_SYNTAX ? fail(ERR_LIMIT, "the postmaster's address is none") : e;
}

// inbound.md 6.2: at the number to which the client has connected there are two, of our own domain,
// for those who know nothing else of us. Everybody else there is none of ours.
static struct err role_at_our_number(struct deciding *d)
{
    struct smtp_session *s = d->s;
    const struct mail_address *asked = &d->command.rcpt;
    struct ip ours = ip_unmap(s->local.ip);
    bool is_role =
            str_eq_nocase(asked->local, S("postmaster")) || str_eq_nocase(asked->local, S("abuse"));
    if (!is_role || asked->literal.family == IP_NONE || !ip_eq(&asked->literal, &ours))
        return OK;
    struct str text =
            arena_fmt(&s->scratch, "%.*s@%.*s", ARG(asked->local), ARG(client_own_domain(s)));
    return envelope_address_read(&d->t->arena, text, &d->rcpt.address);
}

static struct err tell_fault(struct smtp_session *s, const struct envelope_fault *fault)
{
    switch (fault->kind) {
    case FAULT_SYNTAX:
        event_in(s->options->span, EV_SMTP_SYNTAX_ERROR, F_STR(details, fault->why));
        return reply(s, REPLY_RCPT_SYNTAX);
    case FAULT_ADDRESS:
        event_in(s->options->span, EV_SMTP_INVALID_RECIPIENT_ADDRESS, F_STR(to, fault->why));
        return reply(s, REPLY_BAD_RCPT);
    case FAULT_UNSUPPORTED:
        if (!str_eq_nocase(fault->parameter, S("NOTIFY")) &&
                !str_eq_nocase(fault->parameter, S("ORCPT")))
            break;
        told_unsupported(s, fault->parameter);
        return reply(s, REPLY_DSN_UNAVAILABLE);
    case FAULT_NONE:
    case FAULT_PARAMETER:
    case FAULT_DUPLICATE:
    case FAULT_TWO_HOLDS:
        break;
    }
    return params_tell_fault(s, fault);
}

// The steps of inbound.md 4.7 in their order; each answers when it refuses.
static struct err decide(struct deciding *d)
{
    struct smtp_session *s = d->s;
    int64_t most = rule_number(s, RULE_MAX_RECIPIENTS);
    bool good = false;
    if (most > 0 && d->t->answers.count >= (size_t)most) {
        event_in(s->options->span, EV_SMTP_TOO_MANY_RECIPIENTS, F_U64(limit, (uint64_t)most));
        return reply(s, REPLY_TOO_MANY_RCPTS);
    }
    if (d->command.rcpt.beyond_ascii && !d->t->mail.smtputf8)
        return reply_rejected(s, REPLY_RCPT_NEEDS_UTF8, S(""));
    d->asked = d->rcpt.address.normal;
    d->given = d->rcpt.address.text;
    d->t->current = d->rcpt.address;
    if (is_there_already(d))
        return repeat(d);
    TRY(ask_rules(d, &good));
    if (good)
        TRY(rewrite(d, &good));
    if (!good)
        return OK;
    if (is_there_already(d))
        return repeat(d);
    TRY(resolve(d, &good));
    if (!good || s->over)
        return OK;
    if (is_there_already(d))
        return repeat(d);
    TRY(ask_limits(d, &good));
    return good ? add(d) : OK;
}

static bool is_there_already(struct deciding *d)
{
    return transaction_has(d->t, d->rcpt.address.normal, &d->place);
}

// One delivery; in LMTP each RCPT has its reply at the end all the same (inbound.md 12).
static struct err repeat(struct deciding *d)
{
    struct transaction_answer *answer = vec_add(&d->t->arena, &d->t->answers);
    if (answer == NULL)
        return fail(ERR_LIMIT, "no memory for a recipient");
    *answer = (struct transaction_answer){.given = d->given, .rcpt = d->place};
    event_in(d->s->options->span, EV_SMTP_RCPT_TO_DUPLICATE, F_STR(to, d->rcpt.address.normal));
    return reply(d->s, REPLY_RCPT_OK);
}

static struct err ask_rules(struct deciding *d, bool *out_good)
{
    struct permission may;
    *out_good = d->is_postmaster;
    if (*out_good)
        return OK;
    if (failed(rule_permits(d->s, RULE_RCPT_ALLOWED, &may)))
        return reply(d->s, REPLY_CONFIG_TROUBLE);
    *out_good = may.is_given;
    return may.is_given ? OK : reply_rejected(d->s, REPLY_RCPT_REFUSED, may.text);
}

static struct err rewrite(struct deciding *d, bool *out_good)
{
    struct smtp_session *s = d->s;
    struct expr_result r = rule_ask(s, RULE_RCPT_REWRITE);
    *out_good = r.outcome != EXPR_FAILED;
    if (!*out_good)
        return reply(s, REPLY_CONFIG_TROUBLE);
    if (r.outcome != EXPR_VALUE || r.value.type != EXPR_STRING)
        return OK;
    struct envelope_address now;
    struct str text = r.value.text;
    struct err e = envelope_address_read(&d->t->arena, text, &now);
    if (failed(e)) {
        session_tell_no_address(s, RULE_RCPT_REWRITE, text, e);
        *out_good = text.len == 0; // inbound.md 9: told, and the recipient stays
        return *out_good ? OK : reply(s, REPLY_CONFIG_TROUBLE);
    }
    event_in(s->options->span, EV_SMTP_RCPT_TO_REWRITTEN, F_STR(details, d->rcpt.address.normal),
            F_STR(to, now.normal));
    if (!keep_original(d))
        return fail(ERR_LIMIT, "no memory for a recipient");
    d->rcpt.address = d->t->current = now;
    return OK;
}

// RFC 3461 5.2.7: whoever changes a recipient says which one it was, unless the client did.
static bool keep_original(struct deciding *d)
{
    if (!str_is_null(d->rcpt.orcpt))
        return true;
    d->rcpt.orcpt_type = orcpt_type_of(d->rcpt.address.text);
    d->rcpt.orcpt = arena_str(&d->t->arena, d->rcpt.address.text);
    return !str_is_null(d->rcpt.orcpt);
}

static struct err resolve(struct deciding *d, bool *out_good)
{
    struct smtp_session *s = d->s;
    struct client_rules rules;
    struct resolved found = {.kind = RESOLVED_NOT_LOCAL};
    struct resolve_faults faults = {.count = 0};
    *out_good = false;
    if (failed(client_resolve_rules(s, &rules)))
        return reply(s, REPLY_CONFIG_TROUBLE);
    rules.rules.faults = &faults;
    struct directories *directories;
    struct err e = client_directories(s, &directories);
    if (!failed(e)) {
        within_ms(DIRECTORY_WAIT_MS);
        e = directories_resolve(
                directories, &d->t->arena, &rules.rules, d->rcpt.address.normal, &found);
    }
    for (size_t i = 0; i < faults.count; i++)
        session_tell_fault(s, faults.at[i].key, &faults.at[i].fault);
    if (failed(e) && e.kind != ERR_CANCELLED)
        return reply_rejected(s, REPLY_RCPT_TROUBLE, S(""));
    TRY(e);
    return take_resolved(d, &found, out_good);
}

static struct err take_resolved(struct deciding *d, const struct resolved *found, bool *out_good)
{
    struct smtp_session *s = d->s;
    switch (found->kind) {
    case RESOLVED_NOT_LOCAL:
        return decide_relay(d, out_good);
    case RESOLVED_UNKNOWN:
        event_in(s->options->span, EV_SMTP_MAILBOX_DOES_NOT_EXIST, F_STR(to, d->asked));
        if (d->is_postmaster)
            return reply(s, REPLY_NO_MAILBOX);
        return session_failed_rcpt(s, REPLY_NO_MAILBOX, d->asked);
    case RESOLVED_DISABLED:
        return reply_rejected(s, REPLY_DISABLED, S(""));
    case RESOLVED_MAILBOX:
    case RESOLVED_LIST:
    case RESOLVED_ONWARD:
        break;
    }
    d->rcpt.account = found->account;
    d->rcpt.is_list = found->kind == RESOLVED_LIST;
    d->rcpt.detail = found->detail;
    *out_good = true;
    if (!found->moved)
        return OK;
    struct envelope_address now;
    TRY(envelope_address_read(&d->t->arena, found->address, &now));
    if (!keep_original(d))
        return fail(ERR_LIMIT, "no memory for a recipient");
    d->rcpt.address = d->t->current = now;
    return OK;
}

static struct err decide_relay(struct deciding *d, bool *out_good)
{
    struct smtp_session *s = d->s;
    struct expr_result r = rule_ask(s, RULE_RELAY);
    if (r.outcome == EXPR_FAILED)
        return reply(s, REPLY_CONFIG_TROUBLE);
    // inbound.md 8: a text or another number that counts as true elsewhere opens no relay.
    *out_good = r.outcome == EXPR_VALUE && r.value.type == EXPR_INTEGER && r.value.integer == 1;
    if (*out_good && client_rcpt_is_suppressed(s)) {
        *out_good = false;
        return reply(s, REPLY_SUPPRESSED);
    }
    if (*out_good)
        return OK;
    if (d->command.is_postmaster) { // whose domain is ours, if only we had one
        event_in(s->options->span, EV_SMTP_MAILBOX_DOES_NOT_EXIST, F_STR(to, d->asked));
        return reply(s, REPLY_NO_MAILBOX);
    }
    event_in(s->options->span, EV_SMTP_RELAY_NOT_ALLOWED, F_STR(to, d->asked));
    if (d->is_postmaster) // asking for one is no offence, wherever he is: RFC 5321 4.5.1
        return reply(s, REPLY_RELAY_DENIED);
    return session_failed_rcpt(s, REPLY_RELAY_DENIED, d->asked);
}

// Steps 12 to 14.
static struct err ask_limits(struct deciding *d, bool *out_good)
{
    struct smtp_session *s = d->s;
    enum reply_id why = REPLY_OK;
    struct str words = S("");
    *out_good = false;
    if (session_throttle(s, THROTTLES_RCPT, &d->t->held) != NULL)
        return reply(s, REPLY_RATE_LIMIT);
    if (!d->is_postmaster && client_must_wait(s)) {
        event_in(s->options->span, EV_SMTP_RCPT_TO_GREYLISTED, F_STR(to, d->asked));
        return reply(s, REPLY_GREYLISTED);
    }
    if (!d->is_postmaster)
        TRY(client_listed(s, &why, &words));
    if (why != REPLY_OK)
        return reply_words(s, why, words);
    *out_good = true;
    return OK;
}

static struct err add(struct deciding *d)
{
    struct transaction_rcpt *rcpt = vec_add(&d->t->arena, &d->t->rcpts);
    struct transaction_answer *answer = vec_add(&d->t->arena, &d->t->answers);
    if (rcpt == NULL || answer == NULL) {
        if (rcpt != NULL)
            d->t->rcpts.count--;
        return fail(ERR_LIMIT, "no memory for a recipient");
    }
    *rcpt = d->rcpt;
    *answer = (struct transaction_answer){.given = d->given, .rcpt = d->t->rcpts.count - 1};
    event_in(d->s->options->span, EV_SMTP_RCPT_TO, F_STR(to, d->rcpt.address.normal));
    return reply(d->s, REPLY_RCPT_OK);
}
