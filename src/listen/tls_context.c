// SPDX-License-Identifier: Apache-2.0
// listen/tls_context.c: making a listener's SSL_CTX. It carries the certificate for clients that
// name no host; for the others tls_hello.c gives another one to the single connection.
#include "listen/tls_context_state.h"

#include "listen/pem.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#define CLIENT_CHAIN_BYTES_MAX (64 * KIB) // of a client's certificates
#define CLIENT_CHAIN_DEPTH_MAX 8

static struct err build(const struct tls_context *t, struct arena *a, struct certificates *all,
        SSL_CTX **out, struct certificate_choice *out_preset);
static struct err set_up(const struct tls_context *t, struct arena *a, SSL_CTX *ssl);
static struct err set_offer(const struct tls_settings *s, struct arena *a, SSL_CTX *ssl);
static struct err set_sessions(const struct tls_context *t, struct arena *a, SSL_CTX *ssl);
static struct err set_client_auth(const struct tls_settings *s, struct arena *a, SSL_CTX *ssl);
static struct err trust_add(struct arena *a, const struct pem_block *block, SSL_CTX *ssl);
static int accept_any_client(int is_good, X509_STORE_CTX *context);
static struct err set_certificates(
        struct arena *a, SSL_CTX *ssl, const struct certificate_choice *choice);
static int ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
        EVP_MAC_CTX *mac, int seal);
static struct err openssl_error(struct arena *a, const char *what);

struct err tls_context_make(
        struct arena *a, const struct tls_context_options *options, struct tls_context **out)
{
    struct tls_context *t = mem_new(struct tls_context);
    if (t == NULL)
        return fail(ERR_LIMIT, "no memory for a TLS context");
    t->settings = options->settings;
    t->protocol = options->protocol;
    t->listener = options->listener;
    t->clock_ms = options->clock_ms;
    t->made_at_ms = options->wall_now_ms;
    struct err e = tickets_init(&t->tickets, options->ticket_secret)
                           ? build(t, a, options->certificates, &t->ssl, &t->preset)
                           : openssl_error(a, "making ticket keys");
    if (failed(e)) {
        tls_context_free(t);
        return e;
    }
    t->certificates = certificates_ref(options->certificates);
    *out = t;
    return OK;
}

void tls_context_free(struct tls_context *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->ssl);
    certificates_unref(t->certificates);
    tickets_done(&t->tickets);
    mem_free(t);
}

SSL_CTX *tls_context_ssl(const struct tls_context *t)
{
    return t->ssl;
}

bool tls_context_is_ready(const struct tls_context *t)
{
    return t->preset.found != FOUND_NONE;
}

// The SSL_CTX that goes is freed by the last connection that began with it.
struct err tls_context_renew(struct tls_context *t, struct arena *a, struct certificates *all)
{
    SSL_CTX *ssl;
    struct certificate_choice preset;
    t->made_at_ms = tls_context_now_ms(t);
    TRY(build(t, a, all, &ssl, &preset));
    SSL_CTX_free(t->ssl);
    t->ssl = ssl;
    t->preset = preset;
    struct certificates *before = t->certificates;
    t->certificates = certificates_ref(all);
    certificates_unref(before);
    return OK;
}

void tls_context_log(struct tls_context *t, struct event_log *log)
{
    t->log = log;
}

static struct err build(const struct tls_context *t, struct arena *a, struct certificates *all,
        SSL_CTX **out, struct certificate_choice *out_preset)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (ssl == NULL)
        return openssl_error(a, "making a TLS context");
    ERR_clear_error();
    struct err e = set_up(t, a, ssl);
    if (!failed(e)) {
        certificates_select(all, &t->settings->rules, S(""), t->made_at_ms, out_preset);
        e = set_certificates(a, ssl, out_preset);
    }
    if (failed(e)) {
        SSL_CTX_free(ssl);
        return e;
    }
    *out = ssl;
    return OK;
}

static struct err set_up(const struct tls_context *t, struct arena *a, SSL_CTX *ssl)
{
    void *self = (void *)(uintptr_t)t;
    SSL_CTX_set_app_data(ssl, self);
    SSL_CTX_set_security_level(ssl, 2);
    // Idle connections give their buffers back: 34 KiB each otherwise.
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_max_early_data(ssl, 0);
    TRY(set_offer(t->settings, a, ssl));
    TRY(set_sessions(t, a, ssl));
    TRY(set_client_auth(t->settings, a, ssl));
    SSL_CTX_set_client_hello_cb(ssl, tls_hello, self);
    SSL_CTX_set_alpn_select_cb(ssl, tls_alpn, self);
    return OK;
}

