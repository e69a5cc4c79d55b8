// SPDX-License-Identifier: Apache-2.0
// http/client_tls.c: HTTPS from the asking side. What is believed (a store of authorities) is made
// once; each connection has a context of its own over it, because the name to be proved is the
// context's.
#include "http/client.h"

#include "base/ip.h"
#include "rt/rt.h"
#include "rt/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct http_trust {
    X509_STORE *store;
};

struct context_making {
    const struct http_trust *trust;
    const char *host; // NUL-terminated
    struct str name;
    int64_t wall_now_ms;
    SSL_CTX *context; // out; NULL: OpenSSL had no memory
};

static struct err trust_new(struct http_trust **out);
static bool add_pem(X509_STORE *store, struct str pem);
static void make_context(void *arg);
static bool expect_name(SSL_CTX *context, const struct context_making *m);
static struct err explain(struct stream *s, struct arena *a, struct str host, struct err e);

struct err http_trust_system(struct http_trust **out)
{
    struct http_trust *trust;
    TRY(trust_new(&trust));
    if (X509_STORE_set_default_paths(trust->store) != 1) {
        http_trust_free(trust);
        return fail(ERR_IO, "the system's certificate authorities cannot be read");
    }
    ERR_clear_error(); // one of the default places may be missing
    *out = trust;
    return OK;
}

struct err http_trust_pem(struct str pem, struct http_trust **out)
{
    struct http_trust *trust;
    TRY(trust_new(&trust));
    if (!add_pem(trust->store, pem)) {
        http_trust_free(trust);
        return fail(ERR_SYNTAX, "there is no certificate in it");
    }
    *out = trust;
    return OK;
}

static struct err trust_new(struct http_trust **out)
{
    struct http_trust *trust = mem_new(struct http_trust);
    if (trust != NULL)
        trust->store = X509_STORE_new();
    if (trust == NULL || trust->store == NULL) {
        http_trust_free(trust);
        return fail(ERR_LIMIT, "no memory for certificate authorities");
    }
    *out = trust;
    return OK;
}

static bool add_pem(X509_STORE *store, struct str pem)
{
    size_t count = 0;
    BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *one = in == NULL ? NULL : PEM_read_bio_X509(in, NULL, NULL, NULL);
    while (one != NULL) {
        count += X509_STORE_add_cert(store, one) == 1;
        X509_free(one);
        one = PEM_read_bio_X509(in, NULL, NULL, NULL);
    }
    BIO_free(in);
    ERR_clear_error(); // the end of the text is one
    return count > 0;
}

void http_trust_free(struct http_trust *trust)
{
    if (trust != NULL)
        X509_STORE_free(trust->store);
    mem_free(trust);
}

struct err http_client_tls(
        struct stream *s, struct arena *a, const struct http_trust *trust, struct str host)
{
    struct context_making m = {
            .trust = trust, .host = arena_c_str(a, host), .name = host, .wall_now_ms = wall_ms()};
    if (m.host == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a host");
    deep_call(make_context, &m);
    if (m.context == NULL)
        return fail(ERR_LIMIT, "no memory for a TLS connection");
    struct ip literal;
    bool is_address = ip_parse(host, &literal); // RFC 6066 3: no SNI then
    struct err e = stream_tls(s, m.context, TLS_CLIENT, is_address ? S("") : host, a);
    if (failed(e))
        e = explain(s, a, host, e);
    SSL_CTX_free(m.context); // the stream holds it as long as it needs it
    return e;
}

static void make_context(void *arg)
{
    static const unsigned char protocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    struct context_making *m = arg;
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    if (c == NULL)
        return;
    SSL_CTX_set1_cert_store(c, m->trust->store);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
    if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
            SSL_CTX_set_alpn_protos(c, protocols, sizeof(protocols)) == 0 && expect_name(c, m))
        m->context = c;
    else
        SSL_CTX_free(c);
}

// Dates are judged by the house's clock, which in a simulation is not the machine's.
static bool expect_name(SSL_CTX *context, const struct context_making *m)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
    struct ip literal;
    X509_VERIFY_PARAM_set_time(param, (time_t)(m->wall_now_ms / SECOND_MS));
    X509_VERIFY_PARAM_set_hostflags(
            param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (ip_parse(m->name, &literal))
        return X509_VERIFY_PARAM_set1_ip_asc(param, m->host) == 1;
    return X509_VERIFY_PARAM_set1_host(param, m->host, m->name.len) == 1;
}

static struct err explain(struct stream *s, struct arena *a, struct str host, struct err e)
{
    SSL *ssl = stream_ssl(s);
    long result = ssl == NULL ? X509_V_OK : SSL_get_verify_result(ssl);
    if (e.kind != ERR_TLS || result == X509_V_OK)
        return e;
    return fail_fmt(a, ERR_REFUSED, "the certificate of %.*s is refused: %s", ARG(host),
            X509_verify_cert_error_string(result));
}
