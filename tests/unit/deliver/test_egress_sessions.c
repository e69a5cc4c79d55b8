// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_egress_sessions.c: sessions of TLS that go on, and for whom they never
// do.
#include "tlsa_made.h"

#include "conf/conf.h"
#include "deliver/egress/egress_sessions.h"

#include <openssl/ssl.h>

#define PIPE_BYTES (64 * KIB)
#define DAY_OF_EXPIRY 3

struct world {
    struct arena arena;
    EVP_PKEY *root_key, *key;
    X509 *root, *good, *self;
    struct str ca_pem;
    struct tls_clients *clients;
    struct tls_strategy strict, lenient;
    struct route route;
    SSL_CTX *server; // one, so that it knows its tickets again
    int64_t now_ms;
};

static struct err read_ca(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out)
{
    struct world *w = self;
    (void)a, (void)path, (void)bytes_max;
    *out = (struct conf_file){.text = w->ca_pem};
    return OK;
}

static int world_begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 4 * MIB);
    w->root_key = made_key("P-256");
    w->key = made_key("P-256");
    w->root = made_certificate(&(struct made_wish){
            .cn = "Root", .key = w->root_key, .is_authority = true, .from_days = -9, .to_days = 9});
    w->good = made_certificate(&(struct made_wish){.cn = "x",
            .names = "DNS:mx.example.net",
            .key = w->key,
            .issuer = w->root,
            .issuer_key = w->root_key,
            .from_days = -9,
            .to_days = DAY_OF_EXPIRY});
    w->self = made_certificate(&(struct made_wish){.cn = "mx.example.net",
            .names = "DNS:mx.example.net",
            .key = w->key,
            .from_days = -9,
            .to_days = 9});
    w->ca_pem = made_pem(&w->arena, w->root);
    w->strict = (struct tls_strategy){.id = S("strict"),
            .version_min = TLS1_2_VERSION,
            .ca_file = S("/ca.pem"),
            .session_cache = true};
    w->lenient = w->strict;
    w->lenient.allow_invalid = true;
    struct deliver_settings settings = {.tls = &w->strict, .tls_count = 1};
    struct conf_files files = {.self = w, .read = read_ca};
    assert_false(failed(tls_clients_make(&w->arena,
            &(struct tls_clients_options){.settings = &settings, .files = &files}, &w->clients)));
    w->server = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_session_id_context(w->server, (const unsigned char *)"x", 1);
    w->now_ms = MADE_NOW_MS;
    *state = w;
    return 0;
}

