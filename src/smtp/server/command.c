// SPDX-License-Identifier: Apache-2.0
// smtp/server/command.c: one command line: what is it, may it be said now, and what follows
// (inbound.md 3 and 4.1).
#include "smtp/server/stages.h"

#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/transaction.h"

enum verb_rule {
    BEFORE_TLS = 1 << 0,     // also where tls.require holds
    TAKES_UTF8 = 1 << 1,     // octets beyond ASCII may stand in its arguments
    BETWEEN_CHUNKS = 1 << 2, // allowed between BDATs
    ENDS_GROUP = 1 << 3,     // RFC 2920 3.1: nothing may be sent behind it before its reply
    IS_JUNK = 1 << 4,        // harmless, but not for ever
    EXACT_BLANKS = 1 << 5,   // where rules are strict: none in front, one behind
};

struct verb {
    struct str name;
    struct err (*run)(struct smtp_session *s, struct str args) suspends;
    unsigned rules;
};

static struct err run_verb(
        struct smtp_session *s, const struct verb *verb, struct str args) suspends;
static struct err run_ehlo(struct smtp_session *s, struct str args) suspends;
static struct err run_lhlo(struct smtp_session *s, struct str args) suspends;
static struct err run_helo(struct smtp_session *s, struct str args) suspends;
static struct err run_noop(struct smtp_session *s, struct str args) suspends;
static struct err run_help(struct smtp_session *s, struct str args) suspends;
static struct err run_rset(struct smtp_session *s, struct str args) suspends;
static struct err run_quit(struct smtp_session *s, struct str args) suspends;
static struct err run_not_built(struct smtp_session *s, struct str args) suspends;
static struct err while_refused(struct smtp_session *s, const struct verb *verb) suspends;
static struct err bare_lf(struct smtp_session *s, bool *out_forbidden) suspends;
static struct err not_mail(struct smtp_session *s) suspends;
static bool has_bad_bytes(struct str line, enum reply_id *out);
static bool speaks_another_protocol(struct str line);
static const struct verb *verb_find(struct str name);
static struct err after_command(struct smtp_session *s, const struct verb *verb);

static const struct verb verbs[] = {
        {S_INIT("EHLO"), run_ehlo, BEFORE_TLS | ENDS_GROUP},
        {S_INIT("MAIL"), stage_mail, TAKES_UTF8 | EXACT_BLANKS},
        {S_INIT("RCPT"), stage_rcpt, TAKES_UTF8 | EXACT_BLANKS},
        {S_INIT("DATA"), stage_data, 0},
        {S_INIT("BDAT"), stage_bdat, BETWEEN_CHUNKS},
        {S_INIT("RSET"), run_rset, BEFORE_TLS | BETWEEN_CHUNKS},
        {S_INIT("QUIT"), run_quit, BEFORE_TLS | BETWEEN_CHUNKS},
        {S_INIT("AUTH"), stage_auth, 0},
        {S_INIT("NOOP"), run_noop, BEFORE_TLS | BETWEEN_CHUNKS | IS_JUNK},
        {S_INIT("STARTTLS"), stage_starttls, BEFORE_TLS},
        {S_INIT("LHLO"), run_lhlo, BEFORE_TLS | ENDS_GROUP},
        {S_INIT("HELO"), run_helo, BEFORE_TLS | ENDS_GROUP},
        {S_INIT("HELP"), run_help, ENDS_GROUP | IS_JUNK},
        {S_INIT("VRFY"), stage_vrfy, ENDS_GROUP | IS_JUNK | TAKES_UTF8},
        {S_INIT("EXPN"), stage_expn, ENDS_GROUP | IS_JUNK | TAKES_UTF8},
        {S_INIT("XCLIENT"), stage_xclient, 0},
        {S_INIT("XFORWARD"), stage_xforward, 0},
        {S_INIT("ETRN"), run_not_built, 0},
        {S_INIT("ATRN"), run_not_built, 0},
        {S_INIT("BURL"), run_not_built, 0},
        {S_INIT("TURN"), run_not_built, 0},
        {S_INIT("SEND"), run_not_built, 0},
        {S_INIT("SOML"), run_not_built, 0},
        {S_INIT("SAML"), run_not_built, 0},
        {S_INIT("VERB"), run_not_built, 0},
        {S_INIT("ONEX"), run_not_built, 0},
};

