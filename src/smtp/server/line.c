// SPDX-License-Identifier: Apache-2.0
// smtp/server/line.c: lines of the client: commands and SASL responses (inbound.md 3.1, 2.3).
#include "smtp/server/session.h"

#include "rt/rt.h"
#include "smtp/limits.h"

static bool is_auth(struct str line);
static struct err wait_for_line(struct smtp_session *s, size_t max, struct str *out) suspends;
static struct err await_line(struct smtp_session *s, size_t max) suspends;
static struct err skip(struct smtp_session *s, size_t bytes_max) suspends;
static int64_t patience_ms(const struct smtp_session *s);

// Lines end in CRLF. A bare LF is taken as a line end as well, where nothing can be smuggled by it;
// who forbids it in messages forbids it in commands (session.data.bare-newline, seen by
// command_run through the CR that is missing).
struct err line_next(struct smtp_session *s, size_t max, struct str *out)
{
    struct err e = wait_for_line(s, max, out);
    if (e.kind != ERR_LIMIT)
        return e;
    TRY(skip(s, max * LINE_TIMES_MAX));
    return e;
}

struct err line_next_command(struct smtp_session *s, struct str *out, bool *out_is_auth)
{
    size_t max = s->service->settings->command_bytes_max;
    size_t auth_max = s->service->settings->auth_bytes_max;
    struct err e = wait_for_line(s, max, out);
    bool too_long = e.kind == ERR_LIMIT;
    if (failed(e) && !too_long)
        return e;
    *out_is_auth = is_auth(too_long ? stream_buffered(s->stream) : *out);
    if (!too_long)
        return *out_is_auth && out->len > auth_max ? fail(ERR_LIMIT, "the line is too long") : OK;
    if (auth_max > max && *out_is_auth)
        return line_next(s, auth_max, out);
    TRY(skip(s, max * LINE_TIMES_MAX));
    return e;
}

static bool is_auth(struct str line)
{
    struct scan in = scan_over(line);
    scan_blanks(&in);
    return scan_lit_nocase(&in, S("AUTH "));
}

static struct err wait_for_line(struct smtp_session *s, size_t max, struct str *out)
{
    // Replies to a pipelined group leave together: RFC 2920 3.2.
    if (str_find_byte(stream_buffered(s->stream), '\n') == STR_NOT_FOUND)
        TRY(session_flush(s));
    nudgeable();
    if (s->result.commands == 0 && !s->visit->tls_on) {
        enum first_bytes first;
        within_ms(patience_ms(s));
        TRY(listen_first_bytes(s->visit, &first));
        if (first != FIRST_PLAIN) {
            s->over = true;
            s->result.end = SMTP_END_WRONG_BYTES;
            return fail(ERR_CLOSED, "another protocol");
        }
    }
    TRY(await_line(s, max));
    TRY(stream_until(s->stream, S("\n"), max, out));
    return session_take_bytes(s, out->len) ? OK : fail(ERR_CLOSED, "too many bytes");
}

// Every octet begins the time-out anew; what it comes to in all is bounded by the session's own end
// (inbound.md 2.3, 19).
static struct err await_line(struct smtp_session *s, size_t max)
{
    struct str have = stream_buffered(s->stream);
    while (have.len < max && str_find_byte(have, '\n') == STR_NOT_FOUND) {
        within_ms(patience_ms(s));
        TRY(stream_peek(s->stream, have.len + 1, &have));
    }
    return OK;
}

static struct err skip(struct smtp_session *s, size_t bytes_max)
{
    for (size_t skipped = 0; skipped < bytes_max;) {
        struct str have = stream_buffered(s->stream);
        size_t at = str_find_byte(have, '\n');
        size_t count = at == STR_NOT_FOUND ? have.len : at + 1;
        stream_consume(s->stream, count);
        if (!session_take_bytes(s, count))
            return fail(ERR_CLOSED, "too many bytes");
        if (at != STR_NOT_FOUND)
            return OK;
        skipped += have.len;
        within_ms(patience_ms(s));
        TRY(stream_peek(s->stream, 1, &have));
    }
    reply_and_leave(s, REPLY_TOO_MANY_ERRORS, SMTP_END_ERRORS);
    return fail(ERR_CLOSED, "a line without an end");
}

// The session's own end comes first, when it is nearer.
static int64_t patience_ms(const struct smtp_session *s)
{
    int64_t left_ms = s->began_ms + s->pace.duration_ms - now_ms();
    if (left_ms < 0)
        return 0;
    return left_ms < s->pace.timeout_ms ? left_ms : s->pace.timeout_ms;
}
