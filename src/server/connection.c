// SPDX-License-Identifier: Apache-2.0
// server/connection.c: the life of a connection (listeners.md 1): the listener lets it in or not,
// the protocol, the end.
#include "server/worker_state.h"

#include "smtp/smtp.h"

static struct err speak(struct connection *c) suspends;
static void speak_smtp(struct connection *c) suspends;

struct err connection_serve(void *arg)
{
    struct connection *c = arg;
    task_describe("connection", c->listener);
    if (listen_admit(c->worker->listen, c->listener->settings, c->stream, &c->visit)) {
        struct err ignored = speak(c);
        (void)ignored; // it was told as an event where it happened
    }
    listen_leave(&c->visit);
    stream_close(c->stream);
    task_session(0, NULL);
    mem_free(c);
    return OK;
}

static struct err speak(struct connection *c)
{
    switch (c->listener->settings->protocol) {
    case LISTEN_SMTP:
    case LISTEN_LMTP:
        speak_smtp(c);
        break;
    case LISTEN_HTTP:
        return connection_http(c);
    case LISTEN_IMAP:
    case LISTEN_POP3:
    case LISTEN_MANAGESIEVE:
        break; // the configuration refuses them
    }
    return OK;
}

static void speak_smtp(struct connection *c)
{
    const struct listener *l = c->listener->settings;
    struct smtp_options options = {
            .kind = l->protocol == LISTEN_LMTP ? SMTP_LMTP : SMTP_PLAIN,
            .service = &c->worker->mail.service,
            .visit = &c->visit,
    };
    int64_t began_ms = now_ms();
    struct span span;
    options.span = &span;
    span_begin(&span, c->worker->log, EV_SMTP_CONNECTION_START, F_STR(listenerId, l->id),
            F_U64(localPort, c->visit.local.port), F_IP(remoteIp, &c->visit.client.ip),
            F_U64(remotePort, c->visit.client.port));
    task_session(span.id, &c->visit.client);
    metric_gauge_add(c->worker->metrics, METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, 1);
    struct smtp_session_result result = smtp_serve(c->stream, &options);
    metric_gauge_add(c->worker->metrics, METRIC_SMTP_ACTIVE_CONNECTIONS, NO_LABELS, -1);
    if (result.end == SMTP_END_TIMEOUT)
        event_in(&span, EV_NETWORK_TIMEOUT, F_MS(elapsed, now_ms() - began_ms));
    else if (result.end == SMTP_END_CLOSED)
        event_in(&span, EV_NETWORK_CLOSED, F_STR(details, S("by the client")));
    struct stream_figures figures = stream_figures(c->stream);
    event_in(&span, EV_SMTP_CONNECTION_END, F_MS(elapsed, now_ms() - began_ms),
            F_U64(sizeIn, figures.bytes_in), F_U64(sizeOut, figures.bytes_out),
            F_U64(total, result.messages), F_STR(reason, smtp_end_text(result.end)));
}
