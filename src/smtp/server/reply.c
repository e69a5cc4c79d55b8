// SPDX-License-Identifier: Apache-2.0
// smtp/reply.c: saying things to the client. The texts are in replies.def.
#include "smtp/session.h"

#include "rt/task.h"
#include "smtp/limits.h"

struct reply_row {
    int code;
    struct str enhanced, text;
};

static const struct reply_row rows[] = {
#define REPLY(id, code, enhanced, text, when) {code, S_INIT(enhanced), S_INIT(text)},
#include "smtp/replies.def"
};

static bool counts_as_error(int code);

struct err reply(struct smtp_session *s, enum reply_id id)
{
    const struct reply_row *row = &rows[id];
    struct str text = row->text, before, after;
    size_t at = str_find(text, S("{host}"));
    before = at == STR_NOT_FOUND ? text : str_upto(text, at);
    after = at == STR_NOT_FOUND ? S("") : str_from(text, at + S("{host}").len);
    struct str line =
            arena_fmt(&s->scratch, "%d %.*s %.*s%.*s%.*s\r\n", row->code, ARG(row->enhanced),
                    ARG(before), ARG(at == STR_NOT_FOUND ? S("") : s->options->host), ARG(after));
    if (str_is_null(line))
        return fail(ERR_LIMIT, "no memory for a reply");
    if (counts_as_error(row->code))
        s->result.errors++;
    return stream_write(s->stream, line);
}

// listeners.md 12.4. Whether that was one too many, the session asks after each command.
struct err reply_junk(struct smtp_session *s, enum reply_id id)
{
    if (!s->options->visit->logged_in)
        listen_offence(s->options->visit, OFFENCE_SCAN, STR_NULL);
    return reply(s, id);
}

// inbound.md 10.2: syntax and sequence errors count; refusals by policy do not.
static bool counts_as_error(int code)
{
    return code >= 500 && code <= 504;
}

void reply_and_leave(struct smtp_session *s, enum reply_id id, enum smtp_end end)
{
    within_ms(GOODBYE_WAIT_MS);
    s->over = true;
    s->result.end = end;
    arena_reset(&s->scratch);
    if (!failed(reply(s, id))) {
        struct err ignored = stream_end(s->stream); // the reply leaves with it
        (void)ignored; // the peer may be gone: there is nobody left to tell
    }
}

// RFC 5321 4.2: every line but the last has a hyphen behind the code.
struct err reply_greeting(struct smtp_session *s)
{
    const struct smtp_options *o = s->options;
    for (size_t i = 0; i < o->greeting_count; i++) {
        TRY(stream_write(s->stream, i + 1 < o->greeting_count ? S("220-") : S("220 ")));
        TRY(stream_write(s->stream, o->greeting[i]));
        TRY(stream_write(s->stream, S("\r\n")));
    }
    return stream_flush(s->stream);
}

struct err reply_hello(struct smtp_session *s, bool extended)
{
    const struct smtp_options *o = s->options;
    struct str line = arena_fmt(&s->scratch, "250 %.*s\r\n", ARG(o->host));
    if (extended) {
        bool offer_tls = !s->tls_on && listen_offers_tls(o->visit);
        line = arena_fmt(&s->scratch,
                "250-%.*s Hello [%.*s]\r\n250-PIPELINING\r\n%s"
                "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 HELP\r\n",
                ARG(o->host), ARG(ip_text(&s->scratch, &o->visit->client.ip)),
                offer_tls ? "250-STARTTLS\r\n" : "");
    }
    if (str_is_null(line))
        return fail(ERR_LIMIT, "no memory for a reply");
    return stream_write(s->stream, line);
}
