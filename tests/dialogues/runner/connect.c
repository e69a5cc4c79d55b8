// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/connect.c: connections of the script, to the server and from it, and TLS
// on them.
#include "authority.h"
#include "runner.h"

#include "rt/tls.h"

#include <openssl/x509v3.h>

#define TLS_TEXT_BYTES 4096

struct context_wish { // deep_call takes one argument
    struct runner *r;
    const struct tls_words *words;
    char role;
    int64_t wall_ms;
    SSL_CTX *context;
};

static struct err talk_begin(struct runner *r, const struct step *step, struct stream *s);
static void make_context(void *arg);
static struct err check_tls(struct runner *r, const struct step *step);
static struct err check_certificate(struct runner *r, const struct step *step, SSL *ssl);
static struct err check_failure(struct runner *r, const struct step *step, struct err e);

struct err play_connect(struct runner *r, const struct step *step)
{
    struct stream *s = NULL;
    struct endpoint to = step->at;
    TRY(play_start_server(r));
    if (to.ip.family == IP_NONE && str_is_null(to.unix_path))
        to.ip = step->from.family == IP_V6 ? (struct ip){IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 0x25}}
                                           : (struct ip){IP_V4, {198, 51, 100, 25}};
    struct err e;
    {
        within_ms(SOON_MS);
        e = net_connect(&to, &(struct connect_options){.from = step->from}, &s);
    }
    if (failed(e))
        return wrong(r, step->line, "no connection: %.*s", ARG(err_text(e)));
    TRY(talk_begin(r, step, s));
    return step->tls.wanted ? play_tls(r, step) : OK;
}

static struct err talk_begin(struct runner *r, const struct step *step, struct stream *s)
{
    assert(r->talk_count < TALKS_MAX); // the reader counts
    r->talk = &r->talks[r->talk_count++];
    *r->talk = (struct talk){.name = step->name,
            .role = step->kind == STEP_CONNECT ? 'C' : 'S',
            .stream = s,
            .line = step->line};
    if (r->segment_bytes > 0)
        sim_stream_segment(s, r->segment_bytes);
    note(r, "%.*s %s %.*s", ARG(step->name), step->kind == STEP_CONNECT ? "connected to" : "from",
            ARG(endpoint_text(&r->arena, stream_peer(s))));
    return OK;
}

// The script listens from the beginning of the case: how early the server may connect is said by
// the line's time, not by when the line is reached.
struct err waiting_open(struct runner *r)
{
    each_in_vec (step, &r->now->steps) {
        bool known = step->kind != STEP_ACCEPT;
        each_in_vec (w, &r->waiting) {
            known |= endpoint_eq(&w->at, &step->at);
        }
        if (known)
            continue;
        struct waiting *w = vec_add(&r->arena, &r->waiting);
        if (w == NULL)
            return fail(ERR_LIMIT, "no memory for a listener");
        w->at = step->at;
        TRY(sim_listen_on(r->sim, NULL, &step->at, &(struct listen_options){0}, &w->acceptor));
    }
    return OK;
}

struct err play_accept(struct runner *r, const struct step *step)
{
    struct stream *s = NULL;
    struct err e = fail(ERR_NOT_FOUND, "nobody listens there");
    int64_t began_ms = now_ms();
    TRY(play_start_server(r));
    each_in_vec (w, &r->waiting) {
        within_ms(patience_ms(&step->when));
        if (endpoint_eq(&w->at, &step->at))
            e = net_accept(w->acceptor, &s);
    }
    if (e.kind == ERR_TIMEOUT)
        return wrong(r, step->line, "expected  a connection to %.*s\n    got       none",
                ARG(endpoint_text(&r->arena, &step->at)));
    if (failed(e))
        return wrong(r, step->line, "accepting failed: %.*s", ARG(err_text(e)));
    TRY(talk_begin(r, step, s));
    TRY(check_time(r, step, now_ms() - began_ms));
    return step->tls.wanted ? play_tls(r, step) : OK;
}

// --- TLS -----------------------------------------------------------------------------------------

