// SPDX-License-Identifier: Apache-2.0
// smtp/server/hello.c: EHLO, HELO and LHLO: is that a name, and what do we offer (inbound.md 4.3).
#include "smtp/server/client.h"
#include "smtp/server/stages.h"
#include "smtp/server/verify.h"

#include "base/date.h"
#include "rt/rt.h"
#include "smtp/limits.h"

static struct err hear_name(struct smtp_session *s, struct str name, bool *out_good) suspends;
static struct err answer(struct smtp_session *s, bool extended) suspends;
static void offer_basics(struct smtp_session *s, struct buf *out) suspends;
static void offer_delivery(struct smtp_session *s, struct buf *out) suspends;
static void offer_rest(struct smtp_session *s, struct buf *out) suspends;
static void offer_limits(struct smtp_session *s, struct buf *out) suspends;
static void offer_if(
        struct smtp_session *s, struct buf *out, enum rule_id id, struct str name) suspends;
static struct err write_lines(struct smtp_session *s, struct str lines) suspends;

// What follows the first word is ignored.
struct err stage_hello(struct smtp_session *s, enum hello how, struct str args)
{
    struct str name = args, rest;
    bool good = true;
    s->stage = STAGE_EHLO;
    if (how == HELLO_LHLO && !session_is_lmtp(s)) {
        event_in(s->options->span, EV_SMTP_EHLO_EXPECTED);
        return reply(s, REPLY_WANT_EHLO);
    }
    if (how != HELLO_LHLO && session_is_lmtp(s)) {
        event_in(s->options->span, EV_SMTP_LHLO_EXPECTED);
        return reply(s, REPLY_WANT_LHLO);
    }
    str_cut(args, ' ', &name, &rest);
    if (str_is_empty(name) && !rule_bool(s, RULE_REJECT_NON_FQDN))
        name = S("null");
    if (str_is_empty(name) || name.len > HELLO_BYTES_MAX)
        return reply(s, REPLY_HELLO_SYNTAX);
    if (s->hello != HELLO_NONE)
        session_note_junk(s);
    if (s->hello == HELLO_NONE || !str_eq_nocase(name, session_helo(s)))
        TRY(hear_name(s, name, &good));
    if (!good)
        return OK;
    session_drop_transaction(s); // RFC 5321 4.1.4
    s->hello = how;
    s->offered_pipelining = session_is_lmtp(s) || rule_bool(s, RULE_PIPELINING); // RFC 2033 5
    return answer(s, how != HELLO_HELO);
}

// A name that is refused leaves the one before in force.
static struct err hear_name(struct smtp_session *s, struct str name, bool *out_good)
{
    struct permission may;
    struct str before = arena_str(&s->scratch, session_helo(s));
    *out_good = false;
    if (rule_bool(s, RULE_REJECT_NON_FQDN) && !mail_host_is_qualified(name)) {
        event_in(s->options->span, EV_SMTP_INVALID_EHLO, F_STR(domain, name));
        return reply(s, REPLY_HELLO_DOMAIN);
    }
    buf_clear(&s->helo);
    buf_add(&s->helo, arena_str_lower(&s->scratch, name));
    struct err e = rule_permits(s, RULE_EHLO_ALLOWED, &may);
    enum reply_id why = REPLY_OK;
    struct str words = S("");
    if (!failed(e) && may.is_given)
        TRY(spf_check_helo(s, &why, &words));
    *out_good = !failed(e) && may.is_given && why == REPLY_OK;
    if (*out_good) {
        client_ask_lists_of_helo(s);
        event_in(s->options->span, EV_SMTP_EHLO, F_STR(domain, name));
        return OK;
    }
    buf_clear(&s->helo);
    buf_add(&s->helo, before);
    if (why != REPLY_OK)
        return reply_rejected(s, why, words);
    return failed(e) ? reply(s, REPLY_CONFIG_TROUBLE)
                     : reply_rejected(s, REPLY_HELLO_REFUSED, may.text);
}

static struct err answer(struct smtp_session *s, bool extended)
{
    struct buf lines AUTO(buf_done);
    buf_init(&lines, 8 * KIB);
    buf_add(&lines, s->host);
    if (extended) {
        buf_fmt(&lines, " Hello [%.*s]\n", ARG(ip_text(&s->scratch, &s->client.ip)));
        offer_basics(s, &lines);
        offer_delivery(s, &lines);
        offer_rest(s, &lines);
        buf_add(&lines, S("HELP"));
    }
    metric_add(s->service->metrics, METRIC_SMTP_REPLIES, LABELS(s->stage, CODE_CLASS_2XX), 1);
    return lines.overflow ? fail(ERR_LIMIT, "no memory for a reply")
                          : write_lines(s, buf_str(&lines));
}

