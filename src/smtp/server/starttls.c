// SPDX-License-Identifier: Apache-2.0
// smtp/server/starttls.c: STARTTLS (RFC 3207; inbound.md 4.4).
#include "smtp/server/stages.h"

#include "rt/rt.h"
#include "smtp/server/verify.h"

static struct err injected(struct smtp_session *s) suspends;

// RFC 3207 4. What came in front of the handshake must not be believed after it: octets behind the
// command are an attack or a mistake, and all that was said before it is forgotten.
struct err stage_starttls(struct smtp_session *s, struct str args)
{
    s->stage = STAGE_OTHER;
    if (stream_buffered(s->stream).len > 0)
        return injected(s);
    if (!str_is_empty(args))
        return reply(s, REPLY_NO_PARAMETERS);
    if (s->tls_on) {
        event_in(s->options->span, EV_SMTP_START_TLS_ALREADY);
        return reply(s, REPLY_TLS_ALREADY);
    }
    if (s->visit->listener->tls_context == NULL) {
        event_in(s->options->span, EV_SMTP_START_TLS_UNAVAILABLE);
        return reply(s, REPLY_NO_TLS);
    }
    if (!listen_offers_tls(s->visit))
        return reply(s, REPLY_TLS_TROUBLE);
    session_drop_transaction(s);
    TRY(reply(s, REPLY_READY_FOR_TLS));
    TRY(session_flush(s));
    struct err e = listen_handshake(s->visit, &s->scratch);
    if (failed(e)) {
        s->over = true;
        s->result.end = SMTP_END_TLS_FAILED;
        return OK; // RFC 3207 4: no reply can be trusted to reach the peer
    }
    s->tls_on = s->result.tls = true;
    s->hello = HELLO_NONE;
    buf_clear(&s->helo);
    s->account = NULL; // RFC 3207 4.2: whoever logged in before it may have been somebody else
    s->account_name = S("");
    s->visit->logged_in = false;
    spf_forget(s);
    session_set_pace(s);
    event_in(
            s->options->span, EV_SMTP_START_TLS, F_STR(version, visit_tls_facts(s->visit).version));
    return OK;
}

static struct err injected(struct smtp_session *s)
{
    stream_consume(s->stream, stream_buffered(s->stream).len);
    listen_offence(s->visit, OFFENCE_SCAN, STR_NULL);
    reply_and_leave(s, REPLY_TLS_INJECTION, SMTP_END_INJECTION);
    return OK;
}
