// SPDX-License-Identifier: Apache-2.0
// smtp/server/connect.c: from the connection to the greeting (inbound.md 4.2, steps 4 to 9). The
// listener has let the client in, and TLS has begun where it comes first.
#include "smtp/server/client.h"
#include "smtp/server/stages.h"

#include "limits/early.h"
#include "listen/greeting.h"
#include "rt/rt.h"
#include "smtp/limits.h"

static bool is_host_name(struct arena *a, struct str name);
static bool pass_throttles(struct smtp_session *s) suspends;
static struct err refuse(struct smtp_session *s, struct str words) suspends;
static struct err wait_quietly(struct smtp_session *s) suspends;
static struct err early_talker(struct smtp_session *s) suspends;
static struct err judge(struct smtp_session *s) suspends MUST_USE;
static struct err greet(struct smtp_session *s) suspends;

struct err stage_connect(struct smtp_session *s)
{
    struct permission may;
    s->stage = STAGE_CONNECT;
    session_set_pace(s);
    if (!pass_throttles(s))
        return OK;
    if (failed(rule_permits(s, RULE_CONNECT_ALLOWED, &may))) {
        reply_and_leave(s, REPLY_CONNECT_TROUBLE, SMTP_END_TROUBLE);
        return OK;
    }
    if (!may.is_given)
        return refuse(s, may.text);
    client_ask_lists(s);
    TRY(wait_quietly(s));
    if (!s->over && client_is_judged_at_connect(s))
        TRY(judge(s));
    return s->over || s->refuses_all ? OK : greet(s);
}

// A listener's own name comes first; the setting may be an expression.
void session_choose_host(struct smtp_session *s)
{
    const struct listener *l = s->visit->listener;
    if (l->host_is_own || s->service->settings->rules[RULE_HOSTNAME].is_default)
        return;
    struct expr_result r = rule_ask(s, RULE_HOSTNAME);
    if (r.outcome == EXPR_VALUE && str_eq(r.text, s->host))
        return;
    s->host = l->host;
    struct str name = r.outcome == EXPR_VALUE ? arena_str(&s->identity, r.text) : STR_NULL;
    if (!str_is_empty(name) && is_host_name(&s->scratch, name))
        s->host = name;
    else
        event_in(s->options->span, EV_SMTP_MISSING_LOCAL_HOSTNAME, F_STR(listenerId, l->id));
}

static bool is_host_name(struct arena *a, struct str name)
{
    struct str ascii;
    struct ip ip;
    if (str_starts(name, S("[")) && str_ends(name, S("]")))
        return ip_parse(str_part(name, 1, name.len - 2), &ip);
    return !failed(mail_domain_read(a, name, &ascii));
}

static bool pass_throttles(struct smtp_session *s)
{
    const struct throttle *refused = session_throttle(s, THROTTLES_REMOTE, &s->held);
    if (refused == NULL)
        return true;
    bool too_many = refused->rate.count == 0;
    reply_and_leave(s, too_many ? REPLY_TOO_MANY_SESSIONS : REPLY_CONNECT_RATE, SMTP_END_LIMITS);
    return false;
}

// RFC 5321 3.1: a server that greets with 554 waits for QUIT, and answers all else with 503.
static struct err refuse(struct smtp_session *s, struct str words)
{
    s->refuses_all = true;
    s->refused_at = s->result.commands;
    int64_t most_ms = now_ms() - s->began_ms + REFUSED_WAIT_MS;
    if (s->pace.duration_ms > most_ms)
        s->pace.duration_ms = most_ms;
    return reply_rejected(s, REPLY_ACCESS_DENIED, words);
}

// inbound.md 10.9. Spam software seldom waits for its turn to speak.
static struct err wait_quietly(struct smtp_session *s)
{
    int64_t ms = rule_number(s, RULE_GREET_DELAY);
    const struct limits *limits = s->service->limits;
    if (ms <= 0 || s->visit->is_allowed ||
            (limits != NULL && early_knows(limits, &s->client.ip, wall_ms())))
        return OK;
    struct str have;
    struct err e;
    {
        nudgeable();
        within_ms(ms);
        e = stream_peek(s->stream, 1, &have);
    }
    if (!failed(e))
        return early_talker(s);
    if (e.kind != ERR_TIMEOUT)
        return e;
    if (limits != NULL)
        early_remember(limits, &s->client.ip, wall_ms());
    return OK;
}

static struct err early_talker(struct smtp_session *s)
{
    event_in(s->options->span, EV_SMTP_EARLY_TALKER, F_STR(details, S("")));
    if (rule_word(s, RULE_PREGREET) == 0) // reject
        reply_and_leave(s, REPLY_PREGREET, SMTP_END_EARLY);
    else
        s->result.errors++;
    return OK;
}

// auth.dnsbl.stage = "connect": before anything is said.
static struct err judge(struct smtp_session *s)
{
    enum reply_id why;
    struct str words;
    TRY(client_listed(s, &why, &words));
    if (why == REPLY_OK)
        return OK;
    return refuse(s, arena_fmt(&s->scratch, "554 5.7.1 %.*s", ARG(words)));
}

// RFC 5321 4.2: every line but the last has a hyphen behind the code.
static struct err greet(struct smtp_session *s)
{
    const struct listener *l = s->visit->listener;
    struct str_list lines = {l->greeting, l->greeting_count};
    struct expr_result own = {.outcome = EXPR_NONE};
    if (!l->greeting_is_own)
        own = rule_ask(s, RULE_GREETING);
    bool is_written = own.outcome == EXPR_VALUE && own.text.len > 0;
    if (is_written || !str_eq(s->host, l->host)) {
        struct str text = is_written ? own.text : str_from(lines.at[0], l->host.len);
        TRY(greeting_make(&s->scratch, str_trim_blanks(text), s->host, &lines));
    }
    for (size_t i = 0; i < lines.count; i++) {
        TRY(reply_line(s, i + 1 < lines.count ? S("220-") : S("220 "), lines.at[i]));
    }
    return OK;
}
