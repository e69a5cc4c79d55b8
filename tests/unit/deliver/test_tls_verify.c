// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_tls_verify.c: what certificates prove after real handshakes in memory
// (outbound.md 14.2): authorities, dates, names, strength, revocation; with DANE above it all.
#include "tlsa_made.h"

#include "conf/conf.h"
#include "deliver/security/tls.h"

#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPE_BYTES (64 * KIB)

enum who {
    ROOT,
    STRANGER,
    GOOD,
    WILD,
    CN_ONLY,
    CN_AND_SAN,
    CN_AND_IP,
    EXPIRED,
    FUTURE,
    SELF,
    FOREIGN,
    WEAK,
    OLD_HASH,
    BY_IP,
    LONGER,
    WHO_COUNT,
};

struct world {
    struct arena arena;
    EVP_PKEY *keys[WHO_COUNT];
    X509 *x[WHO_COUNT];
    struct str ca_pem;
    struct tls_clients *clients;
    struct tls_strategy strategy;
    struct route route;
    bool is_revoked;
};

static void make(struct world *w, enum who who, enum who by, const struct made_wish *wish)
{
    struct made_wish full = *wish;
    w->keys[who] = made_key(who == WEAK ? "RSA-1024" : "P-256");
    full.key = w->keys[who];
    if (by != who) {
        full.issuer = w->x[by];
        full.issuer_key = w->keys[by];
    }
    full.from_days = full.from_days == 0 ? -1000 : full.from_days;
    full.to_days = full.to_days == 0 ? 1000 : full.to_days;
    w->x[who] = made_certificate(&full);
}

static struct err read_ca(
        void *self, struct arena *a, struct str path, size_t bytes_max, struct conf_file *out)
{
    struct world *w = self;
    (void)bytes_max;
    if (!str_eq(path, S("/ca.pem")))
        return fail_fmt(a, ERR_NOT_FOUND, "cannot read %.*s", ARG(path));
    *out = (struct conf_file){.text = w->ca_pem};
    return OK;
}

static int world_begin(void **state)
{
    struct world *w = mem_new(struct world);
    arena_init(&w->arena, 4 * MIB);
    make(w, ROOT, ROOT, &(struct made_wish){.cn = "Root", .is_authority = true});
    make(w, STRANGER, STRANGER, &(struct made_wish){.cn = "Stranger", .is_authority = true});
    make(w, GOOD, ROOT,
            &(struct made_wish){.cn = "x", .names = "DNS:a.example,DNS:MX.Example.net"});
    make(w, WILD, ROOT,
            &(struct made_wish){.cn = "x", .names = "DNS:*.example.net,DNS:m*.example"});
    make(w, CN_ONLY, ROOT, &(struct made_wish){.cn = "mx.example.net"});
    make(w, CN_AND_SAN, ROOT,
            &(struct made_wish){.cn = "mx.example.net", .names = "DNS:a.example"});
    make(w, CN_AND_IP, ROOT, &(struct made_wish){.cn = "mx.example.net", .names = "IP:192.0.2.9"});
    make(w, EXPIRED, ROOT,
            &(struct made_wish){.cn = "x", .names = "DNS:mx.example.net", .to_days = -1});
    make(w, FUTURE, ROOT,
            &(struct made_wish){.cn = "x", .names = "DNS:mx.example.net", .from_days = 1});
    make(w, SELF, SELF, &(struct made_wish){.cn = "mx.example.net", .names = "DNS:mx.example.net"});
    make(w, FOREIGN, STRANGER, &(struct made_wish){.cn = "x", .names = "DNS:mx.example.net"});
    make(w, WEAK, ROOT, &(struct made_wish){.cn = "x", .names = "DNS:mx.example.net"});
    make(w, OLD_HASH, ROOT,
            &(struct made_wish){.cn = "x", .names = "DNS:mx.example.net", .digest = EVP_sha1()});
    make(w, BY_IP, ROOT,
            &(struct made_wish){.cn = "192.0.2.1", .names = "IP:192.0.2.1,IP:2001:db8::1"});
    make(w, LONGER, ROOT,
            &(struct made_wish){.cn = "x", .names = "DNS:mx.example.net.evil.example"});
    w->ca_pem = made_pem(&w->arena, w->x[ROOT]);
    w->strategy = (struct tls_strategy){.id = S("t"),
            .dane = TLS_OPTIONAL,
            .mta_sts = TLS_OPTIONAL,
            .version_min = TLS1_2_VERSION,
            .ca_file = S("/ca.pem")};
    struct deliver_settings settings = {.tls = &w->strategy, .tls_count = 1};
    struct conf_files files = {.self = w, .read = read_ca};
    struct err e = tls_clients_make(&w->arena,
            &(struct tls_clients_options){.settings = &settings, .files = &files}, &w->clients);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    *state = w;
    return 0;
}

