// SPDX-License-Identifier: Apache-2.0
// smtp/client/starttls.c: STARTTLS up to the handshake (RFC 3207). Whatever a peer sends behind its
// 220 was written by somebody who could not yet see inside TLS and wants it taken for what was said
// there: such a connection is of no use (outbound.md 8.1).
#include "smtp/client/parts.h"

struct err client_starttls(struct smtp_client *c, struct arena *a, struct client_answer *out)
{
    const struct client_question q = {.stage = CLIENT_TLS,
            .expects = EXPECTS_220,
            .command = S("STARTTLS"),
            .wait_ms = c->options.timeouts->tls_ms};
    TRY(client_say(c, S("STARTTLS")));
    TRY(client_hear(c, a, &q, out));
    if (out->verdict == CLIENT_LOST)
        out->outcome.kind = FAILURE_TLS;
    if (out->verdict != CLIENT_GOOD || stream_buffered(c->stream).len == 0)
        return OK;
    c->gone = true;
    out->verdict = CLIENT_LOST;
    out->gone = true;
    out->outcome.kind = FAILURE_TLS;
    out->outcome.code = 0;
    out->outcome.enhanced = S("4.7.5");
    out->outcome.text = S("unencrypted bytes behind the reply to STARTTLS");
    return OK;
}