static struct err set_offer(const struct tls_settings *s, struct arena *a, SSL_CTX *ssl)
{
    const struct tls_offer *o = &s->offer;
    int least = (o->versions & TLS_1_2) != 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    int most = (o->versions & TLS_1_3) != 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
    bool taken = SSL_CTX_set_min_proto_version(ssl, least) == 1 &&
                 SSL_CTX_set_max_proto_version(ssl, most) == 1;
    if (taken && (o->versions & TLS_1_3) != 0)
        taken = SSL_CTX_set_ciphersuites(ssl, arena_c_str(a, o->suites_13)) == 1;
    if (taken && (o->versions & TLS_1_2) != 0)
        taken = SSL_CTX_set_cipher_list(ssl, arena_c_str(a, o->ciphers_12)) == 1;
    // The macro of this call casts const away, which clang does not let pass.
    taken = taken && SSL_CTX_ctrl(ssl, SSL_CTRL_SET_GROUPS_LIST, 0,
                             (void *)(uintptr_t)arena_c_str(a, o->groups)) == 1;
    if (s->ignore_client_order)
        SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    return taken ? OK : openssl_error(a, "setting versions, cipher suites and groups");
}

// Sessions live in tickets only. A session made on one listener is no use on another, nor where
// clients' certificates are judged differently. The names of certificates are no part of this:
// OpenSSL itself resumes only for the same SNI, and a certificate that is renewed should not make
// all clients shake hands in full.
static struct err set_sessions(const struct tls_context *t, struct arena *a, SSL_CTX *ssl)
{
    const struct tls_settings *s = t->settings;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    struct str what = arena_fmt(
            a, "%.*s\n%d\n%.*s", ARG(t->listener), (int)s->client_auth, ARG(s->client_ca));
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (!s->session_tickets) {
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(ssl, 0);
    } else {
        SSL_CTX_set_num_tickets(ssl, 1); // each one resumed brings the next
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, ticket_keys);
    }
    bool set = !str_is_null(what) &&
               EVP_Digest(what.ptr, what.len, digest, &digest_bytes, EVP_sha256(), NULL) == 1 &&
               SSL_CTX_set_session_id_context(ssl, digest, digest_bytes) == 1;
    return set ? OK : openssl_error(a, "setting the session context");
}

static struct err set_client_auth(const struct tls_settings *s, struct arena *a, SSL_CTX *ssl)
{
    struct pem_reader r = pem_begin(s->client_ca);
    struct pem_block block;
    size_t count = 0;
    if (s->client_auth == CLIENT_AUTH_OFF)
        return OK;
    while (pem_next(&r, &block)) {
        if (!str_eq(block.label, S("CERTIFICATE")))
            continue;
        TRY(trust_add(a, &block, ssl));
        count++;
    }
    if (count == 0)
        return fail(ERR_CONFIG, "client-ca: no certificate found");
    SSL_CTX_set_max_cert_list(ssl, CLIENT_CHAIN_BYTES_MAX);
    SSL_CTX_set_verify_depth(ssl, CLIENT_CHAIN_DEPTH_MAX);
    if (s->client_auth == CLIENT_AUTH_REQUEST)
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, accept_any_client);
    else
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return OK;
}

// "request": whoever needs to know asks for the result of the verification afterwards.
static int accept_any_client(int is_good UNUSED, X509_STORE_CTX *context UNUSED)
{
    return 1;
}

static struct err trust_add(struct arena *a, const struct pem_block *block, SSL_CTX *ssl)
{
    struct str der = S("");
    bool decoded = pem_decode(a, block, &der);
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *x = decoded ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    bool added = x != NULL && X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), x) == 1 &&
                 SSL_CTX_add_client_CA(ssl, x) == 1;
    X509_free(x);
    if (added)
        return OK;
    ERR_clear_error();
    return fail_fmt(a, ERR_CONFIG,
            "client-ca: cannot decode PEM block %zu, which begins in line %zu of the value",
            block->number, block->line);
}

static struct err set_certificates(
        struct arena *a, SSL_CTX *ssl, const struct certificate_choice *choice)
{
    for (size_t i = 0; i < KEY_TYPES; i++) {
        const struct certificate *c = choice->slots[i];
        if (c != NULL && SSL_CTX_use_cert_and_key(ssl, c->leaf, c->key, c->chain, 1) != 1)
            return openssl_error(a, arena_fmt(a, "using certificate '%.*s'", ARG(c->id)).ptr);
    }
    return OK;
}

static int ticket_keys(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
        EVP_MAC_CTX *mac, int seal)
{
    struct tls_context *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return tickets_apply(&t->tickets, tls_context_now_ms(t), name, iv, cipher, mac,
            seal != 0 ? TICKET_SEAL : TICKET_OPEN);
}

static struct err openssl_error(struct arena *a, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    struct err e = fail_fmt(a, ERR_CONFIG, "%s: %s", what != NULL ? what : "TLS",
            reason != NULL ? reason : "OpenSSL gives no reason");
    ERR_clear_error();
    return e;
}
