// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake_client.c: who sends. Each client has its share of the messages, sends each of
// them once, and notes what it was told; whatever goes wrong with a session ends it, and the next
// message begins another one. Now and then a client itself goes away in the midst of something.
#define POSTHASTE_BASE_ROOM
#include "intake.h"

#include "base/id.h"

#define SESSION_WAIT_MS (10 * MINUTE_MS)
#define PAUSE_MOST_MS 1500
#define REPLY_BYTES_MAX 1024
#define TRIES_MAX 60
#define MESSAGE_BYTES_MAX MIB
#define CHUNK_BYTES_MAX (100 * KIB)

struct sending {
    struct client *client;
    struct intake *in;
    struct mail *mail;
    struct stream *stream;
    struct buf body;
    struct arena arena;
    size_t accepted;
};

struct reply {
    unsigned code;
    uint64_t id; // that it names
};

static struct err connect_to(
        struct client *c, const struct mail *m, struct stream **out) suspends MUST_USE;
static struct err send_mail(struct sending *s) suspends MUST_USE;
static struct err envelope(struct sending *s) suspends MUST_USE;
static struct err hear_envelope(struct sending *s) suspends MUST_USE;
static struct err send_data(struct sending *s) suspends MUST_USE;
static struct err send_dotted(struct sending *s) suspends MUST_USE;
static struct err send_chunks(struct sending *s) suspends MUST_USE;
static struct err pause_or_leave(struct sending *s) suspends MUST_USE;
static void leave_open(struct sending *s);
static struct err hear_end(struct sending *s, bool one_for_all) suspends MUST_USE;
static void note_fate(struct sending *s, size_t i, const struct reply *r);
static struct err say(struct sending *s, struct str bytes) suspends MUST_USE;
static struct err hear(struct stream *stream, struct reply *out) suspends MUST_USE;
static uint64_t id_in(struct str line);
static uint64_t below(struct sending *s, uint64_t bound);

struct err client_main(void *arg)
{
    struct client *c = arg;
    struct intake *in = c->intake;
    struct stream *stream = NULL;
    struct err e = OK;
    bool was_lmtp = false;
    for (size_t i = c->number; i < MAILS && e.kind != ERR_CANCELLED; i += CLIENTS) {
        struct mail *m = &in->mails[i];
        within_ms(SESSION_WAIT_MS);
        e = task_sleep_ms((int64_t)prng_below(&in->chance, PAUSE_MOST_MS));
        if (stream != NULL && (m->by_lmtp != was_lmtp || prng_below(&in->chance, 3) == 0)) {
            stream_close(stream);
            stream = NULL;
        }
        if (stream == NULL && !failed(e))
            e = connect_to(c, m, &stream);
        if (failed(e))
            continue;
        was_lmtp = m->by_lmtp;
        struct sending s = {.client = c, .in = in, .mail = m, .stream = stream};
        buf_init(&s.body, MESSAGE_BYTES_MAX);
        arena_init(&s.arena, 64 * KIB);
        e = send_mail(&s);
        buf_done(&s.body);
        arena_done(&s.arena);
        if (failed(e)) {
            stream_close(stream);
            stream = NULL;
        }
    }
    stream_close(stream);
    return e.kind == ERR_CANCELLED ? e : OK;
}

static struct err connect_to(struct client *c, const struct mail *m, struct stream **out)
{
    struct endpoint to = {.ip = intake_ip, .port = m->by_lmtp ? 24 : 25};
    struct err e = OK;
    struct reply r;
    for (int i = 0; i < TRIES_MAX; i++) {
        struct stream *stream = NULL;
        e = net_connect(&to, &(struct connect_options){.from = c->ip}, &stream);
        if (!failed(e))
            e = hear(stream, &r);
        if (!failed(e) && r.code == 220) {
            struct str hello =
                    m->by_lmtp ? S("LHLO client.example\r\n") : S("EHLO client.example\r\n");
            e = stream_write(stream, hello);
            if (!failed(e))
                e = stream_flush(stream);
            if (!failed(e))
                e = hear(stream, &r);
            if (!failed(e) && r.code == 250) {
                *out = stream;
                return OK;
            }
        }
        stream_close(stream);
        TRY(task_sleep_ms(500));
    }
    return fail(ERR_UNREACHABLE, "the server is never there");
}

