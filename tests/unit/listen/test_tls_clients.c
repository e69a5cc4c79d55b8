// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_tls_clients.c: certificates of clients, who vouches for them, and that it
// changes nothing about ours (listeners.md 8.4, 9.6).
#include "tls_world.h"

static void clients_are_known_or_not(void **state)
{
    struct world *w = *state;
    const struct {
        const char *name;
        enum client_auth auth;
        X509 *cert;
        EVP_PKEY *key;
        bool connected, verified;
    } cases[] = {
            {"off, one given", CLIENT_AUTH_OFF, w->client, w->client_key, true, false},
            {"request, none", CLIENT_AUTH_REQUEST, NULL, NULL, true, false},
            {"request, good", CLIENT_AUTH_REQUEST, w->client, w->client_key, true, true},
            {"request, a stranger's", CLIENT_AUTH_REQUEST, w->stranger, w->stranger_key, true,
                    false},
            {"require, none", CLIENT_AUTH_REQUIRE, NULL, NULL, false, false},
            {"require, good", CLIENT_AUTH_REQUIRE, w->client, w->client_key, true, true},
            {"require, a stranger's", CLIENT_AUTH_REQUIRE, w->stranger, w->stranger_key, false,
                    false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_settings settings = world_settings(w, (struct tls_words){0});
        settings.client_auth = cases[i].auth;
        settings.client_ca = w->authority_pem;
        struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
        SSL_CTX *client = client_context();
        struct pair p;
        struct tls_facts facts;
        print_message("%s\n", cases[i].name);
        pair_begin(&p, client, tls_context_ssl(t));
        if (cases[i].cert != NULL)
            SSL_use_cert_and_key(p.client, cases[i].cert, cases[i].key, NULL, 1);
        pair_run(&p);
        assert_int_equal(p.done, cases[i].connected);
        if (p.done) {
            tls_facts_of(p.server, &facts);
            assert_int_equal(facts.client_verified, cases[i].verified);
            struct str subject = tls_client_subject(&w->arena, p.server);
            struct str print = tls_client_fingerprint(&w->arena, p.server);
            assert_true(str_eq(subject, cases[i].verified ? S("CN=relay.example") : S("")));
            assert_int_equal(print.len, cases[i].verified ? 64 : 0);
        }
        pair_end(&p);
        SSL_CTX_free(client);
        tls_context_free(t);
    }
}

// An issuer that is trusted to vouch for clients is no part of our own chain.
static void the_chain_is_what_its_file_has(void **state)
{
    struct world *w = *state;
    X509 *leaf = made_certificate(&(struct made_wish){.names = "DNS:mx.example.org",
            .key = w->ec,
            .issuer = w->authority,
            .issuer_key = w->authority_key,
            .from_days = -9999,
            .to_days = 9999});
    struct str leaf_pem = made_pem(&w->arena, leaf);
    const struct str files[] = {leaf_pem, arena_join(&w->arena, leaf_pem, w->authority_pem)};
    struct certificates *usual = w->all;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct certificate_source source = {
                .id = S("default"), .cert = files[i], .key = made_key_pem(&w->arena, w->ec)};
        struct certificate_reports reports = {.arena = &w->arena};
        w->all = certificates_make(&source, 1, NULL, MADE_NOW_MS, &reports);
        struct tls_settings settings = world_settings(w, (struct tls_words){0});
        settings.client_auth = CLIENT_AUTH_REQUEST;
        settings.client_ca = w->authority_pem;
        struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
        SSL_CTX *client = client_context();
        struct pair p;
        pair_begin(&p, client, tls_context_ssl(t));
        pair_run(&p);
        assert_true(p.done);
        assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p.client)), i + 1);
        pair_end(&p);
        SSL_CTX_free(client);
        tls_context_free(t);
        certificates_unref(w->all);
    }
    w->all = usual;
    X509_free(leaf);
}

static void client_ca_must_be_there(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *error;
    } cases[] = {
            {"", "no certificate found"},
            {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                    "cannot decode PEM block 1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_settings settings = world_settings(w, (struct tls_words){0});
        settings.client_auth = CLIENT_AUTH_REQUIRE;
        settings.client_ca = str_from_c(cases[i].text);
        struct tls_context *t = NULL;
        struct tls_context_options options = {.listener = S("x"),
                .settings = &settings,
                .certificates = w->all,
                .ticket_secret = w->secret,
                .clock_ms = &w->clock_ms};
        struct err e = tls_context_make(&w->arena, &options, &t);
        assert_true(failed(e) && str_contains(err_text(e), str_from_c(cases[i].error)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(clients_are_known_or_not),
            cmocka_unit_test(the_chain_is_what_its_file_has),
            cmocka_unit_test(client_ca_must_be_there),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