// command = verb [ SP args ]      RFC 5321 4.1.1; `line` still has its end
struct err command_run(struct smtp_session *s, struct str line)
{
    struct str name = S(""); // that there is none is told, too
    enum reply_id wrong;
    s->stage = STAGE_OTHER;
    if (!str_ends(line, S("\r\n"))) {
        bool forbidden;
        TRY(bare_lf(s, &forbidden));
        if (forbidden)
            return OK;
        line = str_upto(line, line.len - 1);
    } else {
        line = str_upto(line, line.len - 2);
    }
    if (has_bad_bytes(line, &wrong))
        return reply_junk(s, wrong);
    struct scan in = scan_over(line);
    bool odd_blanks = scan_blanks(&in) > 0; // mostly tolerated: inbound.md 3.1
    if (scan_end(&in))
        return reply(s, REPLY_EMPTY);
    const struct verb *verb = scan_while(&in, byte_is_alpha, &name) ? verb_find(name) : NULL;
    if (verb == NULL && speaks_another_protocol(line))
        return not_mail(s);
    if (s->refuses_all)
        return while_refused(s, verb);
    size_t blanks = scan_blanks(&in);
    if (verb == NULL || (!scan_end(&in) && blanks == 0)) {
        event_in(s->options->span, EV_SMTP_INVALID_COMMAND, F_STR(details, name));
        return reply_junk(s, str_is_ascii(line) ? REPLY_UNKNOWN : REPLY_NOT_ASCII);
    }
    odd_blanks |= blanks > 1;
    if (odd_blanks && (verb->rules & EXACT_BLANKS) != 0 && s->pace.strict_envelope)
        return reply(s, verb->run == stage_mail ? REPLY_MAIL_SYNTAX : REPLY_RCPT_SYNTAX);
    TRY(run_verb(s, verb, str_trim_blanks(scan_rest(&in))));
    return s->over ? OK : after_command(s, verb);
}

static struct err run_verb(struct smtp_session *s, const struct verb *verb, struct str args)
{
    if (!str_is_ascii(args)) {
        if ((verb->rules & TAKES_UTF8) == 0)
            return reply_junk(s, REPLY_NOT_ASCII);
        if (!str_is_utf8(args))
            return reply(s, REPLY_BAD_UTF8);
    }
    if (s->visit->listener->tls.require && !s->tls_on && (verb->rules & BEFORE_TLS) == 0)
        return reply(s, REPLY_NEED_TLS);
    if (s->transaction != NULL && s->transaction->in_bdat && (verb->rules & BETWEEN_CHUNKS) == 0 &&
            !s->transaction->has_failed)
        return reply(s, REPLY_IN_BDAT);
    if ((verb->rules & IS_JUNK) != 0)
        session_note_junk(s);
    if (verb->run == run_not_built)
        event_in(s->options->span, EV_SMTP_COMMAND_NOT_IMPLEMENTED, F_STR(details, verb->name));
    s->hears_utf8 = false;
    // The arguments lie in the stream's buffer, and stages read on.
    struct str kept = arena_str(&s->scratch, args);
    return str_is_null(kept) ? fail(ERR_LIMIT, "no memory for a command") : verb->run(s, kept);
}

// RFC 2920 3.1, inbound.md 3.3: what was sent behind such a command did not wait for its answer.
static struct err after_command(struct smtp_session *s, const struct verb *verb)
{
    if (stream_buffered(s->stream).len == 0)
        return OK;
    // A login that failed has been counted, and one that asks takes what follows for its answers.
    bool logged_in = verb->run == stage_auth && s->account != NULL;
    bool improper = s->pace.strict_pipelining && (logged_in || (verb->rules & ENDS_GROUP) != 0);
    if (improper)
        event_in(s->options->span, EV_SMTP_PIPELINING_ABUSE, F_STR(details, verb->name));
    if (improper || !s->offered_pipelining)
        s->result.errors++;
    return OK;
}

