// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_tls_login.c: channel bindings as the client sees them, names of clients.
#include "../base/check.h"

#include "listen/tls_context.h"
#include "made.h"

#include <openssl/err.h>

struct pair {
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    bool done;
};

static int let_all_pass(int good UNUSED, X509_STORE_CTX *store UNUSED)
{
    return 1; // the result stays what it was
}

static void pair_contexts(struct pair *p, X509 *cert, EVP_PKEY *key, int version)
{
    *p = (struct pair){
            SSL_CTX_new(TLS_client_method()), SSL_CTX_new(TLS_server_method()), NULL, NULL, false};
    SSL_CTX_set_security_level(p->client_ctx, 0);
    SSL_CTX_set_security_level(p->server_ctx, 0);
    SSL_CTX_set_max_proto_version(p->client_ctx, version);
    SSL_CTX_set_session_id_context(p->server_ctx, (const unsigned char *)"t", 1);
    assert_int_equal(SSL_CTX_use_cert_and_key(p->server_ctx, cert, key, NULL, 1), 1);
}

static void pair_run(struct pair *p, SSL_SESSION *session)
{
    BIO *client_end = NULL, *server_end = NULL;
    char byte;
    p->client = SSL_new(p->client_ctx);
    p->server = SSL_new(p->server_ctx);
    BIO_new_bio_pair(&client_end, 0, &server_end, 0);
    SSL_set_bio(p->client, client_end, client_end);
    SSL_set_bio(p->server, server_end, server_end);
    SSL_set_connect_state(p->client);
    SSL_set_accept_state(p->server);
    if (session != NULL)
        SSL_set_session(p->client, session);
    for (int i = 0; i < 20 && !p->done; i++) {
        int client = SSL_do_handshake(p->client), server = SSL_do_handshake(p->server);
        p->done = client == 1 && server == 1;
    }
    assert_true(p->done);
    SSL_read(p->client, &byte, 1); // takes tickets
    ERR_clear_error();
}

static void pair_end(struct pair *p)
{
    SSL_free(p->client);
    SSL_free(p->server);
    SSL_CTX_free(p->client_ctx);
    SSL_CTX_free(p->server_ctx);
}

static void exporters(void **unused UNUSED)
{
    struct arena a;
    struct str seen[2];
    unsigned char expected[32];
    EVP_PKEY *key = made_key("P-256");
    X509 *cert = made_certificate(&(struct made_wish){.cn = "mx", .key = key, .to_days = 9});
    arena_init(&a, 64 * KIB);
    for (int i = 0; i < 2; i++) {
        struct pair p;
        pair_contexts(&p, cert, key, 0);
        pair_run(&p, NULL);
        seen[i] = tls_binding(&a, p.server, TLS_BINDING_EXPORTER);
        assert_int_equal(SSL_export_keying_material(p.client, expected, sizeof(expected),
                                 "EXPORTER-Channel-Binding", 24, NULL, 0, 0),
                1);
        check_str("both ends", seen[i], str_of((const char *)expected, sizeof(expected)));
        pair_end(&p);
    }
    assert_false(str_eq(seen[0], seen[1])); // of this connection alone
    struct pair p;
    pair_contexts(&p, cert, key, TLS1_2_VERSION);
    pair_run(&p, NULL);
    assert_true(str_is_null(tls_binding(&a, p.server, TLS_BINDING_EXPORTER)));
    pair_end(&p);
    X509_free(cert);
    EVP_PKEY_free(key);
    arena_done(&a);
}