static int world_end(void **state)
{
    struct world *w = *state;
    tls_clients_free(w->clients);
    SSL_CTX_free(w->server);
    X509_free(w->root);
    X509_free(w->good);
    X509_free(w->self);
    EVP_PKEY_free(w->root_key);
    EVP_PKEY_free(w->key);
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

static struct tls_plan *plan_of(
        struct world *w, const struct tls_strategy *strategy, const struct dane *dane)
{
    struct tls_plan *plan = arena_make(&w->arena, struct tls_plan);
    const struct tls_wishes wishes = {
            .strategy = strategy, .route = &w->route, .host = S("mx.example.net"), .dane = dane};
    assert_false(failed(tls_plan_make(&w->arena, &wishes, plan)));
    return plan;
}

static struct str key_of(struct world *w, const struct tls_plan *plan)
{
    return tls_sessions_key(&w->arena, plan, S("mx.example.net"), 25);
}

static void shows(struct world *w, X509 *x, int version)
{
    assert_int_equal(SSL_CTX_use_certificate(w->server, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(w->server, w->key), 1);
    SSL_CTX_set_max_proto_version(w->server, version);
}

// A connection as connect.c makes it: the session that the key has, the handshake, the proof, a
// word of the server's, and what is kept.
static struct tls_proof visit(struct world *w, const struct tls_plan *plan)
{
    SSL_CTX *context;
    BIO *ours, *theirs;
    struct tls_proof proof;
    char byte;
    int done = 0;
    struct tls_sessions *sessions = tls_clients_sessions(w->clients, plan);
    SSL_SESSION *session =
            sessions == NULL ? NULL : tls_sessions_find(sessions, key_of(w, plan), w->now_ms);
    assert_false(failed(tls_client_context(w->clients, plan, &w->arena, &context)));
    SSL *client = SSL_new(context), *server = SSL_new(w->server);
    assert_int_equal(BIO_new_bio_pair(&ours, PIPE_BYTES, &theirs, PIPE_BYTES), 1);
    SSL_set_bio(client, ours, ours);
    SSL_set_bio(server, theirs, theirs);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    if (session != NULL)
        assert_int_equal(SSL_set_session(client, session), 1);
    for (size_t i = 0; i < 10 && done != 2; i++)
        done = (SSL_do_handshake(client) == 1) + (SSL_do_handshake(server) == 1);
    assert_int_equal(done, 2);
    assert_false(failed(tls_verify(w->clients, plan, client, w->now_ms, &w->arena, &proof)));
    assert_int_equal(SSL_write(server, "2", 1), 1);
    assert_int_equal(SSL_read(client, &byte, 1), 1);
    if (sessions != NULL && proof.result_type == NULL && proof.step.course == TLS_GO_ON)
        tls_sessions_keep(sessions, key_of(w, plan), client, w->now_ms);
    SSL_SESSION_free(session);
    SSL_set_quiet_shutdown(client, 1);
    SSL_shutdown(client);
    SSL_free(client);
    SSL_free(server);
    return proof;
}

static void forget(struct world *w)
{
    struct tls_sessions *sessions = tls_clients_sessions(w->clients, plan_of(w, &w->strict, NULL));
    tls_sessions_done(sessions);
    w->now_ms = MADE_NOW_MS;
}

static void sessions_go_on(void **state)
{
    struct world *w = *state;
    const struct tls_plan *plan = plan_of(w, &w->strict, NULL);
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        forget(w);
        shows(w, w->good, version);
        check_true("the first is whole", !visit(w, plan).is_resumed);
        for (size_t i = 0; i < 3; i++) {
            struct tls_proof proof = visit(w, plan);
            check_true("then it goes on", proof.is_resumed);
            check_true("its certificate is proved again", proof.step.course == TLS_GO_ON);
            check_u64("at its level", proof.reached, TLS_LEVEL_PKIX);
            check_str("for its name", proof.name, S("mx.example.net"));
        }
    }
}

// A session in which nothing was proved, and one with the proof, to the same host.
static void levels_are_apart(void **state)
{
    struct world *w = *state;
    struct dns_tlsa record = tlsa_of(&w->arena, 3, 1, 1, w->self);
    struct dane dane = {.state = DANE_USABLE,
            .base = S("mx.example.net"),
            .usable = &record,
            .usable_count = 1};
    const struct tls_plan *none = plan_of(w, &w->lenient, NULL);
    const struct tls_plan *pkix = plan_of(w, &w->strict, NULL);
    const struct tls_plan *by_dane = plan_of(w, &w->strict, &dane);
    forget(w);
    shows(w, w->self, TLS1_3_VERSION);
    visit(w, none);
    check_true("the lenient one goes on", visit(w, none).is_resumed);
    struct tls_proof proof = visit(w, pkix);
    check_true("the strict one begins anew", !proof.is_resumed);
    check_true("and is not had by it", proof.step.course == TLS_NEXT_HOST);
    proof = visit(w, pkix);
    check_true("nor the next time, for nothing was kept of it", !proof.is_resumed);
    proof = visit(w, by_dane);
    check_true("nor that of DANE", !proof.is_resumed && proof.reached == TLS_LEVEL_DANE);
    proof = visit(w, by_dane);
    check_true("which has its own", proof.is_resumed && proof.reached == TLS_LEVEL_DANE);
    // The same strategy by its name, but another level: the key has both.
    w->lenient.id = w->strict.id;
    check_true("and no other", !visit(w, pkix).is_resumed);
}

// Records that have changed are another key; and were they not, the proof would fail.
static void records_still_hold(void **state)
{
    struct world *w = *state;
    struct dns_tlsa record = tlsa_of(&w->arena, 3, 1, 1, w->self);
    struct dns_tlsa other = tlsa_of_nobody(&w->arena, 3, 1, 1, 32);
    struct dane dane = {.state = DANE_USABLE,
            .base = S("mx.example.net"),
            .usable = &record,
            .usable_count = 1};
    struct dane changed = dane;
    changed.usable = &other;
    struct tls_plan *plan = plan_of(w, &w->strict, &dane);
    struct tls_plan *next = plan_of(w, &w->strict, &changed);
    forget(w);
    shows(w, w->self, TLS1_3_VERSION);
    visit(w, plan);
    check_true("it goes on", visit(w, plan).is_resumed);
    check_true("not with other records", !visit(w, next).is_resumed);
    next->identity = plan->identity;
    struct tls_proof proof = visit(w, next);
    check_true("were it to", proof.is_resumed);
    check_true("it would prove nothing", proof.step.course == TLS_NEXT_HOST);
}

static void time_ends_them(void **state)
{
    struct world *w = *state;
    const struct tls_plan *plan = plan_of(w, &w->strict, NULL);
    forget(w);
    shows(w, w->good, TLS1_3_VERSION);
    visit(w, plan);
    w->now_ms = MADE_NOW_MS + SESSION_AGE_MAX_MS - 1;
    check_true("not yet", visit(w, plan).is_resumed);
    w->now_ms++;
    check_true("having gone on makes it no younger", !visit(w, plan).is_resumed);
    forget(w);
    w->now_ms = MADE_NOW_MS + DAY_OF_EXPIRY * (int64_t)DAY_MS - HOUR_MS;
    visit(w, plan);
    w->now_ms += HOUR_MS - SECOND_MS;
    check_true("its certificate is good", visit(w, plan).is_resumed);
    w->now_ms += SECOND_MS;
    check_true("its certificate has expired", !visit(w, plan).is_resumed);
    forget(w);
    visit(w, plan);
    w->now_ms = MADE_NOW_MS - 1;
    check_true("the clock was set back", !visit(w, plan).is_resumed);
}

static void bounds_hold(void **state)
{
    struct world *w = *state;
    const struct tls_plan *plan = plan_of(w, &w->strict, NULL);
    struct tls_sessions *sessions = tls_clients_sessions(w->clients, plan);
    struct tls_plan others = *plan;
    forget(w);
    shows(w, w->good, TLS1_3_VERSION);
    visit(w, plan);
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        others.identity = arena_fmt(&w->arena, "%zu", i);
        visit(w, &others);
        if (i == SESSIONS_MAX - 2)
            check_true("used", visit(w, plan).is_resumed);
    }
    check_u64("as many as there may be", sessions->count, SESSIONS_MAX);
    check_true("who was used is there", visit(w, plan).is_resumed);
    others.identity = S("0");
    check_true("the oldest is not", !visit(w, &others).is_resumed);
    tls_sessions_forget(sessions, key_of(w, plan));
    check_true("forgotten", !visit(w, plan).is_resumed);
}

static void may_be_off(void **state)
{
    struct world *w = *state;
    SSL_CTX *context;
    struct tls_strategy off = w->strict;
    off.id = S("off");
    off.session_cache = false;
    const struct tls_plan *plan = plan_of(w, &off, NULL);
    shows(w, w->good, TLS1_3_VERSION);
    check_true("nothing is kept", tls_clients_sessions(w->clients, plan) == NULL);
    visit(w, plan);
    check_true("nothing goes on", !visit(w, plan).is_resumed);
    assert_false(failed(tls_client_context(w->clients, plan, &w->arena, &context)));
    check_true("no ticket is asked for", (SSL_CTX_get_options(context) & SSL_OP_NO_TICKET) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(sessions_go_on), TEST(levels_are_apart),
            TEST(records_still_hold), TEST(time_ends_them), TEST(bounds_hold), TEST(may_be_off)};
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