struct err play_tls(struct runner *r, const struct step *step)
{
    struct arena texts AUTO(arena_done);
    arena_init(&texts, TLS_TEXT_BYTES);
    if (r->talk == NULL || r->talk->over)
        return wrong(r, step->line, "there is no connection for TLS");
    struct talk *t = r->talk;
    struct context_wish wish = {.r = r, .words = &step->tls, .role = t->role, .wall_ms = wall_ms()};
    deep_call(make_context, &wish);
    if (wish.context == NULL)
        return fail(ERR_LIMIT, "no TLS context could be made");
    struct err e;
    {
        within_ms(SOON_MS);
        struct str sni = str_is_null(step->tls.sni) ? S("") : step->tls.sni;
        e = stream_tls(
                t->stream, wish.context, t->role == 'C' ? TLS_CLIENT : TLS_SERVER, sni, &texts);
    }
    SSL_CTX_free(wish.context);
    if (failed(e) || step->tls.fails)
        return check_failure(r, step, e);
    note(r, "%.*s TLS %s", ARG(t->name), SSL_get_version(stream_ssl(t->stream)));
    return check_tls(r, step);
}

static int version_number(struct str version)
{
    static const struct {
        struct str name;
        int number;
    } versions[] = {{S_INIT("TLSv1"), TLS1_VERSION}, {S_INIT("TLSv1.1"), TLS1_1_VERSION},
            {S_INIT("TLSv1.2"), TLS1_2_VERSION}, {S_INIT("TLSv1.3"), TLS1_3_VERSION}};
    for (size_t i = 0; i < COUNT_OF(versions); i++)
        if (str_eq(versions[i].name, version))
            return versions[i].number;
    return 0;
}

static void make_context(void *arg)
{
    struct context_wish *w = arg;
    struct str name = str_is_null(w->words->cert) ? S("test.example") : w->words->cert;
    w->context = w->role == 'C' ? authority_client(w->r->authority, w->wall_ms)
                                : authority_server(w->r->authority, name);
    int version = version_number(w->words->version);
    if (w->context == NULL || version == 0)
        return;
    if (version < TLS1_2_VERSION) // OpenSSL has no ciphers for them at its usual level
        SSL_CTX_set_cipher_list(w->context, "DEFAULT:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(w->context, version);
    SSL_CTX_set_max_proto_version(w->context, version);
}

static struct err check_failure(struct runner *r, const struct step *step, struct err e)
{
    struct str text = err_text(e);
    if (failed(e) && !step->tls.fails)
        return wrong(r, step->line, "the handshake failed: %.*s", ARG(text));
    if (!failed(e))
        return wrong(r, step->line, "expected  the handshake to fail\n    got       %s",
                SSL_get_version(stream_ssl(r->talk->stream)));
    if (step->tls.reason.len > 0 && !str_contains(text, step->tls.reason))
        return wrong(r, step->line, "expected  a failure with \"%.*s\"\n    got       %.*s",
                ARG(step->tls.reason), ARG(text));
    note(r, "%.*s TLS failed: %.*s", ARG(r->talk->name), ARG(text));
    r->talk->over = true; // nothing can be said on it any more
    return OK;
}

static struct err check_tls(struct runner *r, const struct step *step)
{
    SSL *ssl = stream_ssl(r->talk->stream);
    const struct tls_words *w = &step->tls;
    struct str version = str_from_c(SSL_get_version(ssl));
    if (!str_is_null(w->expect) && !str_eq(w->expect, version))
        return wrong(
                r, step->line, "expected  %.*s\n    got       %.*s", ARG(w->expect), ARG(version));
    if (r->talk->role == 'C')
        return str_is_null(w->cert) ? OK : check_certificate(r, step, ssl);
    struct str sni = str_from_c(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (!str_is_null(w->sni) && !str_eq(w->sni, sni))
        return wrong(r, step->line, "expected  the server name %.*s\n    got       %.*s",
                ARG(w->sni), ARG(sni));
    return OK;
}

// cert=NAME of a client: the server shows a certificate of the test CA for that name.
static struct err check_certificate(struct runner *r, const struct step *step, SSL *ssl)
{
    X509 *x = SSL_get0_peer_certificate(ssl);
    struct str name = step->tls.cert;
    if (x == NULL || X509_check_host(x, name.ptr, name.len, 0, NULL) != 1)
        return wrong(r, step->line, "the certificate is not one for %.*s", ARG(name));
    long result = SSL_get_verify_result(ssl);
    if (result != X509_V_OK)
        return wrong(r, step->line, "the certificate is not good: %s",
                X509_verify_cert_error_string(result));
    return OK;
}