static const struct verb *verb_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (str_eq_nocase(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static bool has_bad_bytes(struct str line, enum reply_id *out)
{
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = (uint8_t)line.ptr[i];
        *out = c == '\r' ? REPLY_BAD_CR : REPLY_BAD_BYTE;
        if (c == 0x7F || (c < ' ' && c != '\t'))
            return true;
    }
    return false;
}

// inbound.md 3.3: a browser or a smuggled request must not be mistaken for commands.
static bool speaks_another_protocol(struct str line)
{
    static const struct str starts[] = {S_INIT("GET "), S_INIT("POST "), S_INIT("CONNECT "),
            S_INIT("HEAD "), S_INIT("OPTIONS "), S_INIT("PUT "), S_INIT("SSH-"),
            S_INIT("User-Agent:"), S_INIT("Host:"), S_INIT("From:"), S_INIT("To:"),
            S_INIT("Received:"), S_INIT("Subject:")};
    for (size_t i = 0; i < COUNT_OF(starts); i++)
        if (str_starts_nocase(line, starts[i]))
            return true;
    return false;
}

static struct err not_mail(struct smtp_session *s)
{
    listen_offence(s->visit, OFFENCE_SCAN, STR_NULL);
    reply_and_leave(s, REPLY_NOT_MAIL, SMTP_END_NOT_MAIL);
    return OK;
}

static struct err bare_lf(struct smtp_session *s, bool *out_forbidden)
{
    *out_forbidden = rule_word(s, RULE_BARE_NEWLINE) == NEWLINES_REJECT;
    if (*out_forbidden)
        reply_and_leave(s, REPLY_BAD_LF, SMTP_END_SMUGGLING);
    return OK;
}

static struct err while_refused(struct smtp_session *s, const struct verb *verb)
{
    if (verb != NULL && verb->run == run_quit)
        return run_quit(s, S(""));
    TRY(reply(s, REPLY_REFUSED_ALREADY));
    if (s->result.commands - s->refused_at >= REFUSED_COMMANDS_MAX)
        reply_and_leave(s, REPLY_TOO_MANY_ERRORS, SMTP_END_REFUSED);
    return OK;
}

static struct err run_ehlo(struct smtp_session *s, struct str args)
{
    return stage_hello(s, HELLO_EHLO, args);
}

static struct err run_lhlo(struct smtp_session *s, struct str args)
{
    return stage_hello(s, HELLO_LHLO, args);
}

static struct err run_helo(struct smtp_session *s, struct str args)
{
    return stage_hello(s, HELLO_HELO, args);
}

static struct err run_noop(struct smtp_session *s, struct str args UNUSED)
{
    event_in(s->options->span, EV_SMTP_NOOP);
    return reply(s, REPLY_OK);
}

static struct err run_help(struct smtp_session *s, struct str args UNUSED)
{
    event_in(s->options->span, EV_SMTP_HELP);
    return reply_about(s, REPLY_HELP, s->service->settings->help);
}

// inbound.md 4.1: RSET and QUIT are carried out whatever stands behind them, but that it does not
// belong there is said, as the one reply that a command has.
static struct err run_rset(struct smtp_session *s, struct str args)
{
    event_in(s->options->span, EV_SMTP_RSET);
    if (s->transaction == NULL)
        session_note_junk(s);
    bool carried_out = str_is_empty(args) || !s->pace.strict_envelope;
    if (carried_out)
        session_drop_transaction(s);
    return reply(s, str_is_empty(args) ? REPLY_OK : REPLY_NO_PARAMETERS);
}

static struct err run_quit(struct smtp_session *s, struct str args)
{
    if (!str_is_empty(args) && s->pace.strict_envelope)
        return reply(s, REPLY_NO_PARAMETERS);
    event_in(s->options->span, EV_SMTP_QUIT);
    reply_and_leave(s, str_is_empty(args) ? REPLY_CLOSING : REPLY_NO_PARAMETERS, SMTP_END_QUIT);
    return OK;
}

static struct err run_not_built(struct smtp_session *s, struct str args UNUSED)
{
    return reply(s, REPLY_NOT_BUILT);
}
