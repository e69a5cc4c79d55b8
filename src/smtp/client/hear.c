// SPDX-License-Identifier: Apache-2.0
// smtp/client/hear.c: saying lines and hearing replies, each within its time. A reply is judged
// here, by the table of outbound.md 19.1; no reply, or an impossible one, is an answer as well.
#include "smtp/client/parts.h"

static struct err heard(struct smtp_client *c, struct arena *lines, const struct client_question *q,
        struct client_reply *out) suspends MUST_USE;
static struct err last_words(
        struct smtp_client *c, struct arena *lines, struct client_reply *out) suspends MUST_USE;
static struct err judge(struct smtp_client *c, struct arena *a, const struct client_question *q,
        const struct client_reply *reply, struct client_answer *out);
static enum client_verdict verdict_of(const struct client_question *q, uint16_t code);
static bool is_expected(enum client_expects expects, uint16_t code);
static bool is_softened(enum client_stage stage, uint16_t code);
static void judge_kind(struct client_answer *answer);
static struct str while_doing(const struct client_question *q);

struct err client_say(struct smtp_client *c, struct str line)
{
    if (str_find_byte(line, '\n') != STR_NOT_FOUND || str_find_byte(line, '\r') != STR_NOT_FOUND ||
            str_find_byte(line, '\0') != STR_NOT_FOUND)
        return fail(ERR_SYNTAX, "an address or a parameter would break the dialogue");
    client_tell_line(c, line);
    TRY(client_write(c, line));
    return client_write(c, S("\r\n"));
}

struct err client_write(struct smtp_client *c, struct str bytes)
{
    if (failed(c->write_failure))
        return OK;
    struct err e = stream_write(c->stream, bytes);
    if (failed(e) && !client_is_peers_failure(e))
        return e;
    c->write_failure = e;
    return OK;
}

// A deadline that has passed for the caller as well is the caller's.
bool client_is_peers_failure(struct err e)
{
    switch (e.kind) {
    case ERR_TIMEOUT:
        return deadline_left_ms() > 0;
    case ERR_CLOSED:
    case ERR_RESET:
    case ERR_UNREACHABLE:
    case ERR_TLS:
    case ERR_IO:
    case ERR_REFUSED:
    case ERR_SYNTAX:
        return true;
    case ERR_NONE:
    case ERR_UNSUPPORTED:
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_LIMIT:
    case ERR_CANCELLED:
    case ERR_DNS:
    case ERR_NO_SPACE:
    case ERR_CONFIG:
    case ERR_INTERNAL:
        break;
    }
    return false;
}

struct err client_hear(struct smtp_client *c, struct arena *a, const struct client_question *q,
        struct client_answer *out)
{
    struct arena lines AUTO(arena_done);
    struct client_reply reply;
    arena_init(&lines, REPLY_ARENA_BYTES);
    return client_hear_lines(c, a, &lines, q, &reply, out);
}

struct err client_hear_lines(struct smtp_client *c, struct arena *a, struct arena *lines,
        const struct client_question *q, struct client_reply *reply, struct client_answer *out)
{
    *reply = (struct client_reply){0};
    struct err e = heard(c, lines, q, reply);
    if (!failed(e))
        return judge(c, a, q, reply, out);
    if (client_is_peers_failure(e))
        return client_lost(c, a, q, e, out);
    c->gone = true;
    return e;
}

static struct err heard(struct smtp_client *c, struct arena *lines, const struct client_question *q,
        struct client_reply *out)
{
    within_ms(q->wait_ms);
    struct err e = c->write_failure;
    if (!failed(e) && q->expects != EXPECTS_REFUSAL)
        e = stream_flush(c->stream);
    if (!failed(e)) {
        TRY(client_reply_read(c->stream, lines, out));
        client_tell_reply(c, out);
        return OK;
    }
    if (e.kind == ERR_CANCELLED || e.kind == ERR_LIMIT)
        return e;
    return failed(last_words(c, lines, out)) ? e : OK;
}

// Nothing leaves any more. A refusal that has arrived already still counts.
static struct err last_words(struct smtp_client *c, struct arena *lines, struct client_reply *out)
{
    within_ms(0);
    c->gone = true;
    TRY(client_reply_read(c->stream, lines, out));
    return out->code < 400 ? fail(ERR_RESET, "the connection broke") : OK;
}

// --- Judging -------------------------------------------------------------------------------------

