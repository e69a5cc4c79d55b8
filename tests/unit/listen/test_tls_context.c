// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_tls_context.c: handshakes between OpenSSL as a client and a listener's
// context, in memory and under a clock of the test's own (listeners.md 8.4, 9.4, 9.6, 18).
#include "tls_world.h"

#include "base/hash.h"

#include <openssl/x509v3.h>

static void certificates_follow_sni(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name, *sni, *sigalgs;
        bool strict;
        int alert;
        const char *covers;
        int key;
    } cases[] = {
            {"no name", NULL, NULL, false, 0, "mx.example.org", EVP_PKEY_EC},
            {"the default by name", "mx.example.org", NULL, false, 0, "mx.example.org",
                    EVP_PKEY_EC},
            {"a client that knows RSA only", "mx.example.org", "RSA-PSS+SHA256", false, 0,
                    "mx.example.org", EVP_PKEY_RSA},
            {"by wildcard", "a.example.net", NULL, false, 0, "a.example.net", EVP_PKEY_EC},
            {"unknown", "nobody.example", NULL, false, 0, "mx.example.org", EVP_PKEY_EC},
            {"unknown, strict", "nobody.example", NULL, true, SSL_AD_UNRECOGNIZED_NAME, NULL, 0},
            {"no name, strict", NULL, NULL, true, 0, "mx.example.org", EVP_PKEY_EC},
            {"an address, strict", "192.0.2.1", NULL, true, 0, "mx.example.org", EVP_PKEY_EC},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_settings settings = world_settings(w, (struct tls_words){0});
        settings.rules.sni_strict = cases[i].strict;
        struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "smtp");
        SSL_CTX *client = client_context();
        struct pair p;
        print_message("%s\n", cases[i].name);
        if (cases[i].sigalgs != NULL)
            assert_int_equal(set_sigalgs(client, cases[i].sigalgs), 1);
        pair_begin(&p, client, tls_context_ssl(t));
        if (cases[i].sni != NULL)
            set_sni(p.client, cases[i].sni);
        pair_run(&p);
        assert_int_equal(p.alert, cases[i].alert);
        assert_int_equal(p.done, cases[i].alert == 0);
        if (p.done) {
            X509 *x = SSL_get0_peer_certificate(p.client);
            assert_int_equal(X509_check_host(x, cases[i].covers, 0, 0, NULL), 1);
            assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(x)), cases[i].key);
        }
        pair_end(&p);
        SSL_CTX_free(client);
        tls_context_free(t);
    }
}

static void alpn_is_judged(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        enum listen_protocol protocol;
        struct str offers;
        bool refused;
        const char *selected;
    } cases[] = {
            {"mail, none offered", LISTEN_SMTP, S_INIT(""), false, ""},
            {"mail, h2 alone", LISTEN_SMTP, S_INIT("\2h2"), true, NULL},
            {"mail, h2 and http/1.1", LISTEN_SMTP, S_INIT("\2h2\10http/1.1"), true, NULL},
            {"mail, h3 and http/1.0", LISTEN_LMTP, S_INIT("\2h3\10http/1.0"), true, NULL},
            {"mail, h2 and smtp", LISTEN_SMTP, S_INIT("\2h2\4smtp"), false, "smtp"},
            {"mail, imap", LISTEN_SMTP, S_INIT("\4imap"), false, ""},
            {"mail, h2 and what nobody knows", LISTEN_SMTP, S_INIT("\2h2\3foo"), false, ""},
            {"http, none offered", LISTEN_HTTP, S_INIT(""), false, ""},
            {"http, h2 and http/1.1", LISTEN_HTTP, S_INIT("\2h2\10http/1.1"), false, "http/1.1"},
            {"http, h2 alone", LISTEN_HTTP, S_INIT("\2h2"), true, NULL},
            {"http, smtp", LISTEN_HTTP, S_INIT("\4smtp"), true, NULL},
    };
    struct tls_settings settings = world_settings(w, (struct tls_words){0});
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_context *t = world_context(w, &settings, cases[i].protocol, "x");
        SSL_CTX *client = client_context();
        struct pair p;
        struct tls_facts facts;
        print_message("%s\n", cases[i].name);
        pair_begin(&p, client, tls_context_ssl(t));
        if (cases[i].offers.len > 0)
            SSL_set_alpn_protos(p.client, (const unsigned char *)cases[i].offers.ptr,
                    (unsigned)cases[i].offers.len);
        pair_run(&p);
        assert_int_equal(p.alert, cases[i].refused ? SSL_AD_NO_APPLICATION_PROTOCOL : 0);
        assert_int_equal(p.done, !cases[i].refused);
        if (p.done) {
            tls_facts_of(p.server, &facts);
            assert_true(str_eq(facts.alpn, str_from_c(cases[i].selected)));
        }
        pair_end(&p);
        SSL_CTX_free(client);
        tls_context_free(t);
    }
}

