// SPDX-License-Identifier: Apache-2.0
// smtp/server/vrfy.c: VRFY and EXPN (RFC 5321 3.5; inbound.md 4.11). Who asks for somebody that
// does not exist pays as for a wrong RCPT, so that this is no cheaper way to harvest addresses.
#include "smtp/server/client.h"
#include "smtp/server/stages.h"

#include "rt/rt.h"
#include "smtp/limits.h"

static struct str without_utf8(struct smtp_session *s, struct str args) suspends;
static bool may_say(const struct smtp_session *s, struct str address);
static struct err verify(struct smtp_session *s, struct str what, bool *out_found,
        struct str *out_address) suspends MUST_USE;
static struct err expand(struct smtp_session *s, struct str what, bool *out_found,
        struct strs *out_members) suspends MUST_USE;
static bool is_fit(struct arena *a, struct str what);
static struct str without_brackets(struct str what);

struct err stage_vrfy(struct smtp_session *s, struct str args)
{
    bool found = false;
    struct str address, what = without_brackets(without_utf8(s, args));
    s->stage = STAGE_RCPT;
    if (!is_fit(&s->scratch, what))
        return reply(s, REPLY_BAD_ARGUMENT);
    if (!rule_bool(s, RULE_VRFY)) {
        event_in(s->options->span, EV_SMTP_VRFY_DISABLED, F_STR(to, what));
        return reply(s, REPLY_VRFY_DISABLED);
    }
    struct err e = verify(s, what, &found, &address);
    if (failed(e))
        return e.kind == ERR_CANCELLED ? e : reply(s, REPLY_VRFY_TROUBLE);
    if (!found) {
        event_in(s->options->span, EV_SMTP_VRFY_NOT_FOUND, F_STR(to, what));
        return session_failed_rcpt(s, REPLY_NO_ADDRESS, what);
    }
    event_in(s->options->span, EV_SMTP_VRFY, F_STR(to, what), F_STR(result, address));
    return reply_about(s, may_say(s, address) ? REPLY_FOUND : REPLY_NEEDS_UTF8, address);
}

struct err stage_expn(struct smtp_session *s, struct str args)
{
    bool found = false;
    struct strs members;
    struct str what = without_brackets(without_utf8(s, args));
    s->stage = STAGE_RCPT;
    if (!is_fit(&s->scratch, what))
        return reply(s, REPLY_BAD_ARGUMENT);
    if (!rule_bool(s, RULE_EXPN)) {
        event_in(s->options->span, EV_SMTP_EXPN_DISABLED, F_STR(to, what));
        return reply(s, REPLY_EXPN_DISABLED);
    }
    struct err e = expand(s, what, &found, &members);
    if (failed(e))
        return e.kind == ERR_CANCELLED ? e : reply(s, REPLY_EXPN_TROUBLE);
    if (!found || members.count == 0) {
        event_in(s->options->span, EV_SMTP_EXPN_NOT_FOUND, F_STR(to, what));
        return session_failed_rcpt(s, REPLY_NO_LIST, what);
    }
    event_in(s->options->span, EV_SMTP_EXPN, F_STR(to, what), F_U64(total, members.count));
    for (size_t i = 0; i < members.count; i++)
        if (!may_say(s, members.at[i]))
            return reply(s, REPLY_NEEDS_UTF8);
    for (size_t i = 0; i + 1 < members.count; i++) {
        struct str member = arena_fmt(&s->scratch, "<%.*s>", ARG(members.at[i]));
        TRY(reply_line(s, S("250-2.1.5 "), member));
    }
    return reply_about(s, REPLY_FOUND, members.at[members.count - 1]);
}

// "VRFY" SP ( Mailbox / String ) [ SP "SMTPUTF8" ]      RFC 6531 3.7.4.2; EXPN alike
static struct str without_utf8(struct smtp_session *s, struct str args)
{
    struct str what, word;
    s->hears_utf8 = str_rcut(args, ' ', &what, &word) && str_eq_nocase(word, S("SMTPUTF8")) &&
                    rule_bool(s, RULE_SMTPUTF8);
    return s->hears_utf8 ? str_trim_blanks(what) : args;
}

static bool may_say(const struct smtp_session *s, struct str address)
{
    return s->hears_utf8 || str_is_ascii(address);
}

static struct err verify(
        struct smtp_session *s, struct str what, bool *out_found, struct str *out_address)
{
    struct client_rules rules;
    struct directories *d;
    TRY(client_directories(s, &d));
    TRY(client_resolve_rules(s, &rules));
    within_ms(DIRECTORY_WAIT_MS);
    return directories_vrfy(d, &s->scratch, &rules.rules, what, out_found, out_address);
}

static struct err expand(
        struct smtp_session *s, struct str what, bool *out_found, struct strs *out_members)
{
    struct client_rules rules;
    struct directories *d;
    TRY(client_directories(s, &d));
    TRY(client_resolve_rules(s, &rules));
    within_ms(DIRECTORY_WAIT_MS);
    return directories_expn(d, &s->scratch, &rules.rules, what, out_found, out_members);
}

// An address, or what would be one with a domain: a local part, quoted or not.
static bool is_fit(struct arena *a, struct str what)
{
    struct mail_address address;
    if (what.len == 0 || what.len > VRFY_BYTES_MAX)
        return false;
    return !failed(mail_address_parse(a, what, &address)) ||
           !failed(mail_address_parse(a, arena_fmt(a, "%.*s@d.example", ARG(what)), &address));
}

static struct str without_brackets(struct str what)
{
    if (str_starts(what, S("<")) && str_ends(what, S(">")) && what.len >= 2)
        return str_part(what, 1, what.len - 2);
    return what;
}
