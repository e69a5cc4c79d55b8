// SPDX-License-Identifier: Apache-2.0
// listen/visit_tls.c: the handshake, from the first byte or after STARTTLS (listeners.md 8), and
// what it leaves behind in events and metrics.
#include "listen/visit_state.h"

#include "rt/clock.h"
#include "rt/task.h"
#include "rt/tls.h"

#define TLS_HANDSHAKE_RECORD 0x16
#define TEXT_BYTES_MAX 256
#define GOODBYE_BYTES_MAX 4096
#define GOODBYE_WAIT_MS SECOND_MS

static struct err check_first_bytes(struct visit *v) suspends;
static bool speaks_http(struct str bytes);
static void answer_http(struct visit *v) suspends;
static void tell_success(struct visit *v, int64_t elapsed_ms);
static void tell_failure(struct visit *v, struct err e, int64_t elapsed_ms);
static void count(struct visit *v, enum tls_version_label version, enum result_label result);
static enum tls_version_label version_of(const SSL *ssl);

struct err listen_handshake(struct visit *v, struct arena *a)
{
    const struct listener *l = v->listener;
    int64_t began_ms = now_ms();
    struct err e;
    assert(l->tls_context != NULL);
    {
        nudgeable(); // listeners.md 15.5: a server that shuts down breaks handshakes off
        within_ms(l->tls.timeout_ms);
        e = l->tls.implicit ? check_first_bytes(v) : OK;
        if (!failed(e))
            e = stream_tls(v->stream, tls_context_ssl(l->tls_context), TLS_SERVER, S(""), a);
    }
    if (failed(e)) {
        tell_failure(v, e, now_ms() - began_ms);
        return e;
    }
    v->tls_on = true;
    tell_success(v, now_ms() - began_ms);
    return OK;
}

bool listen_offers_tls(const struct visit *v)
{
    const struct listener *l = v->listener;
    return l->tls_context != NULL && !v->tls_on && !v->tls_by_proxy &&
           tls_context_is_ready(l->tls_context);
}

// listeners.md 4: what does not begin like TLS is closed without a word, except that HTTP gets one.
static struct err check_first_bytes(struct visit *v)
{
    enum first_bytes first = FIRST_PLAIN;
    struct str bytes;
    TRY(stream_peek(v->stream, 1, &bytes));
    if (bytes.ptr[0] == TLS_HANDSHAKE_RECORD)
        return OK;
    TRY(listen_first_bytes(v, &first));
    if (first != FIRST_PLAIN)
        return fail(ERR_REFUSED, "a PROXY header from an untrusted peer");
    if (v->listener->protocol == LISTEN_HTTP && speaks_http(stream_buffered(v->stream)))
        answer_http(v);
    listen_offence(v, OFFENCE_SCAN, STR_NULL);
    return fail(ERR_SYNTAX, "the client does not speak TLS");
}

// token SP: a method of any name (RFC 9110 9.1) is enough to tell HTTP from noise.
static bool speaks_http(struct str bytes)
{
    struct scan in = scan_over(bytes);
    struct str method;
    return scan_while(&in, byte_is_upper, &method) && method.len >= 3 && scan_byte(&in, ' ');
}

static void answer_http(struct visit *v)
{
    within_ms(GOODBYE_WAIT_MS);
    struct err e = stream_write(v->stream,
            S("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n"
              "Connection: close\r\n\r\nThis port speaks TLS\n"));
    if (!failed(e) && !failed(stream_end(v->stream)))
        stream_drain(v->stream, GOODBYE_BYTES_MAX);
}

static void tell_success(struct visit *v, int64_t elapsed_ms)
{
    struct tls_facts facts;
    struct arena a AUTO(arena_done);
    arena_init(&a, SCRATCH_BYTES_MAX);
    SSL *ssl = stream_ssl(v->stream);
    tls_facts_of(ssl, &facts);
    count(v, version_of(ssl), facts.resumed ? RESULT_RESUMED : RESULT_OK);
    metric_observe(v->process->metrics, METRIC_TLS_HANDSHAKE_TIME, NO_LABELS, (uint64_t)elapsed_ms);
    struct str details = arena_fmt(&a, "%.*s%s%.*s%s%.*s%s%s", ARG(facts.cipher),
            facts.group.len > 0 ? ", " : "", ARG(facts.group), facts.alpn.len > 0 ? ", ALPN " : "",
            ARG(facts.alpn), facts.resumed ? ", resumed" : "",
            facts.client_verified ? ", client certificate" : "");
    event(v->process->log, EV_TLS_HANDSHAKE, F_STR(listenerId, v->listener->id),
            F_IP(remoteIp, &v->client.ip), F_STR(version, facts.version), F_STR(details, details),
            F_STR(hostname, facts.sni), F_MS(elapsed, elapsed_ms));
}

// One that the client broke off is nobody's offence; one that it let hang is loitering.
static void tell_failure(struct visit *v, struct err e, int64_t elapsed_ms)
{
    bool timeout = e.kind == ERR_TIMEOUT;
    count(v, TLS_VERSION_NONE, timeout ? RESULT_TIMEOUT : RESULT_FAILED);
    if (timeout)
        listen_offence(v, OFFENCE_LOITER, STR_NULL);
    event(v->process->log, EV_TLS_HANDSHAKE_ERROR, F_STR(listenerId, v->listener->id),
            F_IP(remoteIp, &v->client.ip),
            F_STR(reason, timeout ? S("no handshake within tls.timeout") : err_text(e)),
            F_U64(size, stream_figures(v->stream).bytes_in), F_MS(elapsed, elapsed_ms));
}

static void count(struct visit *v, enum tls_version_label version, enum result_label result)
{
    metric_add(v->process->metrics, METRIC_TLS_HANDSHAKES,
            LABELS(visit_state(v)->label, version, result), 1);
}

static enum tls_version_label version_of(const SSL *ssl)
{
    return SSL_version(ssl) == TLS1_3_VERSION ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
}