static int world_end(void **state)
{
    struct world *w = *state;
    tls_clients_free(w->clients);
    for (size_t i = 0; i < WHO_COUNT; i++) {
        EVP_PKEY_free(w->keys[i]);
        X509_free(w->x[i]);
    }
    arena_done(&w->arena);
    mem_free(w);
    return 0;
}

// --- A handshake in memory -----------------------------------------------------------------------

// What the authority says about the certificate, stapled.
static int staple(SSL *ssl, void *world)
{
    struct world *w = world;
    unsigned char *der = NULL;
    if (!w->is_revoked)
        return SSL_TLSEXT_ERR_NOACK;
    OCSP_BASICRESP *said = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, SSL_get_certificate(ssl), w->x[ROOT]);
    ASN1_TIME *then = ASN1_GENERALIZEDTIME_set(NULL, MADE_NOW_MS / 1000);
    OCSP_basic_add1_status(said, id, V_OCSP_CERTSTATUS_REVOKED, 0, then, then, NULL);
    OCSP_basic_sign(said, w->x[ROOT], w->keys[ROOT], EVP_sha256(), NULL, 0);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, said);
    int len = i2d_OCSP_RESPONSE(response, &der);
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, len, der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(said);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(then);
    return SSL_TLSEXT_ERR_OK;
}

static SSL *server_for(struct world *w, enum who who)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(context, 0);
    assert_int_equal(SSL_CTX_use_certificate(context, w->x[who]), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, w->keys[who]), 1);
    SSL_CTX_set_tlsext_status_cb(context, staple);
    SSL_CTX_set_tlsext_status_arg(context, w);
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    return ssl;
}

static void verify(
        struct world *w, enum who who, const struct tls_plan *plan, struct tls_proof *out)
{
    SSL_CTX *context;
    BIO *ours, *theirs;
    struct err e = tls_client_context(w->clients, plan, &w->arena, &context);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
    SSL *client = SSL_new(context), *server = server_for(w, who);
    assert_int_equal(BIO_new_bio_pair(&ours, PIPE_BYTES, &theirs, PIPE_BYTES), 1);
    SSL_set_bio(client, ours, ours);
    SSL_set_bio(server, theirs, theirs);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    int done = 0;
    for (size_t i = 0; i < 10 && done != 2; i++)
        done = (SSL_do_handshake(client) == 1) + (SSL_do_handshake(server) == 1);
    assert_int_equal(done, 2);
    e = tls_verify(w->clients, plan, client, MADE_NOW_MS, &w->arena, out);
    assert_false(failed(e));
    check_true("version", str_starts(out->version, S("TLSv1.")));
    check_true("cipher", str_contains(out->cipher, S("_")));
    SSL_free(client);
    SSL_free(server);
}

static struct tls_plan *plan_of(struct world *w, struct tls_wishes *wishes)
{
    struct tls_plan *plan = arena_make(&w->arena, struct tls_plan);
    wishes->strategy = &w->strategy;
    wishes->route = &w->route;
    assert_false(failed(tls_plan_make(&w->arena, wishes, plan)));
    assert_false(plan->refused);
    return plan;
}

// --- Levels PKIX and STS-PKIX --------------------------------------------------------------------

