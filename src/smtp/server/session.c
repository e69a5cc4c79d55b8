// SPDX-License-Identifier: Apache-2.0
// smtp/server/session.c: the conversation from the greeting to the last word.
#include "smtp/server/session.h"

#include "limits/tarpit.h"
#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/client.h"
#include "smtp/server/stages.h"
#include "smtp/server/transaction.h"
#include "smtp/server/verify.h"

#define NS_A_MS 1000000

static void begin(struct smtp_session *s, struct stream *stream, const struct smtp_options *o);
static void end(struct smtp_session *s) suspends;
static struct err converse(struct smtp_session *s) suspends;
static struct err one_command(struct smtp_session *s) suspends;
static struct err refuse_long(
        struct smtp_session *s, bool is_auth, uint64_t bytes) suspends MUST_USE;
static void tell_raw(struct smtp_session *s, struct str line);
static void note_time(struct smtp_session *s, int64_t ms);
static void look_at_limits(struct smtp_session *s) suspends;
static void leave(struct smtp_session *s, struct err why) suspends;
static void tell_end(struct smtp_session *s, struct err why, bool time_is_up);

static const struct str end_texts[] = {
        [SMTP_END_QUIT] = S_INIT("quit"),
        [SMTP_END_CLOSED] = S_INIT("closed by the client"),
        [SMTP_END_TIMEOUT] = S_INIT("timeout"),
        [SMTP_END_TOO_LONG] = S_INIT("open for too long"),
        [SMTP_END_QUOTA] = S_INIT("too many bytes"),
        [SMTP_END_ERRORS] = S_INIT("too many errors"),
        [SMTP_END_LIMITS] = S_INIT("a limit was reached"),
        [SMTP_END_REFUSED] = S_INIT("refused"),
        [SMTP_END_EARLY] = S_INIT("spoke before the greeting"),
        [SMTP_END_PIPELINING] = S_INIT("pipelining where none is allowed"),
        [SMTP_END_SMUGGLING] = S_INIT("bare line ends"),
        [SMTP_END_NOT_MAIL] = S_INIT("not a mail client"),
        [SMTP_END_INJECTION] = S_INIT("data after STARTTLS"),
        [SMTP_END_TLS_FAILED] = S_INIT("TLS handshake failed"),
        [SMTP_END_WRONG_BYTES] = S_INIT("another protocol on a cleartext port"),
        [SMTP_END_BANNED] = S_INIT("the client is banned"),
        [SMTP_END_DRAINED] = S_INIT("server shutting down"),
        [SMTP_END_TROUBLE] = S_INIT("trouble of our own"),
};

struct str smtp_end_text(enum smtp_end end)
{
    return end_texts[end];
}

struct smtp_session_result smtp_serve(struct stream *stream, const struct smtp_options *options)
{
    struct smtp_session s;
    begin(&s, stream, options);
    struct err e = stage_connect(&s);
    if (!failed(e))
        e = converse(&s);
    if (!s.over)
        leave(&s, e);
    end(&s);
    s.result.messages = s.counts.messages;
    return s.result;
}

static void begin(struct smtp_session *s, struct stream *stream, const struct smtp_options *o)
{
    *s = (struct smtp_session){
            .stream = stream,
            .options = o,
            .service = o->service,
            .visit = o->visit,
            .client = o->visit->client,
            .local = o->visit->local,
            .introducer = o->visit->client.ip,
            .host = o->visit->listener->host,
            .account_name = S(""),
            .offered_pipelining = true,
            .began_ms = now_ms(),
            .tls_on = o->visit->tls_on || o->visit->tls_by_proxy,
    };
    s->result.tls = s->tls_on;
    arena_init(&s->scratch, SCRATCH_BYTES_MAX);
    arena_init(&s->identity, IDENTITY_BYTES_MAX);
    buf_init(&s->helo, HELLO_BYTES_MAX);
    s->held.arena = &s->identity;
}

static void end(struct smtp_session *s)
{
    session_drop_transaction(s);
    spf_forget(s);
    client_end_lists(s);
    if (s->service->limits != NULL)
        throttle_release(s->service->limits, &s->held);
    buf_done(&s->helo);
    arena_done(&s->identity);
    arena_done(&s->scratch);
}

static struct err converse(struct smtp_session *s)
{
    while (!s->over) {
        arena_reset(&s->scratch);
        TRY(one_command(s));
        if (!s->over)
            look_at_limits(s);
    }
    return OK;
}

