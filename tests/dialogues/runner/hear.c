// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/hear.c: what the other side is expected to say, or not to say, and when.
#include "runner.h"

#include "rt/stream.h"

#define REPLY_LINES_MAX 200
#define SKIP_LINES_MAX 10000

static struct err hear_line(struct runner *r, const struct step *step) suspends;
static struct err hear_bytes(struct runner *r, const struct step *step) suspends;
static struct err hear_reply(
        struct runner *r, const struct step *steps, size_t count, size_t *out_used) suspends;
static struct err skip_to(struct runner *r, const struct step *step) suspends;
static struct err read_line(struct runner *r, const struct step *step, struct str *out) suspends;
static struct err not_heard(
        struct runner *r, const struct step *step, struct err why, struct str expected);
static bool line_fits(
        struct runner *r, const struct step *step, struct str line, size_t *out_furthest);
static bool reply_has(
        struct runner *r, const struct step *step, const struct str *lines, size_t count);
static struct err check_reply(
        struct runner *r, const struct step *step, const struct str *lines, size_t count);
static struct str expected_text(struct runner *r, const struct step *step);

struct err hear_steps(struct runner *r, const struct step *steps, size_t count, size_t *out_used)
{
    *out_used = 1;
    if (r->talk == NULL || r->talk->over)
        return wrong(r, steps->line, "the connection is over, by the dialogue's own words");
    switch (steps->kind) {
    case STEP_LINE:
        return hear_line(r, steps);
    case STEP_BYTES:
        return hear_bytes(r, steps);
    case STEP_SKIP_TO:
        return skip_to(r, steps);
    case STEP_REPLY_HAS:
    case STEP_REPLY_LACKS:
        return hear_reply(r, steps, count, out_used);
    default:
        return fail(ERR_INTERNAL, "this step hears nothing");
    }
}

int64_t patience_ms(const struct when *when)
{
    // Deadlines pass at their moment: what comes just then must still be heard.
    return when->kind == WHEN_SOON ? SOON_MS : when->ms + 1;
}

struct err check_time(struct runner *r, const struct step *step, int64_t after_ms)
{
    bool in_time = step->when.kind != WHEN_BY || after_ms <= step->when.ms;
    if (in_time && (step->when.kind != WHEN_AT || after_ms == step->when.ms))
        return OK;
    return wrong(r, step->line, "it came after %lld ms; expected %s %lld ms", (long long)after_ms,
            step->when.kind == WHEN_AT ? "exactly after" : "by", (long long)step->when.ms);
}

// --- Lines ---------------------------------------------------------------------------------------

static struct err hear_line(struct runner *r, const struct step *step)
{
    struct str line;
    size_t furthest = 0;
    TRY(read_line(r, step, &line));
    if (line_fits(r, step, line, &furthest))
        return OK;
    struct str accepted =
            arena_fmt(&r->arena, "%c: %.*s\n", step->role, ARG(as_template(&r->arena, line)));
    if (edit_add(r, (struct edit){.line = step->line, .count = 1, .text = accepted}))
        return OK;
    return differs(r, step->line, expected_text(r, step), line, furthest);
}

// Without its CRLF. A line that ends with a bare LF is no line of any of our protocols.
static struct err read_line(struct runner *r, const struct step *step, struct str *out)
{
    int64_t began_ms = now_ms();
    struct str line;
    struct err e;
    {
        within_ms(patience_ms(&step->when));
        e = stream_until(r->talk->stream, S("\n"), STREAM_READ_BYTES_MAX, &line);
    }
    if (failed(e))
        return not_heard(r, step, e, expected_text(r, step));
    note_line(r, r->talk, step->role, line);
    TRY(check_time(r, step, now_ms() - began_ms));
    if (!str_ends(line, S("\r\n")))
        return wrong(r, step->line, "a line that ends with a bare LF: %.*s", ARG(line));
    *out = arena_str(&r->arena, str_upto(line, line.len - 2));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a line") : OK;
}

static bool line_fits(
        struct runner *r, const struct step *step, struct str line, size_t *out_furthest)
{
    if (step->regex != NULL)
        return regex_match(step->regex, &r->arena, line, NULL) == REGEX_MATCH;
    return template_match(&step->text, &r->arena, line, &r->holes, out_furthest);
}