static const struct {
    const char *name;
    enum who who;
    const char *host; // NULL: mx.example.net; or an address
    enum tls_sts sts;
    const char *result_type; // NULL: good
} cases[] = {
        {"the second name, whatever its case", GOOD, NULL, TLS_STS_NONE, NULL},
        {"another name", GOOD, "b.example", TLS_STS_NONE, "certificate-host-mismatch"},
        {"a name below", GOOD, "b.a.example", TLS_STS_NONE, "certificate-host-mismatch"},
        {"a wildcard", WILD, NULL, TLS_STS_NONE, NULL},
        {"a wildcard is one label", WILD, "a.mx.example.net", TLS_STS_NONE,
                "certificate-host-mismatch"},
        {"a wildcard is not no label", WILD, "example.net", TLS_STS_NONE,
                "certificate-host-mismatch"},
        {"a wildcard within a label is none", WILD, "mx.example", TLS_STS_NONE,
                "certificate-host-mismatch"},
        {"a common name without others", CN_ONLY, NULL, TLS_STS_NONE, NULL},
        {"a common name, but a policy", CN_ONLY, NULL, TLS_STS_ENFORCE,
                "certificate-host-mismatch"},
        {"a common name beside others", CN_AND_SAN, NULL, TLS_STS_NONE,
                "certificate-host-mismatch"},
        {"a common name beside an address", CN_AND_IP, NULL, TLS_STS_NONE,
                "certificate-host-mismatch"},
        {"a name that only begins so", LONGER, NULL, TLS_STS_NONE, "certificate-host-mismatch"},
        {"expired", EXPIRED, NULL, TLS_STS_NONE, "certificate-expired"},
        {"not yet valid", FUTURE, NULL, TLS_STS_ENFORCE, "certificate-expired"},
        {"self-signed", SELF, NULL, TLS_STS_NONE, "certificate-not-trusted"},
        {"by a stranger", FOREIGN, NULL, TLS_STS_NONE, "certificate-not-trusted"},
        {"RSA 1024", WEAK, NULL, TLS_STS_NONE, "validation-failure"},
        {"SHA-1", OLD_HASH, NULL, TLS_STS_ENFORCE, "validation-failure"},
        {"an address", BY_IP, "192.0.2.1", TLS_STS_NONE, NULL},
        {"an IPv6 address", BY_IP, "2001:db8::1", TLS_STS_NONE, NULL},
        {"another address", BY_IP, "192.0.2.2", TLS_STS_NONE, "certificate-host-mismatch"},
        {"an address is no name", GOOD, "192.0.2.1", TLS_STS_NONE, "certificate-host-mismatch"},
        {"good, and a policy", GOOD, NULL, TLS_STS_ENFORCE, NULL},
};

static void public_proofs(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tls_proof proof;
        struct tls_wishes wishes = {.sts = cases[i].sts, .sts_matches = true};
        wishes.host = cases[i].host == NULL ? S("mx.example.net") : str_from_c(cases[i].host);
        if (ip_parse(wishes.host, &wishes.ip))
            wishes.host = STR_NULL;
        const struct tls_plan *plan = plan_of(w, &wishes);
        bool good = cases[i].result_type == NULL;
        verify(w, cases[i].who, plan, &proof);
        check_str(cases[i].name, str_from_c(proof.result_type), str_from_c(cases[i].result_type));
        check_u64(cases[i].name, proof.step.course, good ? TLS_GO_ON : TLS_NEXT_HOST);
        check_u64(cases[i].name, proof.reached, good ? plan->level : TLS_LEVEL_NONE);
        if (good && plan->ip.family == IP_NONE)
            check_str(cases[i].name, proof.name, S("mx.example.net"));
        if (!good)
            check_str(cases[i].name, proof.step.answer.outcome.enhanced, S("4.7.5"));
        if (!good)
            check_u64(cases[i].name, proof.step.answer.outcome.kind,
                    cases[i].sts == TLS_STS_ENFORCE ? FAILURE_MTA_STS : FAILURE_TLS);
        if (cases[i].sts == TLS_STS_ENFORCE)
            check_str(cases[i].name, str_from_c(proof.sts_result_type),
                    str_from_c(cases[i].result_type));
    }
}