static struct err one_command(struct smtp_session *s)
{
    struct str line;
    uint64_t bytes_before = s->counts.bytes_in;
    bool is_auth = false;
    struct err e = line_next_command(s, &line, &is_auth);
    if (e.kind == ERR_LIMIT)
        return refuse_long(s, is_auth, s->counts.bytes_in - bytes_before);
    TRY(e);
    s->result.commands++;
    tell_raw(s, line);
    flushing(s->stream); // inbound.md 2.2: whatever this command waits for
    int64_t began_ns = now_ns();
    e = command_run(s, line);
    note_time(s, (now_ns() - began_ns) / NS_A_MS);
    return e;
}

static struct err refuse_long(struct smtp_session *s, bool is_auth, uint64_t bytes)
{
    const struct smtp_settings *settings = s->service->settings;
    event_in(s->options->span, EV_SMTP_REQUEST_TOO_LARGE, F_U64(size, bytes),
            F_U64(limit, is_auth ? settings->auth_bytes_max : settings->command_bytes_max));
    return reply_junk(s, is_auth ? REPLY_SASL_LONG : REPLY_LINE_LONG);
}

// What a client says is shown but for its secrets.
static void tell_raw(struct smtp_session *s, struct str line)
{
    struct span *span = s->options->span;
    if (!event_is_wanted(span->log, EV_SMTP_RAW_INPUT))
        return;
    struct str shown = str_starts_nocase(line, S("AUTH")) ? S("AUTH ***\r\n") : line;
    event_in(span, EV_SMTP_RAW_INPUT, F_U64(size, line.len), F_BYTES(contents, shown));
}

static void note_time(struct smtp_session *s, int64_t ms)
{
    struct metrics_column *m = s->service->metrics;
    metric_observe(m, METRIC_SMTP_REQUEST_TIME, NO_LABELS, (uint64_t)ms);
    metric_observe(m, METRIC_SMTP_STAGE_TIME, LABELS(s->stage), (uint64_t)ms);
}

static void look_at_limits(struct smtp_session *s)
{
    if (listen_is_banned(s->visit)) {
        s->over = true;
        s->result.end = SMTP_END_BANNED;
    } else if (s->pace.errors_max > 0 && s->result.errors >= s->pace.errors_max) {
        reply_and_leave(s, REPLY_TOO_MANY_ERRORS, SMTP_END_ERRORS);
    }
}

static void leave(struct smtp_session *s, struct err why)
{
    bool time_is_up = now_ms() >= s->began_ms + s->pace.duration_ms;
    if (why.kind == ERR_TIMEOUT)
        listen_offence(s->visit, OFFENCE_LOITER, STR_NULL);
    arena_reset(&s->scratch);
    tell_end(s, why, time_is_up);
    if (s->reads_nothing)
        s->result.end = SMTP_END_TIMEOUT;
    else if (why.kind == ERR_TIMEOUT && time_is_up)
        reply_and_leave(s, REPLY_TOO_LONG_OPEN, SMTP_END_TOO_LONG);
    else if (why.kind == ERR_TIMEOUT)
        reply_and_leave(s, REPLY_TIMEOUT, SMTP_END_TIMEOUT);
    else if (why.kind == ERR_CANCELLED)
        reply_and_leave(s, REPLY_SHUTDOWN, SMTP_END_DRAINED);
    else if (why.kind == ERR_LIMIT)
        reply_and_leave(s, REPLY_NO_MEMORY, SMTP_END_TROUBLE);
    else
        s->result.end = SMTP_END_CLOSED;
}

static void tell_end(struct smtp_session *s, struct err why, bool time_is_up)
{
    if (why.kind == ERR_TIMEOUT && time_is_up)
        event_in(s->options->span, EV_SMTP_TIME_LIMIT_EXCEEDED,
                F_U64(limit, (uint64_t)s->pace.duration_ms), F_MS(elapsed, now_ms() - s->began_ms));
    else if (why.kind == ERR_LIMIT)
        event_in(s->options->span, EV_SMTP_ERROR, F_ERR(reason, why));
}