static void end_points(void **unused UNUSED)
{
    const struct {
        const char *name, *key;
        const EVP_MD *signature, *hash; // NULL: none
    } cases[] = {
            {"SHA-256", "P-256", EVP_sha256(), EVP_sha256()},
            {"SHA-384", "P-384", EVP_sha384(), EVP_sha384()},
            {"SHA-1 is broken", "RSA-2048", EVP_sha1(), EVP_sha256()},
            {"Ed25519 has none", "ED25519", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct pair p;
        unsigned char expected[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        EVP_PKEY *key = made_key(cases[i].key);
        X509 *cert = made_certificate(&(struct made_wish){
                .cn = "mx", .key = key, .to_days = 9, .digest = cases[i].signature});
        arena_init(&a, 64 * KIB);
        pair_contexts(&p, cert, key, 0);
        pair_run(&p, NULL);
        if (cases[i].hash != NULL)
            X509_digest(SSL_get0_peer_certificate(p.client), cases[i].hash, expected, &len);
        check_str(cases[i].name, tls_binding(&a, p.server, TLS_BINDING_SERVER_END_POINT),
                str_of((const char *)expected, len));
        pair_end(&p);
        X509_free(cert);
        EVP_PKEY_free(key);
        arena_done(&a);
    }
}

static void resumed_sessions_have_no_end_point(void **unused UNUSED)
{
    struct arena a;
    struct pair p;
    EVP_PKEY *key = made_key("P-256");
    X509 *cert = made_certificate(&(struct made_wish){.cn = "mx", .key = key, .to_days = 9});
    arena_init(&a, 64 * KIB);
    pair_contexts(&p, cert, key, TLS1_2_VERSION);
    pair_run(&p, NULL);
    assert_false(str_is_null(tls_binding(&a, p.server, TLS_BINDING_SERVER_END_POINT)));
    SSL_SESSION *session = SSL_get1_session(p.client);
    SSL_shutdown(p.client);
    SSL_shutdown(p.server);
    SSL_free(p.client);
    SSL_free(p.server);
    p.done = false;
    pair_run(&p, session);
    assert_int_equal(SSL_session_reused(p.server), 1);
    assert_true(str_is_null(tls_binding(&a, p.server, TLS_BINDING_SERVER_END_POINT)));
    SSL_SESSION_free(session);
    pair_end(&p);
    X509_free(cert);
    EVP_PKEY_free(key);
    arena_done(&a);
}

static void names_of_clients(void **unused UNUSED)
{
    static const struct {
        const char *name, *cn, *names;
        bool trusted;
        const char *first, *second; // NULL: none
    } cases[] = {
            {"addresses", "Tim", "DNS:a.example,email:tim@a.example,email:tom@a.example", true,
                    "tim@a.example", "tom@a.example"},
            {"no address", "tim", "DNS:a.example", true, "tim", NULL},
            {"a common name alone", "tim", NULL, true, "tim", NULL},
            {"nothing", NULL, "DNS:a.example", true, NULL, NULL},
            {"not verified", "tim", "email:tim@a.example", false, NULL, NULL},
    };
    EVP_PKEY *key = made_key("P-256");
    X509 *mx = made_certificate(&(struct made_wish){.cn = "mx", .key = key, .to_days = 9});
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct pair p;
        X509 *cert = made_certificate(&(struct made_wish){.cn = cases[i].cn,
                .names = cases[i].names,
                .key = key,
                .from_days = -9999, // OpenSSL verifies by the real clock
                .to_days = 9999});
        arena_init(&a, 64 * KIB);
        pair_contexts(&p, mx, key, 0);
        SSL_CTX_set_verify(p.server_ctx, SSL_VERIFY_PEER, let_all_pass);
        if (cases[i].trusted)
            X509_STORE_add_cert(SSL_CTX_get_cert_store(p.server_ctx), cert);
        SSL_CTX_use_cert_and_key(p.client_ctx, cert, key, NULL, 1);
        pair_run(&p, NULL);
        struct tls_names names = tls_client_names(&a, p.server);
        check_u64(cases[i].name, names.count,
                (size_t)(cases[i].first != NULL) + (size_t)(cases[i].second != NULL));
        if (names.count > 0)
            check_str(cases[i].name, names.at[0], str_from_c(cases[i].first));
        if (names.count > 1)
            check_str(cases[i].name, names.at[1], str_from_c(cases[i].second));
        pair_end(&p);
        X509_free(cert);
        arena_done(&a);
    }
    struct arena a;
    struct pair p;
    arena_init(&a, 64 * KIB);
    pair_contexts(&p, mx, key, 0);
    pair_run(&p, NULL);
    check_u64("no certificate", tls_client_names(&a, p.server).count, 0);
    pair_end(&p);
    X509_free(mx);
    EVP_PKEY_free(key);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(exporters),
            TEST(end_points),
            TEST(resumed_sessions_have_no_end_point),
            TEST(names_of_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