static void revoked(void **state)
{
    struct world *w = *state;
    struct tls_proof proof;
    struct tls_wishes wishes = {.host = S("mx.example.net")};
    const struct tls_plan *plan = plan_of(w, &wishes);
    w->is_revoked = true;
    verify(w, GOOD, plan, &proof);
    w->is_revoked = false;
    check_str("the authority says so", str_from_c(proof.result_type), S("validation-failure"));
    check_true("why", str_contains(proof.why, S("revoked")));
    verify(w, GOOD, plan, &proof);
    check_true("nobody says so", proof.result_type == NULL);
}

// --- Who is lenient, and about what --------------------------------------------------------------

static void leniency(void **state)
{
    struct world *w = *state;
    struct tls_proof proof;
    struct tls_wishes wishes = {.host = S("mx.example.net")};
    w->strategy.accept_on_invalid = true;
    verify(w, SELF, plan_of(w, &wishes), &proof);
    check_u64("accepted at once", proof.step.course, TLS_GO_ON);
    check_u64("but nothing is proved", proof.reached, TLS_LEVEL_NONE);
    check_str("and it is known", str_from_c(proof.result_type), S("certificate-not-trusted"));
    w->strategy.accept_on_invalid = false;

    w->strategy.allow_invalid = true;
    verify(w, SELF, plan_of(w, &wishes), &proof);
    check_true("any certificate", proof.step.course == TLS_GO_ON && proof.result_type == NULL);
    wishes.sts = TLS_STS_TESTING;
    wishes.sts_matches = true;
    verify(w, SELF, plan_of(w, &wishes), &proof);
    check_true("a policy under test stops nothing", proof.step.course == TLS_GO_ON);
    check_str("but hears of it", str_from_c(proof.sts_result_type), S("certificate-not-trusted"));
    verify(w, GOOD, plan_of(w, &wishes), &proof);
    check_true("and of what is good", proof.sts_result_type == NULL);
    wishes.sts_matches = false;
    verify(w, GOOD, plan_of(w, &wishes), &proof);
    check_str("another host", str_from_c(proof.sts_result_type), S("validation-failure"));
    wishes.sts = TLS_STS_ENFORCE;
    wishes.sts_matches = true;
    verify(w, SELF, plan_of(w, &wishes), &proof);
    check_true("a policy is stronger than leniency", proof.step.course == TLS_NEXT_HOST);
    w->strategy.allow_invalid = false;
}

static void dane_has_the_last_word(void **state)
{
    struct world *w = *state;
    struct tls_proof proof;
    struct dns_tlsa records[] = {
            tlsa_of(&w->arena, 3, 1, 1, w->x[EXPIRED]), tlsa_of(&w->arena, 2, 1, 1, w->x[ROOT])};
    struct dane dane = {.state = DANE_USABLE,
            .base = S("mx.example.net"),
            .usable = records,
            .usable_count = 1};
    struct tls_wishes wishes = {.host = S("mx.example.net"), .dane = &dane};
    verify(w, EXPIRED, plan_of(w, &wishes), &proof);
    check_true("expired, and it is the key", proof.step.course == TLS_GO_ON);
    check_u64("level", proof.reached, TLS_LEVEL_DANE);
    verify(w, GOOD, plan_of(w, &wishes), &proof);
    check_true("trusted by all, and another key", proof.step.course == TLS_NEXT_HOST);
    check_u64("kind", proof.step.answer.outcome.kind, FAILURE_DANE);
    check_str("type", str_from_c(proof.result_type), S("validation-failure"));
    wishes.sts = TLS_STS_ENFORCE;
    wishes.sts_matches = true;
    verify(w, GOOD, plan_of(w, &wishes), &proof);
    check_true("which MTA-STS does not mend", proof.step.course == TLS_NEXT_HOST);
    verify(w, EXPIRED, plan_of(w, &wishes), &proof);
    check_true("nor break", proof.step.course == TLS_GO_ON && proof.sts_result_type == NULL);
    wishes.sts = TLS_STS_NONE;
    w->strategy.honor_tls_required_no = true;
    wishes.tls_is_optional = true;
    verify(w, GOOD, plan_of(w, &wishes), &proof);
    check_true("the sender waives it", proof.step.course == TLS_GO_ON);
    check_u64("which proves nothing", proof.reached, TLS_LEVEL_NONE);
    check_str("and is told", str_from_c(proof.result_type), S("validation-failure"));
}

