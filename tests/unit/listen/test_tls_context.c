// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_tls_context.c: handshakes between OpenSSL as a client and a listener's
// context, in memory and under a clock of the test's own (listeners.md 8.4, 9.4, 9.6, 18).
#define POSTHASTE_BASE_ROOM
#include "listen/tls_context.h"

#include "base/hash.h"
#include "made.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <setjmp.h>

#include <cmocka.h>

struct world {
    struct arena arena;
    EVP_PKEY *ec, *rsa, *authority_key, *client_key, *stranger_key;
    X509 *authority, *client, *stranger;
    struct certificates *all, *none;
    struct str authority_pem;
    int64_t clock_ms;
    uint8_t secret[TICKET_SECRET_BYTES];
};

// OpenSSL's macros cast the const of their texts away, which clang is told to mind.
static void *loose(const char *text)
{
    return (void *)(uintptr_t)text;
}

static void set_sni(SSL *ssl, const char *name)
{
    SSL_set_tlsext_host_name(ssl, loose(name));
}

static int set_groups(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_groups_list(ctx, loose(list));
}

static int set_sigalgs(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_sigalgs_list(ctx, loose(list));
}

static struct certificates *made_table(struct world *w, const char *const (*rows)[2], size_t count)
{
    struct certificate_source sources[8];
    struct certificate_reports reports = {.arena = &w->arena};
    for (size_t i = 0; i < count; i++) {
        EVP_PKEY *key = str_contains(str_from_c(rows[i][0]), S("rsa")) ? w->rsa : w->ec;
        X509 *x = made_certificate(
                &(struct made_wish){.names = rows[i][1], .key = key, .to_days = 90});
        sources[i] = (struct certificate_source){.id = str_from_c(rows[i][0]),
                .cert = made_pem(&w->arena, x),
                .key = made_key_pem(&w->arena, key)};
        X509_free(x);
    }
    struct certificates *all = certificates_make(sources, count, NULL, MADE_NOW_MS, &reports);
    assert_int_equal(reports.all.count, 0);
    return all;
}

static int begin(void **state)
{
    static const char *const rows[][2] = {{"default", "DNS:mx.example.org"},
            {"default-rsa", "DNS:mx.example.org"}, {"other", "DNS:*.example.net"}};
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 16 * MIB);
    w->ec = made_key("P-256");
    w->rsa = made_key("RSA-2048");
    w->authority_key = made_key("P-256");
    w->client_key = made_key("P-256");
    w->stranger_key = made_key("P-256");
    w->authority = made_certificate(&(struct made_wish){.cn = "Clients",
            .key = w->authority_key,
            .from_days = -9,
            .to_days = 90,
            .is_authority = true});
    w->client = made_certificate(&(struct made_wish){.cn = "relay.example",
            .key = w->client_key,
            .issuer = w->authority,
            .issuer_key = w->authority_key,
            .from_days = -9999, // OpenSSL verifies by the real clock
            .to_days = 9999});
    w->stranger = made_certificate(&(struct made_wish){
            .cn = "stranger", .key = w->stranger_key, .from_days = -9999, .to_days = 9999});
    X509_free(w->authority);
    w->authority = made_certificate(&(struct made_wish){.cn = "Clients",
            .key = w->authority_key,
            .from_days = -9999,
            .to_days = 9999,
            .is_authority = true});
    w->authority_pem = made_pem(&w->arena, w->authority);
    w->all = made_table(w, rows, COUNT_OF(rows));
    w->none = made_table(w, rows, 0);
    w->clock_ms = MADE_NOW_MS;
    memset(w->secret, 7, sizeof(w->secret));
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    EVP_PKEY *keys[] = {w->ec, w->rsa, w->authority_key, w->client_key, w->stranger_key};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        EVP_PKEY_free(keys[i]);
    X509_free(w->authority);
    X509_free(w->client);
    X509_free(w->stranger);
    certificates_unref(w->all);
    certificates_unref(w->none);
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

static struct tls_settings settings_of(struct world *w, struct tls_words words)
{
    struct tls_settings s = {.enable = true,
            .ignore_client_order = true,
            .session_tickets = true,
            .rules = {.certificate = S("default")}};
    struct tls_trouble trouble;
    assert_false(failed(tls_offer_make(&w->arena, &words, &s.offer, &trouble)));
    return s;
}

