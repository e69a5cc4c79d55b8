// SPDX-License-Identifier: Apache-2.0
// server/connection.c: the life of a connection (listeners.md 1), in order: a slot, TLS if it comes
// first, the protocol, the end.
#include "server/worker_state.h"

#include "rt/tls.h"
#include "smtp/smtp.h"

#include <stdatomic.h>

#define REFUSAL_DRAIN_BYTES 4096
#define REFUSAL_WAIT_MS 1000
#define SCRATCH_BYTES_MAX 4096

static bool slots_take(struct connection *c);
static void slots_give(struct connection *c);
static void refuse(struct connection *c) suspends;
static struct err protocol(struct connection *c) suspends;
static struct err tls_first(struct connection *c, struct arena *a) suspends;
static void speak_smtp(struct connection *c) suspends;

struct err connection_serve(void *arg)
{
    struct connection *c = arg;
    struct server_shared *shared = c->worker->start->shared;
    task_describe("connection", c->listener);
    atomic_fetch_add_explicit(&shared->accepted, 1, memory_order_relaxed);
    if (slots_take(c)) {
        struct err ignored = protocol(c);
        (void)ignored; // it was told as an event where it happened
        slots_give(c);
    } else {
        atomic_fetch_add_explicit(&shared->refused, 1, memory_order_relaxed);
        refuse(c);
    }
    stream_close(c->stream);
    mem_free(c);
    return OK;
}

static bool slots_take(struct connection *c)
{
    const struct worker_start *start = c->worker->start;
    struct server_shared *shared = start->shared;
    if (!shared_count_take(
                &shared->connections, start->column, start->plan->listen.connections_max))
        return false;
    if (shared_count_take(&shared->listener_connections[c->listener->settings->slot], start->column,
                c->listener->settings->connections_max))
        return true;
    shared_count_give(&shared->connections, start->column);
    return false;
}

static void slots_give(struct connection *c)
{
    const struct worker_start *start = c->worker->start;
    shared_count_give(
            &start->shared->listener_connections[c->listener->settings->slot], start->column);
    shared_count_give(&start->shared->connections, start->column);
}

// listeners.md 7.3: one write that cannot wait, never TLS, then a short drain so that the text is
// not lost to a reset.
static void refuse(struct connection *c)
{
    const struct plan_listener *l = c->listener;
    const struct ip *peer = &stream_peer(c->stream)->ip;
    event(c->worker->log, EV_LIMIT_CONCURRENT_CONNECTION, F_STR(listenerId, l->id),
            F_IP(remoteIp, peer), F_U64(limit, l->settings->connections_max));
    if (l->settings->tls.implicit)
        return;
    struct arena a;
    arena_init(&a, SCRATCH_BYTES_MAX);
    struct str text = l->settings->protocol == LISTEN_HTTP
                              ? S("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                                  "Content-Length: 0\r\nConnection: close\r\n\r\n")
                              : arena_fmt(&a, "421 4.3.2 %.*s Too many connections.\r\n",
                                        ARG(l->settings->host));
    within_ms(REFUSAL_WAIT_MS);
    if (!failed(stream_write(c->stream, text)) && !failed(stream_end(c->stream)))
        stream_drain(c->stream, REFUSAL_DRAIN_BYTES);
    arena_done(&a);
}

static struct err protocol(struct connection *c)
{
    if (c->listener->settings->tls.implicit) {
        struct arena a;
        arena_init(&a, SCRATCH_BYTES_MAX);
        struct err e = tls_first(c, &a);
        arena_done(&a);
        TRY(e);
    }
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

static struct err tls_first(struct connection *c, struct arena *a)
{
    struct server_shared *shared = c->worker->start->shared;
    const struct listener *l = c->listener->settings;
    struct err e;
    {
        within_ms(l->tls.timeout_ms);
        e = stream_tls(c->stream, tls_context_ssl(l->tls_context), TLS_SERVER, S(""), a);
    }
    atomic_fetch_add_explicit(
            failed(e) ? &shared->handshake_failures : &shared->handshakes, 1, memory_order_relaxed);
    if (failed(e))
        event(c->worker->log, EV_TLS_HANDSHAKE_ERROR, F_STR(listenerId, l->id),
                F_IP(remoteIp, &stream_peer(c->stream)->ip), F_ERR(reason, e));
    return e;
}

static void speak_smtp(struct connection *c)
{
    const struct listener *l = c->listener->settings;
    bool offers =
            l->tls_context != NULL && !l->tls.implicit && tls_context_is_ready(l->tls_context);
    struct smtp_options options = {
            .kind = l->protocol == LISTEN_LMTP ? SMTP_LMTP : SMTP_PLAIN,
            .host = l->host,
            .greeting = l->greeting,
            .greeting_count = l->greeting_count,
            .client = stream_peer(c->stream)->ip,
            .tls = offers ? l->tls_context : NULL,
            .tls_wait_ms = l->tls.timeout_ms,
            .tls_on = l->tls.implicit,
            .tls_required = l->tls.require,
    };
    int64_t began_ms = now_ms();
    struct span span;
    span_begin(&span, c->worker->log, EV_SMTP_CONNECTION_START, F_STR(listenerId, l->id),
            F_IP(remoteIp, &options.client), F_U64(remotePort, stream_peer(c->stream)->port));
    struct smtp_session_result result = smtp_serve(c->stream, &options);
    event_in(&span, EV_SMTP_CONNECTION_END, F_MS(elapsed, now_ms() - began_ms),
            F_STR(reason, smtp_end_text(result.end)));
}