static struct err send_mail(struct sending *s)
{
    mail_write(s->in, s->mail, &s->body);
    if (below(s, 4) == 0)
        sim_stream_segment(s->stream, 1 + below(s, 3000));
    TRY(envelope(s));
    if (s->mail->framing == BY_DATA)
        return send_data(s);
    return send_chunks(s);
}

static struct err envelope(struct sending *s)
{
    const struct mail *m = s->mail;
    struct buf line AUTO(buf_done);
    buf_init(&line, 8 * KIB);
    buf_fmt(&line, "MAIL FROM:<m%u@client.example>%s\r\n", m->number,
            m->number % 2 == 0 ? " BODY=8BITMIME" : "");
    for (size_t i = 0; i < m->rcpt_count; i++) {
        if (!m->pipelines) {
            struct reply r;
            TRY(say(s, buf_str(&line)));
            buf_clear(&line);
            TRY(hear(s->stream, &r));
            if (i > 0)
                s->mail->accepted[i - 1] = r.code == 250;
        }
        buf_fmt(&line, "RCPT TO:<%.*s>\r\n", ARG(mail_rcpt(&s->arena, m, i)));
    }
    TRY(stream_write(s->stream, buf_str(&line)));
    if (!m->pipelines) {
        struct reply r;
        TRY(stream_flush(s->stream));
        TRY(hear(s->stream, &r));
        s->mail->accepted[m->rcpt_count - 1] = r.code == 250;
    }
    return OK;
}

// The replies to what was sent all at once.
static struct err hear_envelope(struct sending *s)
{
    struct mail *m = s->mail;
    struct reply r;
    if (m->pipelines) {
        TRY(hear(s->stream, &r));
        for (size_t i = 0; i < m->rcpt_count; i++) {
            TRY(hear(s->stream, &r));
            m->accepted[i] = r.code == 250;
        }
    }
    s->accepted = 0;
    for (size_t i = 0; i < m->rcpt_count; i++)
        s->accepted += m->accepted[i];
    return OK;
}

static struct err send_data(struct sending *s)
{
    struct reply r;
    TRY(say(s, S("DATA\r\n")));
    TRY(hear_envelope(s));
    TRY(hear(s->stream, &r));
    if (r.code != 354) {
        for (size_t i = 0; i < s->mail->rcpt_count; i++)
            s->mail->fates[i] = FATE_REFUSED;
        TRY(say(s, S("RSET\r\n")));
        return hear(s->stream, &r);
    }
    TRY(send_dotted(s));
    return hear_end(s, false);
}

static struct err send_dotted(struct sending *s)
{
    struct str rest = buf_str(&s->body), line;
    size_t leave_at = below(s, 8) == 0 ? (size_t)below(s, rest.len) : SIZE_MAX;
    while (rest.len > 0) {
        size_t end = str_find(rest, S("\r\n"));
        line = str_upto(rest, end + 2);
        rest = str_from(rest, end + 2);
        if (line.ptr[0] == '.')
            TRY(stream_write(s->stream, S(".")));
        TRY(stream_write(s->stream, line));
        if (s->body.len - rest.len > leave_at) {
            leave_at = SIZE_MAX;
            TRY(pause_or_leave(s));
        }
    }
    leave_open(s);
    TRY(say(s, S(".\r\n")));
    return below(s, 16) == 0 ? pause_or_leave(s) : OK;
}