static void what_cannot_be_made(void **state)
{
    struct world *w = *state;
    struct tls_clients *clients;
    SSL_CTX *context;
    struct tls_strategy missing = {.id = S("m"), .ca_file = S("/missing.pem")};
    struct deliver_settings settings = {.tls = &missing, .tls_count = 1};
    struct conf_files files = {.self = w, .read = read_ca};
    struct tls_clients_options options = {.settings = &settings, .files = &files};
    struct err e = tls_clients_make(&w->arena, &options, &clients);
    check_true("no such file", failed(e) && str_contains(err_text(e), S("/missing.pem")));
    missing.ca_file = S("/ca.pem");
    struct str good = w->ca_pem;
    w->ca_pem = S("nothing");
    e = tls_clients_make(&w->arena, &options, &clients);
    w->ca_pem = good;
    check_u64("no certificate in it", e.kind, ERR_CONFIG);
    w->route.tls_certificate = S("nobody");
    struct tls_wishes wishes = {.host = S("mx.example.net")};
    e = tls_client_context(w->clients, plan_of(w, &wishes), &w->arena, &context);
    w->route.tls_certificate = STR_NULL;
    check_true("no such certificate", failed(e) && str_contains(err_text(e), S("nobody")));
}

// outbound.md 27.3: a system without authorities is told of at the start.
static void a_system_that_trusts_nobody(void **state)
{
    struct world *w = *state;
    static const char folder[] = "/tmp/posthaste-test-XXXXXX";
    char empty[sizeof(folder)];
    struct tls_clients *clients;
    const struct deliver_settings settings = {0};
    const struct conf_files files = {.self = w, .read = read_ca};
    memcpy(empty, folder, sizeof(empty));
    assert_non_null(mkdtemp(empty));
    const struct tls_clients_options options = {
            .settings = &settings, .files = &files, .system_folder = str_from_c(empty)};
    assert_int_equal(setenv("SSL_CERT_FILE", "/dev/null", 1), 0);
    assert_false(failed(tls_clients_make(&w->arena, &options, &clients)));
    check_true("nobody", tls_clients_trust_nobody(clients));
    tls_clients_free(clients);
    struct str pem = arena_fmt(&w->arena, "%s/0a1b2c3d.0%c", empty, 0);
    FILE *file = fopen(pem.ptr, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_false(failed(tls_clients_make(&w->arena, &options, &clients)));
    check_true("a folder of them", !tls_clients_trust_nobody(clients));
    tls_clients_free(clients);
    assert_int_equal(unlink(pem.ptr) | rmdir(empty), 0);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
}

static void contexts_are_kept(void **state)
{
    struct world *w = *state;
    SSL_CTX *first, *again, *other;
    struct tls_wishes wishes = {.host = S("mx.example.net")};
    struct tls_plan *plan = plan_of(w, &wishes);
    struct tls_strategy old = w->strategy;
    assert_false(failed(tls_client_context(w->clients, plan, &w->arena, &first)));
    assert_false(failed(tls_client_context(w->clients, plan, &w->arena, &again)));
    check_true("one for a strategy", first == again);
    old.version_min = TLS1_VERSION;
    plan->strategy = &old;
    assert_false(failed(tls_client_context(w->clients, plan, &w->arena, &other)));
    check_true("another one", first != other);
    check_u64("TLS 1.2", (uint64_t)SSL_CTX_get_min_proto_version(first), TLS1_2_VERSION);
    check_u64("TLS 1.0", (uint64_t)SSL_CTX_get_min_proto_version(other), TLS1_VERSION);
    check_u64("no session is kept", (uint64_t)SSL_CTX_get_session_cache_mode(first),
            SSL_SESS_CACHE_OFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(public_proofs), TEST(revoked), TEST(leniency),
            TEST(dane_has_the_last_word), TEST(what_cannot_be_made),
            TEST(a_system_that_trusts_nobody), TEST(contexts_are_kept)};
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
