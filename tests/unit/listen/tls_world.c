// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/tls_world.c: what the tests of TLS contexts share.
#include "tls_world.h"

// OpenSSL's macros cast the const of their texts away, which clang is told to mind.
static void *loose(const char *text)
{
    return (void *)(uintptr_t)text;
}

void set_sni(SSL *ssl, const char *name)
{
    SSL_set_tlsext_host_name(ssl, loose(name));
}

int set_groups(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_groups_list(ctx, loose(list));
}

int set_sigalgs(SSL_CTX *ctx, const char *list)
{
    return (int)SSL_CTX_set1_sigalgs_list(ctx, loose(list));
}

struct certificates *world_table(struct world *w, const char *const (*rows)[2], size_t count)
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

int world_begin(void **state)
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
    w->all = world_table(w, rows, COUNT_OF(rows));
    w->none = world_table(w, rows, 0);
    w->clock_ms = MADE_NOW_MS;
    memset(w->secret, 7, sizeof(w->secret));
    *state = w;
    return 0;
}

int world_end(void **state)
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

struct tls_settings world_settings(struct world *w, struct tls_words words)
{
    struct tls_settings s = {.enable = true,
            .ignore_client_order = true,
            .session_tickets = true,
            .rules = {.certificate = S("default")}};
    struct tls_trouble trouble;
    assert_false(failed(tls_offer_make(&w->arena, &words, &s.offer, &trouble)));
    return s;
}

struct tls_context *world_context(struct world *w, const struct tls_settings *settings,
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
        check_failed("%.*s", ARG(err_text(e)));
    return t;
}

static void note_alert(const SSL *ssl, int where, int value)
{
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY)
        ((struct pair *)SSL_get_app_data(ssl))->alert = value & 0xff;
}

void pair_begin(struct pair *p, SSL_CTX *client, SSL_CTX *server)
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

void pair_run(struct pair *p)
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

void pair_end(struct pair *p)
{
    if (p->done) { // what is cut off without a goodbye is not to be resumed
        SSL_shutdown(p->client);
        SSL_shutdown(p->server);
    }
    SSL_free(p->client);
    SSL_free(p->server);
    ERR_clear_error();
}

SSL_CTX *client_context(void)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client, 0);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    return client;
}
