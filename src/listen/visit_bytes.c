// SPDX-License-Identifier: Apache-2.0
// listen/visit_bytes.c: what comes before the protocol: the header of a trusted proxy (listeners.md
// 11), and first bytes that are not the protocol's at all (4, 11.5). Bytes are only looked at: what
// belongs to TLS or to the protocol stays in the stream.
#include "listen/visit_state.h"

#include "rt/clock.h"
#include "rt/task.h"

#define TLS_HANDSHAKE_RECORD 0x16    // RFC 8446 5.1
#define FIRST_BYTE_WAIT_MS SECOND_MS // proxy.mode = "optional" where we speak first

static bool header_is_optional(const struct visit *v);
static struct err peek_header(
        struct visit *v, struct proxy_header *out, struct str *out_wrong) suspends;
static bool header_failed(struct visit *v, struct err e, struct str wrong);
static bool take_header(struct visit *v, const struct proxy_header *h);
static struct str keep(struct proxied *p, size_t *used, struct str text);
static bool may_become(struct str have, struct str whole);

// listeners.md 11.1, the column "peer in networks".
bool visit_read_header(struct visit *v)
{
    struct proxy_header header;
    struct str wrong = STR_NULL;
    struct err e;
    {
        bool we_speak_first = v->listener->protocol != LISTEN_HTTP && !v->listener->tls.implicit;
        bool short_wait = header_is_optional(v) && we_speak_first &&
                          v->listener->proxy_timeout_ms > FIRST_BYTE_WAIT_MS;
        struct str any;
        nudgeable(); // a server that shuts down need not wait for it
        within_ms(v->listener->proxy_timeout_ms);
        {
            within_ms(short_wait ? FIRST_BYTE_WAIT_MS : v->listener->proxy_timeout_ms);
            e = stream_peek(v->stream, 1, &any);
        }
        if (e.kind == ERR_TIMEOUT && header_is_optional(v))
            return true;
        if (!failed(e))
            e = peek_header(v, &header, &wrong);
    }
    if (!failed(e) && str_is_null(wrong))
        return take_header(v, &header);
    if (!failed(e) && wrong.len == 0)
        return true; // optional, and there is none
    return header_failed(v, e, wrong);
}

static bool header_is_optional(const struct visit *v)
{
    return v->listener->proxy_mode == PROXY_MODE_OPTIONAL;
}

// *out_wrong: null for a good header, empty for none where none is needed.
static struct err peek_header(struct visit *v, struct proxy_header *out, struct str *out_wrong)
{
    struct str bytes = stream_buffered(v->stream), reason = STR_NULL;
    for (;;) {
        switch (proxy_parse(bytes, out, &reason)) {
        case PROXY_OK:
            return OK;
        case PROXY_NEED_MORE:
            break;
        case PROXY_ABSENT:
            *out_wrong = header_is_optional(v) ? S("") : reason;
            return OK;
        case PROXY_MALFORMED:
            *out_wrong = reason;
            return OK;
        }
        TRY(stream_peek(v->stream, bytes.len + 1, &bytes));
    }
}

// A balancer that asks whether we live connects and leaves without a byte: nobody's error.
static bool header_failed(struct visit *v, struct err e, struct str wrong)
{
    bool nothing_came = stream_figures(v->stream).bytes_in == 0;
    if (e.kind == ERR_CANCELLED)
        return false;
    if ((e.kind == ERR_CLOSED || e.kind == ERR_RESET) && nothing_came) {
        event(v->process->log, EV_NETWORK_CLOSED, F_STR(details, S("a proxy's health check")));
        return false;
    }
    if (e.kind == ERR_TIMEOUT)
        listen_offence(v, OFFENCE_LOITER, STR_NULL);
    if (failed(e))
        wrong = e.kind == ERR_TIMEOUT ? S("no whole header within proxy.timeout") : err_text(e);
    visit_proxy_error(v, wrong);
    return false;
}

void visit_proxy_error(struct visit *v, struct str reason)
{
    visit_count_refusal(v, REFUSAL_PROXY);
    event(v->process->log, EV_NETWORK_PROXY_ERROR, F_STR(listenerId, v->listener->id),
            F_IP(localIp, &v->local.ip), F_U64(localPort, v->local.port),
            F_IP(remoteIp, &v->peer.ip), F_STR(reason, reason));
}

static bool take_header(struct visit *v, const struct proxy_header *h)
{
    size_t used = 0;
    if (h->has_addresses || h->ssl.given) {
        v->proxied = mem_new(struct proxied);
        if (v->proxied == NULL)
            return false;
    }
    if (h->has_addresses) {
        v->client = h->source;
        v->client.ip = ip_unmap(v->client.ip);
        v->proxied->destination = h->destination;
    }
    if (v->proxied != NULL) {
        v->proxied->sni = keep(v->proxied, &used, h->authority);
        v->proxied->unique_id = keep(v->proxied, &used, h->unique_id);
        v->proxied->tls_version = keep(v->proxied, &used, h->ssl.version);
        v->proxied->tls_cipher = keep(v->proxied, &used, h->ssl.cipher);
    }
    v->tls_by_proxy =
            h->ssl.given && (h->ssl.client & PROXY_SSL_TLS) != 0 && v->listener->proxy_trust_tls;
    stream_consume(v->stream, h->consumed);
    return true;
}

static struct str keep(struct proxied *p, size_t *used, struct str text)
{
    struct str cut = str_upto(text, sizeof(p->texts) / 4 - 1);
    char *at = p->texts + *used;
    if (cut.len > 0)
        memcpy(at, cut.ptr, cut.len);
    *used += cut.len;
    return str_of(at, cut.len);
}

struct err listen_first_bytes(struct visit *v, enum first_bytes *out)
{
    struct str bytes;
    *out = FIRST_PLAIN;
    TRY(stream_peek(v->stream, 1, &bytes));
    if (bytes.ptr[0] == TLS_HANDSHAKE_RECORD && v->listener->protocol != LISTEN_HTTP) {
        *out = FIRST_TLS;
        event(v->process->log, EV_TLS_ON_CLEARTEXT_PORT, F_STR(listenerId, v->listener->id),
                F_IP(remoteIp, &v->client.ip));
        listen_offence(v, OFFENCE_SCAN, STR_NULL);
        return OK;
    }
    if (v->listener->proxy_mode == PROXY_MODE_OFF || v->by_trusted_proxy)
        return OK;
    while (!proxy_signature_is_there(bytes)) {
        if (!may_become(bytes, S("PROXY TCP")) && !may_become(bytes, S("PROXY UNKNOWN")) &&
                !may_become(bytes, S("\r\n\r\n\0\r\nQUIT\n")))
            return OK;
        TRY(stream_peek(v->stream, bytes.len + 1, &bytes));
    }
    *out = FIRST_PROXY;
    visit_proxy_error(v, S("header from untrusted peer"));
    listen_offence(v, OFFENCE_SCAN, STR_NULL);
    return OK;
}

static bool may_become(struct str have, struct str whole)
{
    return have.len < whole.len && str_starts(whole, have);
}