void session_set_pace(struct smtp_session *s)
{
    s->pace = (struct session_pace){
            .timeout_ms = rule_number(s, RULE_TIMEOUT),
            .duration_ms = rule_number(s, RULE_DURATION),
            .errors_wait_ms = rule_number(s, RULE_ERRORS_WAIT),
            .transfer_bytes_max = (uint64_t)rule_number(s, RULE_TRANSFER_LIMIT),
            .errors_max = (uint64_t)rule_number(s, RULE_ERRORS_TOTAL),
            .junk_max = (uint64_t)rule_number(s, RULE_JUNK_COMMANDS),
            .strict_pipelining = rule_bool(s, RULE_STRICT_PIPELINING),
            .strict_envelope = rule_bool(s, RULE_STRICT_ENVELOPE),
    };
    session_choose_host(s);
    if (s->service->proof == NULL || s->service->resolver == NULL || s->client.ip.family == IP_NONE)
        return; // SPF stays disabled
    struct expr_result helo = rule_ask(s, RULE_SPF_HELO);
    s->pace.spf_helo = proof_strategy_of(&helo);
    struct expr_result mail = rule_ask(s, RULE_SPF_MAIL);
    s->pace.spf_mail = proof_strategy_of(&mail);
    s->pace.spf_exempt = spf_is_on(s) && rule_bool(s, RULE_SPF_EXEMPT);
}

struct err session_flush(struct smtp_session *s)
{
    within_ms(s->pace.timeout_ms);
    struct err e = stream_flush(s->stream);
    s->reads_nothing |= e.kind == ERR_TIMEOUT;
    return e;
}

struct err session_wait(struct smtp_session *s, int64_t ms)
{
    const struct limits *limits = s->service->limits;
    if (ms > WAITED_MS_MAX - s->counts.waited_ms)
        ms = WAITED_MS_MAX - s->counts.waited_ms;
    if (ms <= 0 || (limits != NULL && !tarpit_begin(limits, s->visit->listener)))
        return OK;
    s->counts.waited_ms += ms;
    metric_add(s->service->metrics, METRIC_SMTP_WAITS, NO_LABELS, 1);
    struct err e = session_flush(s);
    if (!failed(e)) {
        nudgeable();
        e = task_sleep_ms(ms);
    }
    if (limits != NULL)
        tarpit_end(limits, s->visit->listener);
    return e;
}

// inbound.md 4.7: a pause, a recipient error, an abuse event, and at last the door.
struct err session_failed_rcpt(struct smtp_session *s, enum reply_id id, struct str rcpt)
{
    uint64_t most = (uint64_t)rule_number(s, RULE_RCPT_ERRORS_TOTAL);
    if (str_is_empty(s->account_name))
        TRY(session_wait(s, rule_number(s, RULE_RCPT_ERRORS_WAIT)));
    s->counts.rcpt_failures++;
    listen_offence(s->visit, OFFENCE_ABUSE, rcpt);
    if (most == 0 || s->counts.rcpt_failures < most)
        return reply(s, id);
    event_in(s->options->span, EV_SMTP_TOO_MANY_INVALID_RCPT, F_STR(to, rcpt), F_U64(limit, most));
    reply_and_leave(s, REPLY_TOO_MANY_ERRORS, SMTP_END_ERRORS);
    return OK;
}

void session_drop_transaction(struct smtp_session *s)
{
    transaction_free(s, s->transaction);
    s->transaction = NULL;
    xforward_forget(s);
}

bool session_take_bytes(struct smtp_session *s, uint64_t count)
{
    s->counts.bytes_in += count;
    if (s->pace.transfer_bytes_max == 0 || s->counts.bytes_in <= s->pace.transfer_bytes_max)
        return true;
    event_in(s->options->span, EV_SMTP_TRANSFER_LIMIT_EXCEEDED,
            F_U64(limit, s->pace.transfer_bytes_max), F_U64(size, s->counts.bytes_in));
    reply_and_leave(s, REPLY_TRANSFER_QUOTA, SMTP_END_QUOTA);
    return false;
}

bool session_is_lmtp(const struct smtp_session *s)
{
    return s->options->kind == SMTP_LMTP;
}

struct str session_helo(const struct smtp_session *s)
{
    return buf_str(&s->helo);
}

struct throttle_values session_values(const struct smtp_session *s)
{
    struct throttle_values v = {
            .remote_ip = s->client.ip,
            .local_ip = s->local.ip,
            .listener = s->visit->listener->id,
            .helo_domain = session_helo(s),
            .authenticated_as = s->account_name,
    };
    if (s->transaction != NULL) {
        v.sender = s->transaction->sender.normal;
        v.sender_domain = s->transaction->sender.domain;
        v.rcpt = s->transaction->current.normal;
        v.rcpt_domain = s->transaction->current.domain;
    }
    return v;
}
