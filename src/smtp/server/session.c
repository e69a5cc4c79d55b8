// SPDX-License-Identifier: Apache-2.0
// smtp/session.c: the conversation from the greeting to the last word.
#include "smtp/session.h"

#include "rt/clock.h"
#include "rt/task.h"
#include "smtp/limits.h"

#define SCRATCH_BYTES_MAX (16 * KIB)

static struct err converse(struct smtp_session *s) suspends;
static struct err next_line(struct smtp_session *s, struct str *out) suspends;
static struct err skip_long_line(struct smtp_session *s) suspends;
static void leave_banned(struct smtp_session *s);
static void leave(struct smtp_session *s, struct err why, bool time_is_up) suspends;

static const struct str end_texts[] = {
        [SMTP_END_QUIT] = S_INIT("quit"),
        [SMTP_END_CLOSED] = S_INIT("closed by the client"),
        [SMTP_END_TIMEOUT] = S_INIT("timeout"),
        [SMTP_END_ERRORS] = S_INIT("too many errors"),
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
    struct smtp_session s = {.stream = stream, .options = options};
    s.tls_on = s.result.tls = options->visit->tls_on || options->visit->tls_by_proxy;
    arena_init(&s.scratch, SCRATCH_BYTES_MAX);
    int64_t until_ms = now_ms() + SESSION_MS;
    struct err e;
    {
        within_ms(SESSION_MS);
        e = converse(&s);
    }
    if (!s.over)
        leave(&s, e, now_ms() >= until_ms);
    arena_done(&s.scratch);
    return s.result;
}

static struct err converse(struct smtp_session *s)
{
    TRY(reply_greeting(s));
    while (!s->over) {
        struct str line;
        arena_reset(&s->scratch);
        // Replies to a pipelined group leave together: RFC 2920 3.2.
        if (stream_buffered(s->stream).len == 0)
            TRY(stream_flush(s->stream));
        struct err e = next_line(s, &line);
        if (e.kind == ERR_LIMIT) {
            TRY(skip_long_line(s));
            TRY(reply_junk(s, REPLY_LINE_LONG));
        } else {
            TRY(e);
            s->result.commands++;
            TRY(command_run(s, line));
        }
        if (!s->over && listen_is_banned(s->options->visit))
            leave_banned(s);
        if (!s->over && s->result.errors >= ERRORS_MAX)
            reply_and_leave(s, REPLY_TOO_MANY_ERRORS, SMTP_END_ERRORS);
    }
    return OK;
}

// A command without its line end. Lines end in CRLF; a bare LF is taken as a line end in commands
// only (inbound.md 3.2), where nothing can be smuggled by it.
static struct err next_line(struct smtp_session *s, struct str *out)
{
    nudgeable();
    within_ms(COMMAND_WAIT_MS);
    struct str line;
    if (s->result.commands == 0 && !s->options->visit->tls_on) {
        enum first_bytes first;
        TRY(listen_first_bytes(s->options->visit, &first));
        if (first != FIRST_PLAIN) {
            s->over = true;
            s->result.end = SMTP_END_WRONG_BYTES;
            return fail(ERR_CLOSED, "another protocol");
        }
    }
    TRY(stream_until(s->stream, S("\n"), COMMAND_BYTES_MAX, &line));
    *out = str_upto(line, line.len - (str_ends(line, S("\r\n")) ? 2 : 1));
    return OK;
}

static struct err skip_long_line(struct smtp_session *s)
{
    for (size_t skipped = 0; skipped < (size_t)COMMAND_BYTES_MAX * 16;) {
        struct str have = stream_buffered(s->stream);
        size_t at = str_find_byte(have, '\n');
        stream_consume(s->stream, at == STR_NOT_FOUND ? have.len : at + 1);
        if (at != STR_NOT_FOUND)
            return OK;
        skipped += have.len;
        TRY(stream_peek(s->stream, 1, &have));
    }
    reply_and_leave(s, REPLY_TOO_MANY_ERRORS, SMTP_END_ERRORS);
    return OK;
}

static void leave_banned(struct smtp_session *s)
{
    s->over = true;
    s->result.end = SMTP_END_BANNED;
}

static void leave(struct smtp_session *s, struct err why, bool time_is_up)
{
    if (why.kind == ERR_TIMEOUT)
        listen_offence(s->options->visit, OFFENCE_LOITER, STR_NULL);
    if (why.kind == ERR_TIMEOUT)
        reply_and_leave(s, time_is_up ? REPLY_TOO_LONG_OPEN : REPLY_TIMEOUT, SMTP_END_TIMEOUT);
    else if (why.kind == ERR_CANCELLED)
        reply_and_leave(s, REPLY_SHUTDOWN, SMTP_END_DRAINED);
    else if (why.kind == ERR_LIMIT)
        s->result.end = SMTP_END_TROUBLE;
    else
        s->result.end = SMTP_END_CLOSED;
}