static struct err judge(struct smtp_client *c, struct arena *a, const struct client_question *q,
        const struct client_reply *reply, struct client_answer *out)
{
    enum client_verdict verdict = verdict_of(q, reply->code);
    if (verdict == CLIENT_LOST)
        return client_lost(c, a, q, fail(ERR_SYNTAX, "unparseable reply"), out);
    c->gone = c->gone || reply->code == 421;
    *out = (struct client_answer){.stage = q->stage, .verdict = verdict, .gone = c->gone};
    out->outcome = (struct outcome){.kind = FAILURE_NONE,
            .command = q->command,
            .code = reply->code,
            .enhanced = STR_NULL,
            .text = arena_str(a, reply->text),
            .at_ms = wall_ms()};
    if (!str_is_null(reply->enhanced))
        out->outcome.enhanced = arena_str(a, reply->enhanced);
    if (str_is_null(out->outcome.text) ||
            (!str_is_null(reply->enhanced) && str_is_null(out->outcome.enhanced)))
        return client_no_room();
    if (verdict != CLIENT_GOOD)
        judge_kind(out);
    return OK;
}

static enum client_verdict verdict_of(const struct client_question *q, uint16_t code)
{
    if (is_expected(q->expects, code))
        return CLIENT_GOOD;
    if (code < 400)
        return CLIENT_LOST;
    return code < 500 || is_softened(q->stage, code) ? CLIENT_TEMPORARY : CLIENT_PERMANENT;
}

static bool is_expected(enum client_expects expects, uint16_t code)
{
    switch (expects) {
    case EXPECTS_2XX:
        return code / 100 == 2;
    case EXPECTS_220:
        return code == 220;
    case EXPECTS_354:
        return code == 354;
    case EXPECTS_AUTH:
        return code == 334 || code == 235;
    case EXPECTS_REFUSAL:
        break;
    }
    return false;
}

// A 5xx that says something about this connection, and nothing about the message.
static bool is_softened(enum client_stage stage, uint16_t code)
{
    switch (stage) {
    case CLIENT_EHLO:
    case CLIENT_TLS:
    case CLIENT_AUTH:
        return true;
    case CLIENT_MAIL:
        return code == 530 || code == 535 || code == 538;
    case CLIENT_DATA:
        return code == 503;
    case CLIENT_CONNECT:
    case CLIENT_GREETING:
    case CLIENT_RCPT:
    case CLIENT_EOD:
        break;
    }
    return false;
}

// queue.md 2.4, outbound.md 13 and 14.3
static void judge_kind(struct client_answer *answer)
{
    struct outcome *o = &answer->outcome;
    o->kind = FAILURE_UNEXPECTED_REPLY;
    if (answer->stage == CLIENT_AUTH) {
        o->kind = FAILURE_CONNECTION;
        o->enhanced = S("4.7.8");
    } else if (answer->stage == CLIENT_TLS) {
        o->kind = FAILURE_TLS;
        if (!str_starts(o->enhanced, S("4.")))
            o->enhanced = S("4.7.4");
    }
}

// --- No answer -----------------------------------------------------------------------------------

struct err client_lost(struct smtp_client *c, struct arena *a, const struct client_question *q,
        struct err why, struct client_answer *out)
{
    struct str doing = while_doing(q);
    c->gone = true;
    *out = (struct client_answer){.stage = q->stage,
            .verdict = CLIENT_LOST,
            .gone = true,
            .ambiguous = q->all_was_sent,
            .outcome = {.kind = FAILURE_CONNECTION,
                    .command = q->command,
                    .enhanced = S("4.4.2"),
                    .at_ms = wall_ms()}};
    if (why.kind == ERR_SYNTAX) {
        out->outcome.enhanced = S("4.5.0");
        out->outcome.text = S("unparseable reply");
    } else if (why.kind == ERR_TIMEOUT) {
        out->outcome.text = arena_fmt(a, "Timeout while %.*s", ARG(doing));
    } else {
        out->outcome.text = arena_fmt(a, "%.*s while %.*s", ARG(err_text(why)), ARG(doing));
    }
    return str_is_null(out->outcome.text) ? client_no_room() : OK;
}

static struct str while_doing(const struct client_question *q)
{
    if (!str_is_null(q->doing))
        return q->doing;
    switch (q->stage) {
    case CLIENT_CONNECT:
        return S("connecting");
    case CLIENT_GREETING:
        return S("waiting for the greeting");
    case CLIENT_EHLO:
        return S("waiting for the reply to EHLO");
    case CLIENT_TLS:
        return S("waiting for the reply to STARTTLS");
    case CLIENT_AUTH:
        return S("waiting for the reply to AUTH");
    case CLIENT_MAIL:
        return S("waiting for the reply to MAIL FROM");
    case CLIENT_RCPT:
        return S("waiting for the reply to RCPT TO");
    case CLIENT_DATA:
        return S("waiting for the reply to DATA");
    case CLIENT_EOD:
        break;
    }
    return S("waiting for the reply to the message");
}

struct err client_no_room(void)
{
    return fail(ERR_LIMIT, "no memory for the dialogue with a host");
}
