// SPDX-License-Identifier: Apache-2.0
// smtp/command.c: one command line: what is it, may it be said now, and what follows.
#include "smtp/session.h"

#include "rt/task.h"
#include "smtp/limits.h"

enum verb_rule { RULE_ALWAYS, RULE_AFTER_TLS }; // with tls.require: before STARTTLS or only after

struct verb {
    struct str name;
    struct err (*run)(struct smtp_session *s, struct str args) suspends;
    enum verb_rule rule;
};

static struct err run_ehlo(struct smtp_session *s, struct str args) suspends;
static struct err run_lhlo(struct smtp_session *s, struct str args) suspends;
static struct err run_helo(struct smtp_session *s, struct str args) suspends;
static struct err run_starttls(struct smtp_session *s, struct str args) suspends;
static struct err run_noop(struct smtp_session *s, struct str args) suspends;
static struct err run_help(struct smtp_session *s, struct str args) suspends;
static struct err run_rset(struct smtp_session *s, struct str args) suspends;
static struct err run_quit(struct smtp_session *s, struct str args) suspends;
static struct err run_not_built(struct smtp_session *s, struct str args) suspends;
static struct err hello(struct smtp_session *s, struct str args, bool extended) suspends;
static bool hello_name_is_fit(struct str name);
static bool label_is_fit(struct str label);
static bool speaks_another_protocol(struct str line);
static const struct verb *verb_find(struct str name);