#define LIST(word)                                                                                 \
    {                                                                                              \
        (const struct str[]){S_INIT(word)}, 1                                                      \
    }

static void offers_are_in_force(void **state)
{
    struct world *w = *state;
    const struct {
        const char *name;
        struct tls_words words;
        int client_least, client_most;
        const char *ciphers_12, *groups;
        const char *version, *cipher, *group; // version NULL: refused
    } cases[] = {
            {.name = "all", .version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"},
            {.name = "TLS 1.1 is not spoken",
                    .client_least = TLS1_VERSION,
                    .client_most = TLS1_1_VERSION},
            {.name = "TLS 1.2",
                    .client_most = TLS1_2_VERSION,
                    .version = "TLSv1.2",
                    .cipher = "ECDHE-ECDSA-AES256-GCM-SHA384"},
            {.name = "1.3 wanted, 1.2 offered",
                    .words.protocols = LIST("TLSv1.2"),
                    .client_least = TLS1_3_VERSION},
            {.name = "1.2 wanted, 1.3 offered",
                    .words.disable_protocols = LIST("tls12"),
                    .client_most = TLS1_2_VERSION},
            {.name = "a CBC suite only",
                    .client_most = TLS1_2_VERSION,
                    .ciphers_12 = "ECDHE-ECDSA-AES128-SHA"},
            {.name = "our order wins",
                    .client_most = TLS1_2_VERSION,
                    .ciphers_12 = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
                    .version = "TLSv1.2",
                    .cipher = "ECDHE-ECDSA-AES128-GCM-SHA256"},
            {.name = "one suite",
                    .words.ciphers = LIST("TLS13_CHACHA20_POLY1305_SHA256"),
                    .version = "TLSv1.3",
                    .cipher = "TLS_CHACHA20_POLY1305_SHA256"},
            {.name = "a group",
                    .words.groups = LIST("SECP384R1"),
                    .version = "TLSv1.3",
                    .cipher = "TLS_AES_256_GCM_SHA384",
                    .group = "secp384r1"},
            {.name = "no group in common", .words.groups = LIST("SECP384R1"), .groups = "X25519"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_settings settings = world_settings(w, cases[i].words);
        struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
        SSL_CTX *client = client_context();
        struct pair p;
        struct tls_facts facts;
        print_message("%s\n", cases[i].name);
        SSL_CTX_set_min_proto_version(client, cases[i].client_least);
        SSL_CTX_set_max_proto_version(client, cases[i].client_most);
        if (cases[i].ciphers_12 != NULL)
            assert_int_equal(SSL_CTX_set_cipher_list(client, cases[i].ciphers_12), 1);
        if (cases[i].groups != NULL)
            assert_int_equal(set_groups(client, cases[i].groups), 1);
        pair_begin(&p, client, tls_context_ssl(t));
        pair_run(&p);
        assert_int_equal(p.done, cases[i].version != NULL);
        if (p.done) {
            tls_facts_of(p.server, &facts);
            assert_true(str_eq(facts.version, str_from_c(cases[i].version)));
            assert_true(str_eq(facts.cipher, str_from_c(cases[i].cipher)));
            if (cases[i].group != NULL)
                assert_true(str_eq(facts.group, str_from_c(cases[i].group)));
        }
        pair_end(&p);
        SSL_CTX_free(client);
        tls_context_free(t);
    }
}

// --- Resumption ----------------------------------------------------------------------------------

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **kept = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(*kept);
    *kept = session;
    return 1;
}

static void sessions_are_resumed_or_not(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        int most; // version
        const char *sni, *second_id;
        int64_t hours_later;
        unsigned long client_options;
        bool other_secret, no_tickets, renewed;
        bool resumed;
    } cases[] = {
            {.name = "TLS 1.3, another worker", .resumed = true},
            {.name = "TLS 1.2, another worker", .most = TLS1_2_VERSION, .resumed = true},
            {.name = "TLS 1.2 without extended master secret",
                    .most = TLS1_2_VERSION,
                    .client_options = SSL_OP_NO_EXTENDED_MASTER_SECRET},
            {.name = "TLS 1.3 of a client that has none for 1.2",
                    .client_options = SSL_OP_NO_EXTENDED_MASTER_SECRET,
                    .resumed = true},
            {.name = "another listener, TLS 1.3", .second_id = "other"},
            {.name = "another listener, TLS 1.2", .second_id = "other", .most = TLS1_2_VERSION},
            {.name = "another server's secret", .other_secret = true},
            {.name = "tickets off", .no_tickets = true},
            {.name = "tickets off, TLS 1.2", .no_tickets = true, .most = TLS1_2_VERSION},
            {.name = "the next half day",
                    .hours_later = 12,
                    .most = TLS1_2_VERSION,
                    .resumed = true},
            {.name = "the half day after that", .hours_later = 24, .most = TLS1_2_VERSION},
            {.name = "a clock set back", .hours_later = -12, .most = TLS1_2_VERSION},
            {.name = "certificates renewed", .renewed = true, .resumed = true},
            {.name = "with a name that is not the default's",
                    .sni = "a.example.net",
                    .resumed = true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_settings settings = world_settings(w, (struct tls_words){0});
        settings.session_tickets = !cases[i].no_tickets;
        struct tls_context *first = world_context(w, &settings, LISTEN_SMTP, "smtp");
        w->secret[0] = cases[i].other_secret ? 8 : 7;
        struct tls_context *second = world_context(w, &settings, LISTEN_SMTP,
                cases[i].second_id != NULL ? cases[i].second_id : "smtp");
        w->secret[0] = 7;
        if (cases[i].renewed)
            assert_false(failed(tls_context_renew(second, &w->arena, w->all)));
        SSL_CTX *client = client_context();
        SSL_SESSION *session = NULL;
        struct pair p;
        struct tls_facts facts;
        print_message("%s\n", cases[i].name);
        SSL_CTX_set_max_proto_version(client, cases[i].most);
        SSL_CTX_set_options(client, cases[i].client_options);
        SSL_CTX_set_app_data(client, &session);
        SSL_CTX_sess_set_new_cb(client, keep_session);
        pair_begin(&p, client, tls_context_ssl(first));
        set_sni(p.client, cases[i].sni);
        pair_run(&p);
        assert_true(p.done);
        pair_end(&p);
        w->clock_ms += cases[i].hours_later * HOUR_MS;
        pair_begin(&p, client, tls_context_ssl(second));
        set_sni(p.client, cases[i].sni);
        if (session != NULL)
            SSL_set_session(p.client, session);
        pair_run(&p);
        assert_true(p.done);
        tls_facts_of(p.server, &facts);
        assert_int_equal(facts.resumed, cases[i].resumed);
        pair_end(&p);
        w->clock_ms = MADE_NOW_MS;
        SSL_SESSION_free(session);
        SSL_CTX_free(client);
        tls_context_free(first);
        tls_context_free(second);
    }
}

// --- Clients' certificates, reload, refusals -------------------------------------------------------

// 9.6: a handshake in progress keeps its certificate; the next one has the new.
static void reload_in_the_middle(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {{"default", "DNS:new.example"}};
    struct tls_settings settings = world_settings(w, (struct tls_words){0});
    struct certificates *before =
            world_table(w, (const char *const[][2]){{"default", "DNS:old.example"}}, 1);
    struct certificates *after = world_table(w, rows, 1);
    struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
    SSL_CTX *client = client_context();
    struct pair p;
    assert_false(failed(tls_context_renew(t, &w->arena, before)));
    certificates_unref(before); // the context has its own reference
    pair_begin(&p, client, tls_context_ssl(t));
    SSL_do_handshake(p.client); // ClientHello is on its way
    assert_false(failed(tls_context_renew(t, &w->arena, after)));
    pair_run(&p);
    assert_true(p.done);
    pair_end(&p);
    pair_begin(&p, client, tls_context_ssl(t));
    SSL_do_handshake(p.client);
    SSL_do_handshake(p.server); // its certificate is chosen and sent
    assert_false(failed(tls_context_renew(t, &w->arena, w->all)));
    pair_run(&p);
    assert_true(p.done);
    assert_int_equal(
            X509_check_host(SSL_get0_peer_certificate(p.client), "new.example", 0, 0, NULL), 1);
    pair_end(&p);
    certificates_unref(after);
    SSL_CTX_free(client);
    tls_context_free(t);
}

static void no_certificate_no_tls(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = world_settings(w, (struct tls_words){0});
    settings.rules.certificate = STR_NULL;
    struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
    SSL_CTX *client = client_context();
    struct pair p;
    assert_true(tls_context_is_ready(t));
    assert_false(failed(tls_context_renew(t, &w->arena, w->none)));
    assert_false(tls_context_is_ready(t));
    pair_begin(&p, client, tls_context_ssl(t));
    pair_run(&p);
    assert_false(p.done);
    assert_int_equal(p.alert, SSL_AD_HANDSHAKE_FAILURE);
    pair_end(&p);
    SSL_CTX_free(client);
    tls_context_free(t);
}

static void renegotiation_is_refused(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = world_settings(w, (struct tls_words){0});
    struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
    SSL_CTX *client = client_context();
    struct pair p;
    char byte;
    SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
    pair_begin(&p, client, tls_context_ssl(t));
    pair_run(&p);
    assert_true(p.done);
    assert_null(SSL_get_current_compression(p.server));
    SSL_renegotiate(p.client);
    SSL_do_handshake(p.client);
    assert_true(SSL_read(p.server, &byte, 1) <= 0);
    SSL_do_handshake(p.client);
    assert_int_equal(p.alert, SSL_AD_NO_RENEGOTIATION);
    p.done = false;
    pair_end(&p);
    SSL_CTX_free(client);
    tls_context_free(t);
}

// Bytes that are no ClientHello, and one that was damaged: an error each time, never a crash.
static void damaged_hellos_are_survived(void **state)
{
    struct world *w = *state;
    struct tls_settings settings = world_settings(w, (struct tls_words){0});
    struct tls_context *t = world_context(w, &settings, LISTEN_SMTP, "x");
    SSL_CTX *client = client_context();
    SSL *sender = SSL_new(client);
    BIO *hello = BIO_new(BIO_s_mem());
    struct prng random;
    char *bytes;
    prng_seed(&random, 5);
    SSL_set_bio(sender, BIO_new(BIO_s_mem()), hello);
    SSL_set_connect_state(sender);
    set_sni(sender, "a.example.net");
    SSL_do_handshake(sender);
    size_t len = (size_t)BIO_get_mem_data(hello, &bytes);
    for (int i = 0; i < 3000; i++) {
        SSL *server = SSL_new(tls_context_ssl(t));
        BIO *in = BIO_new(BIO_s_mem());
        struct buf damaged;
        buf_init(&damaged, 128 * KIB);
        buf_add(&damaged, str_of(bytes, len));
        for (uint64_t hits = prng_below(&random, 4) + 1; hits > 0; hits--)
            damaged.ptr[prng_below(&random, len)] = (char)prng_u64(&random);
        if (i % 10 == 0) {
            buf_clear(&damaged);
            for (size_t n = 0; n < 64 * KIB; n++)
                buf_add_byte(&damaged, (char)prng_u64(&random));
        }
        BIO_write(in, damaged.ptr, (int)damaged.len);
        SSL_set_bio(server, in, BIO_new(BIO_s_mem()));
        SSL_set_accept_state(server);
        SSL_do_handshake(server);
        ERR_clear_error();
        SSL_free(server);
        buf_done(&damaged);
    }
    SSL_free(sender);
    SSL_CTX_free(client);
    tls_context_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(certificates_follow_sni),
            cmocka_unit_test(alpn_is_judged),
            cmocka_unit_test(offers_are_in_force),
            cmocka_unit_test(sessions_are_resumed_or_not),
            cmocka_unit_test(reload_in_the_middle),
            cmocka_unit_test(no_certificate_no_tls),
            cmocka_unit_test(renegotiation_is_refused),
            cmocka_unit_test(damaged_hellos_are_survived),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