static struct str expected_text(struct runner *r, const struct step *step)
{
    struct str filled;
    if (step->regex == NULL && !failed(template_fill(&r->arena, &step->text, &r->holes, &filled)))
        return filled;
    return step->written;
}

static struct err not_heard(
        struct runner *r, const struct step *step, struct err why, struct str expected)
{
    struct str part = stream_buffered(r->talk->stream);
    const char *end = "";
    switch (why.kind) {
    case ERR_TIMEOUT:
        end = part.len > 0 ? "(no whole line came in time)" : "(nothing came in time)";
        break;
    case ERR_CLOSED:
        end = "(the connection was closed)";
        break;
    case ERR_RESET:
        end = "(the connection was reset)";
        break;
    default:
        return wrong(r, step->line, "expected %.*s\n    got       an error: %.*s", ARG(expected),
                ARG(err_text(why)));
    }
    struct str got = arena_join(&r->arena, part, str_from_c(end));
    if (why.kind == ERR_TIMEOUT && step->kind == STEP_LINE && part.len == 0 &&
            edit_add(r, (struct edit){.line = step->line, .count = 1, .text = S("")}))
        return fail(ERR_NOT_FOUND, "nothing came; the line was taken out");
    return differs(r, step->line, expected, got, part.len);
}

static struct err skip_to(struct runner *r, const struct step *step)
{
    for (size_t i = 0; i < SKIP_LINES_MAX; i++) {
        struct str line;
        size_t furthest;
        TRY(read_line(r, step, &line));
        if (line_fits(r, step, line, &furthest))
            return OK;
    }
    return wrong(r, step->line, "%d lines came, and not this one", SKIP_LINES_MAX);
}

static struct err hear_bytes(struct runner *r, const struct step *step)
{
    struct str expected, got;
    int64_t began_ms = now_ms();
    struct err e = template_fill(&r->arena, &step->text, &r->holes, &expected);
    if (failed(e))
        return wrong(r, step->line, "%.*s", ARG(err_text(e)));
    for (size_t at = 0; at < expected.len;) {
        size_t piece = expected.len - at < 4096 ? expected.len - at : 4096;
        {
            within_ms(patience_ms(&step->when));
            e = stream_peek(r->talk->stream, piece, &got);
        }
        if (failed(e))
            return not_heard(r, step, e, str_from(expected, at));
        got = str_upto(got, piece);
        note_line(r, r->talk, step->role, got);
        size_t same = 0;
        while (same < piece && got.ptr[same] == expected.ptr[at + same])
            same++;
        if (same < piece)
            return differs(r, step->line, str_from(expected, at), got, same);
        stream_consume(r->talk->stream, piece);
        at += piece;
    }
    return check_time(r, step, now_ms() - began_ms);
}

// --- Replies of several lines --------------------------------------------------------------------

// reply = *( code "-" text CRLF ) code [ SP text ] CRLF      RFC 5321 4.2
static struct err hear_reply(
        struct runner *r, const struct step *steps, size_t count, size_t *out_used)
{
    struct str *lines = arena_array(&r->arena, REPLY_LINES_MAX, struct str);
    size_t line_count = 0, used = 1;
    if (lines == NULL)
        return fail(ERR_LIMIT, "no memory for a reply");
    struct step reading = steps[0];
    while (line_count < REPLY_LINES_MAX) {
        struct str *line = &lines[line_count];
        TRY(read_line(r, &reading, line));
        reading.when = (struct when){0}; // only its first line has a time
        line_count++;
        if (line->len < 4 || line->ptr[3] != '-')
            break;
    }
    while (used < count && steps[used].role == steps[0].role &&
            (steps[used].kind == STEP_REPLY_HAS || steps[used].kind == STEP_REPLY_LACKS))
        used++;
    for (size_t i = 0; i < used; i++)
        TRY(check_reply(r, &steps[i], lines, line_count));
    *out_used = used;
    return OK;
}