static const struct verb verbs[] = {
        {S_INIT("EHLO"), run_ehlo, RULE_ALWAYS},
        {S_INIT("LHLO"), run_lhlo, RULE_ALWAYS},
        {S_INIT("HELO"), run_helo, RULE_ALWAYS},
        {S_INIT("STARTTLS"), run_starttls, RULE_ALWAYS},
        {S_INIT("NOOP"), run_noop, RULE_ALWAYS},
        {S_INIT("RSET"), run_rset, RULE_ALWAYS},
        {S_INIT("QUIT"), run_quit, RULE_ALWAYS},
        {S_INIT("HELP"), run_help, RULE_AFTER_TLS},
        {S_INIT("MAIL"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("RCPT"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("DATA"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("BDAT"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("AUTH"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("VRFY"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("EXPN"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("ETRN"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("ATRN"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("BURL"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("TURN"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("SEND"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("SOML"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("SAML"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("VERB"), run_not_built, RULE_AFTER_TLS},
        {S_INIT("ONEX"), run_not_built, RULE_AFTER_TLS},
};

// command = verb [ SP args ]      RFC 5321 4.1.1; `line` is without its CRLF
struct err command_run(struct smtp_session *s, struct str line)
{
    struct scan in = scan_over(line);
    struct str name;
    if (str_is_empty(line))
        return reply(s, REPLY_EMPTY);
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = (uint8_t)line.ptr[i];
        if (c == '\r')
            return reply_junk(s, REPLY_BAD_CR);
        if (c >= 0x80 || c == 0x7F || (c < ' ' && c != '\t'))
            return reply_junk(s, REPLY_BAD_BYTE);
    }
    if (speaks_another_protocol(line)) {
        listen_offence(s->options->visit, OFFENCE_SCAN, STR_NULL);
        reply_and_leave(s, REPLY_NOT_MAIL, SMTP_END_NOT_MAIL);
        return OK;
    }
    scan_blanks(&in); // tolerated: inbound.md 3.1
    if (scan_end(&in))
        return reply(s, REPLY_EMPTY);
    const struct verb *verb = scan_while(&in, byte_is_alpha, &name) ? verb_find(name) : NULL;
    if (verb == NULL || (!scan_end(&in) && scan_blanks(&in) == 0))
        return reply_junk(s, REPLY_UNKNOWN);
    if (s->options->tls_required && !s->tls_on && verb->rule == RULE_AFTER_TLS)
        return reply(s, REPLY_NEED_TLS);
    return verb->run(s, str_trim_blanks(scan_rest(&in)));
}

static const struct verb *verb_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (str_eq_nocase(verbs[i].name, name))
            return &verbs[i];
    return NULL;
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

static struct err run_ehlo(struct smtp_session *s, struct str args)
{
    if (s->options->kind == SMTP_LMTP)
        return reply(s, REPLY_WANT_LHLO);
    return hello(s, args, true);
}

static struct err run_lhlo(struct smtp_session *s, struct str args)
{
    if (s->options->kind == SMTP_PLAIN)
        return reply(s, REPLY_WANT_EHLO);
    return hello(s, args, true);
}

static struct err run_helo(struct smtp_session *s, struct str args)
{
    if (s->options->kind == SMTP_LMTP)
        return reply(s, REPLY_WANT_LHLO);
    return hello(s, args, false);
}

static struct err hello(struct smtp_session *s, struct str args, bool extended)
{
    struct str name = args, rest;
    if (str_cut(args, ' ', &name, &rest))
        args = name; // what follows the first word is ignored: inbound.md 4.3
    if (str_is_empty(args) || args.len > DOMAIN_BYTES_MAX)
        return reply(s, REPLY_HELLO_SYNTAX);
    if (!hello_name_is_fit(args))
        return reply(s, REPLY_HELLO_DOMAIN);
    s->greeted = true;
    return reply_hello(s, extended);
}

// An address literal, or at least two labels, the last not a number (inbound.md 4.3).
static bool hello_name_is_fit(struct str name)
{
    if (str_starts(name, S("[")) && str_ends(name, S("]"))) {
        struct str inside = str_part(name, 1, name.len - 2);
        struct ip ip;
        if (str_starts_nocase(inside, S("IPv6:")))
            return ip6_parse(str_from(inside, 5), &ip);
        return ip4_parse(inside, &ip);
    }
    size_t labels = 0;
    bool last_is_number = false;
    struct str rest = name, label;
    while (str_split(&rest, '.', &label)) {
        uint64_t number;
        if (str_is_empty(label) && str_is_null(rest) && labels > 0)
            break; // one dot at the end
        if (!label_is_fit(label))
            return false;
        last_is_number = str_to_u64(label, UINT64_MAX, &number);
        labels++;
    }
    return labels >= 2 && !last_is_number && name.len <= 253;
}

static bool label_is_fit(struct str label)
{
    if (label.len < 1 || label.len > 63 || str_starts(label, S("-")) || str_ends(label, S("-")))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = (uint8_t)label.ptr[i];
        if (!byte_is_alnum(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

// RFC 3207 4. What came in front of the handshake must not be believed after it: octets behind the
// command are an attack or a mistake, and the hello before it is forgotten.
static struct err run_starttls(struct smtp_session *s, struct str args)
{
    if (stream_buffered(s->stream).len > 0) {
        stream_consume(s->stream, stream_buffered(s->stream).len);
        listen_offence(s->options->visit, OFFENCE_SCAN, STR_NULL);
        reply_and_leave(s, REPLY_TLS_INJECTION, SMTP_END_INJECTION);
        return OK;
    }
    if (!str_is_empty(args))
        return reply(s, REPLY_NO_PARAMETERS);
    if (s->tls_on)
        return reply(s, REPLY_TLS_ALREADY);
    if (s->options->visit->listener->tls_context == NULL)
        return reply(s, REPLY_NO_TLS);
    if (!listen_offers_tls(s->options->visit))
        return reply(s, REPLY_TLS_TROUBLE);
    TRY(reply(s, REPLY_READY_FOR_TLS));
    TRY(stream_flush(s->stream));
    struct err e = listen_handshake(s->options->visit, &s->scratch);
    if (failed(e)) {
        s->over = true;
        s->result.end = SMTP_END_TLS_FAILED;
        return OK; // RFC 3207 4: no reply can be trusted to reach the peer
    }
    s->tls_on = s->result.tls = true;
    s->greeted = false;
    return OK;
}

static struct err run_noop(struct smtp_session *s, struct str args UNUSED)
{
    return reply(s, REPLY_OK);
}

static struct err run_help(struct smtp_session *s, struct str args UNUSED)
{
    return reply(s, REPLY_HELP);
}

// inbound.md 4.1: RSET and QUIT are carried out whatever stands behind them, but that it does not
// belong there is said, as the one reply that a command has.
static struct err run_rset(struct smtp_session *s, struct str args)
{
    return reply(s, str_is_empty(args) ? REPLY_OK : REPLY_NO_PARAMETERS);
}

static struct err run_quit(struct smtp_session *s, struct str args)
{
    reply_and_leave(s, str_is_empty(args) ? REPLY_CLOSING : REPLY_NO_PARAMETERS, SMTP_END_QUIT);
    return OK;
}

static struct err run_not_built(struct smtp_session *s, struct str args UNUSED)
{
    return reply(s, REPLY_NOT_BUILT);
}