// Without waiting for replies between the chunks, when it pipelines.
static struct err send_chunks(struct sending *s)
{
    struct str rest = buf_str(&s->body);
    size_t open_replies = 0;
    bool has_failed = false, is_first = true;
    struct reply r;
    while (rest.len > 0) {
        size_t bytes = 1 + below(s, CHUNK_BYTES_MAX);
        struct str chunk = str_upto(rest, bytes);
        rest = str_from(rest, chunk.len);
        struct str word =
                arena_fmt(&s->arena, "BDAT %zu%s\r\n", chunk.len, rest.len == 0 ? " LAST" : "");
        TRY(stream_write(s->stream, word));
        if (rest.len == 0)
            leave_open(s);
        TRY(stream_write(s->stream, chunk));
        if (rest.len == 0)
            break;
        open_replies++;
        if (s->mail->pipelines)
            continue;
        TRY(stream_flush(s->stream));
        if (is_first)
            TRY(hear_envelope(s));
        is_first = false;
        TRY(hear(s->stream, &r));
        has_failed |= r.code != 250;
        open_replies--;
        if (below(s, 16) == 0)
            TRY(pause_or_leave(s));
    }
    TRY(stream_flush(s->stream));
    if (is_first)
        TRY(hear_envelope(s));
    for (; open_replies > 0; open_replies--) {
        TRY(hear(s->stream, &r));
        has_failed |= r.code != 250;
    }
    return hear_end(s, has_failed);
}

static struct err pause_or_leave(struct sending *s)
{
    TRY(stream_flush(s->stream));
    if (below(s, 2) == 0)
        return task_sleep_ms((int64_t)below(s, 3000));
    if (below(s, 2) == 0)
        sim_stream_abort(s->stream);
    return fail(ERR_CLOSED, "the client went away");
}

// From now on the server may have it.
static void leave_open(struct sending *s)
{
    for (size_t i = 0; i < s->mail->rcpt_count; i++)
        s->mail->fates[i] = FATE_OPEN;
}

// LMTP has a reply for each recipient that was accepted (RFC 2033 4.2), unless there is no message
// any more of which it could be.
static struct err hear_end(struct sending *s, bool one_for_all)
{
    struct mail *m = s->mail;
    struct reply r;
    bool each = m->by_lmtp && !one_for_all && s->accepted > 0;
    if (!each)
        TRY(hear(s->stream, &r));
    for (size_t i = 0; i < m->rcpt_count; i++) {
        if (!m->accepted[i]) {
            m->fates[i] = FATE_REFUSED;
            continue;
        }
        if (each)
            TRY(hear(s->stream, &r));
        note_fate(s, i, &r);
    }
    return OK;
}

static void note_fate(struct sending *s, size_t i, const struct reply *r)
{
    struct mail *m = s->mail;
    m->fates[i] = r->code == 250 ? FATE_ACKNOWLEDGED : FATE_REFUSED;
    if (r->code == 250 && m->id != 0 && m->id != r->id)
        intake_finding(s->in, "message %u has two names", m->number);
    if (r->code == 250)
        m->id = r->id;
    if (r->code != 250)
        intake_note(s->in, "message %u: %u", m->number, r->code);
}

static struct err say(struct sending *s, struct str bytes)
{
    TRY(stream_write(s->stream, bytes));
    return stream_flush(s->stream);
}

static struct err hear(struct stream *stream, struct reply *out)
{
    for (;;) {
        struct str line;
        uint64_t code = 0;
        TRY(stream_until(stream, S("\r\n"), REPLY_BYTES_MAX, &line));
        if (line.len < 6 || !str_to_u64(str_upto(line, 3), 599, &code))
            return fail(ERR_SYNTAX, "what the server says is no reply");
        if (line.ptr[3] == '-')
            continue;
        *out = (struct reply){.code = (unsigned)code, .id = id_in(line)};
        return OK;
    }
}

static uint64_t id_in(struct str line)
{
    uint64_t id = 0;
    struct str word = S("queued with id ");
    size_t at = str_find(line, word);
    return at != STR_NOT_FOUND && id_parse(str_part(line, at + word.len, ID_DIGITS), &id) ? id : 0;
}

static uint64_t below(struct sending *s, uint64_t bound)
{
    return prng_below(&s->in->chance, bound);
}