static struct err check_reply(
        struct runner *r, const struct step *step, const struct str *lines, size_t count)
{
    bool has = reply_has(r, step, lines, count);
    if (has == (step->kind == STEP_REPLY_HAS))
        return OK;
    struct buf text AUTO(buf_done);
    buf_init(&text, 256 * KIB);
    for (size_t i = 0; i < count; i++)
        buf_fmt(&text, "%s%.*s", i > 0 ? "\n              " : "", ARG(lines[i]));
    return wrong(r, step->line, "expected  a reply %s the line %.*s\n    got       %.*s",
            has ? "without" : "with", ARG(expected_text(r, step)), ARG(buf_str(&text)));
}

// Whether a line is the last one of its reply depends on what else is offered: '-' and ' ' behind
// the code are the same here.
static bool reply_has(
        struct runner *r, const struct step *step, const struct str *lines, size_t count)
{
    size_t furthest;
    for (size_t i = 0; i < count; i++) {
        if (line_fits(r, step, lines[i], &furthest))
            return true;
        if (lines[i].len < 4)
            continue;
        struct str other = arena_fmt(&r->arena, "%.*s%c%.*s", ARG(str_upto(lines[i], 3)),
                lines[i].ptr[3] == '-' ? ' ' : '-', ARG(str_from(lines[i], 4)));
        if (line_fits(r, step, other, &furthest))
            return true;
    }
    return false;
}

// --- Ends and silence ----------------------------------------------------------------------------

struct err hear_end(struct runner *r, const struct step *step)
{
    int64_t began_ms = now_ms();
    struct str got;
    struct err e;
    if (r->talk == NULL || r->talk->over)
        return wrong(r, step->line, "the connection is over, by the dialogue's own words");
    {
        within_ms(patience_ms(&step->when));
        e = stream_peek(r->talk->stream, 1, &got);
    }
    if (!failed(e)) {
        TRY(hear_nothing_more(r, r->talk, step->line, step->line));
        return hear_end(r, step); // --accept has taken what came in
    }
    bool closed = e.kind == ERR_CLOSED, reset = e.kind == ERR_RESET;
    bool as_expected = step->kind == STEP_CLOSED ? closed : reset;
    struct str came = err_text(e);
    if (closed || reset)
        came = closed ? S("it was closed in order") : S("it was reset");
    else if (e.kind == ERR_TIMEOUT)
        came = S("it is still open");
    if (!as_expected)
        return wrong(r, step->line, "expected  the connection to be %s\n    got       %.*s",
                step->kind == STEP_CLOSED ? "closed in order" : "reset", ARG(came));
    note(r, "%.*s %s", ARG(r->talk->name), closed ? "closed" : "aborted");
    r->talk->over = true;
    return check_time(r, step, now_ms() - began_ms);
}

struct err hear_silence(struct runner *r, const struct step *step)
{
    struct str got;
    struct err e;
    if (r->talk == NULL || r->talk->over)
        return wrong(r, step->line, "the connection is over, by the dialogue's own words");
    {
        within_ms(step->number);
        e = stream_peek(r->talk->stream, 1, &got);
    }
    if (e.kind == ERR_TIMEOUT)
        return OK;
    if (failed(e))
        return wrong(r, step->line, "expected  silence\n    got       %.*s", ARG(err_text(e)));
    return differs(r, step->line, S("silence"), got, 0);
}

// Bytes that nobody read. When they are whole lines, --accept adds the lines that expect them.
struct err hear_nothing_more(struct runner *r, struct talk *t, uint32_t line, uint32_t insert_at)
{
    struct str got = stream_buffered(t->stream), one;
    struct err e = OK;
    if (got.len == 0) {
        within_ms(0);
        e = stream_peek(t->stream, 1, &got);
    }
    if (failed(e))
        return OK;
    struct scan in = scan_over(got);
    if (!r->options->accept || !str_ends(got, S("\r\n")))
        return differs(r, line, S("nothing more"), got, 0);
    while (scan_line(&in, &one)) {
        struct str text = arena_fmt(&r->arena, "%c: %.*s\n", t->role == 'C' ? 'S' : 'C',
                ARG(as_template(&r->arena, one)));
        if (!edit_add(r, (struct edit){.line = insert_at, .insert = true, .text = text}))
            return fail(ERR_LIMIT, "no memory for an edit");
    }
    stream_consume(t->stream, got.len);
    return OK;
}