// Each row with its line end; the order is that of inbound.md 4.3.
static void offer_basics(struct smtp_session *s, struct buf *out)
{
    if (s->offered_pipelining)
        buf_add(out, S("PIPELINING\n"));
    buf_fmt(out, "SIZE %lld\n", (long long)rule_number(s, RULE_MESSAGE_SIZE));
    if (!s->tls_on && listen_offers_tls(s->visit))
        buf_add(out, S("STARTTLS\n"));
    struct sasl_set mechanisms = auth_offered(s);
    if (mechanisms.bits != 0) {
        buf_add(out, S("AUTH "));
        sasl_set_names(out, mechanisms);
        buf_add_byte(out, '\n');
    }
    buf_add(out, S("ENHANCEDSTATUSCODES\n8BITMIME\n"));
    if (rule_bool(s, RULE_CHUNKING)) {
        offer_if(s, out, RULE_BINARYMIME, S("BINARYMIME"));
        buf_add(out, S("CHUNKING\n"));
    }
    offer_if(s, out, RULE_SMTPUTF8, S("SMTPUTF8"));
}

static void offer_delivery(struct smtp_session *s, struct buf *out)
{
    offer_if(s, out, RULE_DSN, S("DSN"));
    if (s->tls_on)
        offer_if(s, out, RULE_REQUIRETLS, S("REQUIRETLS"));
    if (rule_number(s, RULE_DELIVER_BY) > 0) {
        int64_t least_s = rule_number(s, RULE_DELIVER_BY_MIN) / SECOND_MS;
        if (least_s > 0)
            buf_fmt(out, "DELIVERBY %lld\n", (long long)least_s);
        else
            buf_add(out, S("DELIVERBY\n"));
    }
    int64_t hold_ms = rule_number(s, RULE_FUTURE_RELEASE);
    if (hold_ms > 0) {
        buf_fmt(out, "FUTURERELEASE %lld ", (long long)(hold_ms / SECOND_MS));
        date_add_rfc3339(out, (wall_ms() + hold_ms) / SECOND_MS * SECOND_MS, DATE_SECONDS);
        buf_add_byte(out, '\n');
    }
}

static void offer_rest(struct smtp_session *s, struct buf *out)
{
    static const struct str profiles[] = {
            S_INIT("MIXER"), S_INIT("STANAG4406"), S_INIT("NSEP")}; // as the words are numbered
    int64_t profile = rule_word(s, RULE_MT_PRIORITY);
    if (profile >= 0 && profile < (int64_t)COUNT_OF(profiles))
        buf_fmt(out, "MT-PRIORITY %.*s\n", ARG(profiles[profile]));
    struct str keywords;
    if (solicitation_is_named(s, &keywords))
        buf_fmt(out, "NO-SOLICITING%s%.*s\n", keywords.len > 0 ? " " : "", ARG(keywords));
    if (rule_bool(s, RULE_LIMITS))
        offer_limits(s, out);
    offer_if(s, out, RULE_VRFY, S("VRFY"));
    offer_if(s, out, RULE_EXPN, S("EXPN"));
    if (xclient_is_allowed(s))
        buf_add(out, S("XCLIENT " XCLIENT_NAMES "\n"));
    if (xforward_is_allowed(s))
        buf_add(out, S("XFORWARD " XFORWARD_NAMES "\n"));
}

// RFC 9422
static void offer_limits(struct smtp_session *s, struct buf *out)
{
    int64_t messages = rule_number(s, RULE_MESSAGES);
    int64_t rcpts = rule_number(s, RULE_MAX_RECIPIENTS);
    if (messages <= 0 && rcpts <= 0)
        return;
    buf_add(out, S("LIMITS"));
    if (messages > 0)
        buf_fmt(out, " MAILMAX=%lld", (long long)messages);
    if (rcpts > 0)
        buf_fmt(out, " RCPTMAX=%lld", (long long)rcpts);
    buf_add_byte(out, '\n');
}

static void offer_if(struct smtp_session *s, struct buf *out, enum rule_id id, struct str name)
{
    if (rule_bool(s, id))
        buf_fmt(out, "%.*s\n", ARG(name));
}

static struct err write_lines(struct smtp_session *s, struct str lines)
{
    struct str rest = lines, line;
    while (str_split(&rest, '\n', &line)) {
        TRY(reply_line(s, str_is_null(rest) ? S("250 ") : S("250-"), line));
    }
    return OK;
}