static struct tls_context *context_of(struct world *w, const struct tls_settings *settings,
        enum listen_protocol protocol, const char *id)
{
    struct tls_context *t = NULL;
    struct tls_context_options options = {.listener = str_from_c(id),
            .protocol = protocol,
            .settings = settings,
            .certificates = w->all,
            .ticket_secret = w->secret,
            .wall_now_ms = w->clock_ms,
            .clock_ms = &w->clock_ms};
    struct err e = tls_context_make(&w->arena, &options, &t);
    if (failed(e))
        fail_msg("%.*s", ARG(err_text(e)));
    return t;
}

// --- Two ends in memory ----------------------------------------------------------------------------

struct pair {
    SSL *client, *server;
    int alert; // that the client received, 0: none
    bool done;
};

static void note_alert(const SSL *ssl, int where, int value)
{
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY)
        ((struct pair *)SSL_get_app_data(ssl))->alert = value & 0xff;
}

static void pair_begin(struct pair *p, SSL_CTX *client, SSL_CTX *server)
{
    BIO *client_end = NULL, *server_end = NULL;
    *p = (struct pair){.client = SSL_new(client), .server = SSL_new(server)};
    BIO_new_bio_pair(&client_end, 0, &server_end, 0);
    SSL_set_bio(p->client, client_end, client_end);
    SSL_set_bio(p->server, server_end, server_end);
    SSL_set_connect_state(p->client);
    SSL_set_accept_state(p->server);
    SSL_set_app_data(p->client, p);
    SSL_set_info_callback(p->client, note_alert);
}

static void pair_run(struct pair *p)
{
    char byte;
    for (int i = 0; i < 20; i++) {
        int client = SSL_do_handshake(p->client), server = SSL_do_handshake(p->server);
        p->done = client == 1 && server == 1;
        if (p->done)
            break;
    }
    ERR_clear_error();
    SSL_read(p->client, &byte, 1); // takes tickets, or the alert
    ERR_clear_error();
}

static void pair_end(struct pair *p)
{
    if (p->done) { // what is cut off without a goodbye is not to be resumed
        SSL_shutdown(p->client);
        SSL_shutdown(p->server);
    }
    SSL_free(p->client);
    SSL_free(p->server);
    ERR_clear_error();
}

static SSL_CTX *client_context(void)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client, 0);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    return client;
}

// --- The cases ---------------------------------------------------------------------------------------

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
        struct tls_settings settings = settings_of(w, (struct tls_words){0});
        settings.rules.sni_strict = cases[i].strict;
        struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "smtp");
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
    struct tls_settings settings = settings_of(w, (struct tls_words){0});
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_context *t = context_of(w, &settings, cases[i].protocol, "x");
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
        struct tls_settings settings = settings_of(w, cases[i].words);
        struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
        struct tls_settings settings = settings_of(w, (struct tls_words){0});
        settings.session_tickets = !cases[i].no_tickets;
        struct tls_context *first = context_of(w, &settings, LISTEN_SMTP, "smtp");
        w->secret[0] = cases[i].other_secret ? 8 : 7;
        struct tls_context *second = context_of(w, &settings, LISTEN_SMTP,
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
        struct tls_settings settings = settings_of(w, (struct tls_words){0});
        settings.client_auth = cases[i].auth;
        settings.client_ca = w->authority_pem;
        struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
        struct tls_settings settings = settings_of(w, (struct tls_words){0});
        settings.client_auth = CLIENT_AUTH_REQUEST;
        settings.client_ca = w->authority_pem;
        struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
        struct tls_settings settings = settings_of(w, (struct tls_words){0});
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

// 9.6: a handshake in progress keeps its certificate; the next one has the new.
static void reload_in_the_middle(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {{"default", "DNS:new.example"}};
    struct tls_settings settings = settings_of(w, (struct tls_words){0});
    struct certificates *before =
            made_table(w, (const char *const[][2]){{"default", "DNS:old.example"}}, 1);
    struct certificates *after = made_table(w, rows, 1);
    struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
    struct tls_settings settings = settings_of(w, (struct tls_words){0});
    settings.rules.certificate = STR_NULL;
    struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
    struct tls_settings settings = settings_of(w, (struct tls_words){0});
    struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
    struct tls_settings settings = settings_of(w, (struct tls_words){0});
    struct tls_context *t = context_of(w, &settings, LISTEN_SMTP, "x");
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
            cmocka_unit_test(clients_are_known_or_not),
            cmocka_unit_test(the_chain_is_what_its_file_has),
            cmocka_unit_test(client_ca_must_be_there),
            cmocka_unit_test(reload_in_the_middle),
            cmocka_unit_test(no_certificate_no_tls),
            cmocka_unit_test(renegotiation_is_refused),
            cmocka_unit_test(damaged_hellos_are_survived),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
