// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_tls.c: TLS on a stream: both sides in one loop, over a pair.
#include "fixture.h"

#include "rt/tls.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define LARGE_BYTES (1 * MIB)
#define WAIT_MS 5000 // for what must come: far beyond what it takes

struct dialogue {
    const char *name;
    struct err (*client)(struct dialogue *d, struct stream *s) suspends;
    struct err (*server)(struct dialogue *d, struct stream *s) suspends;
    enum err_kind client_result, server_result; // expected
    int version, server_version;                // the client's highest, the server's lowest; 0: any
    SSL_CTX *client_context, *server_context;
    struct stream *ends[2];
    struct arena arena;
    struct err client_said, server_said;
};

static struct err say(struct stream *s, struct str text)
{
    TRY(stream_write(s, text));
    return stream_flush(s);
}

static struct err expect(struct stream *s, struct str text)
{
    struct str got;
    TRY(stream_peek(s, text.len, &got));
    assert_true(str_eq(str_upto(got, text.len), text));
    stream_consume(s, text.len);
    return OK;
}

static struct err start(struct dialogue *d, struct stream *s, enum tls_side side)
{
    return stream_tls(s, side == TLS_SERVER ? d->server_context : d->client_context, side,
            side == TLS_SERVER ? S("") : S("mx.example.net"), &d->arena);
}

// --- Orderly -------------------------------------------------------------------------------------

static struct err greeted(struct dialogue *d, struct stream *s)
{
    TRY(start(d, s, TLS_CLIENT));
    TRY(expect(s, S("220 hello\r\n")));
    TRY(say(s, S("QUIT\r\n")));
    TRY(stream_end(s));
    TRY(expect(s, S("221 bye\r\n"))); // our side has ended: theirs still may speak
    struct str got;
    return stream_read(s, 100, &got);
}

static struct err greets(struct dialogue *d, struct stream *s)
{
    struct str got;
    TRY(start(d, s, TLS_SERVER));
    assert_string_equal(
            SSL_get_servername(stream_ssl(s), TLSEXT_NAMETYPE_host_name), "mx.example.net");
    TRY(say(s, S("220 hello\r\n")));
    TRY(expect(s, S("QUIT\r\n")));
    assert_int_equal(stream_read(s, 100, &got).kind, ERR_CLOSED);
    TRY(say(s, S("221 bye\r\n")));
    return stream_end(s);
}

// The tickets are held back for the first word; one who only listens sends them before he waits.
static struct err gets_tickets(struct dialogue *d, struct stream *s)
{
    struct str got;
    TRY(start(d, s, TLS_CLIENT));
    for (int i = 0; i < WAIT_MS && !SSL_SESSION_is_resumable(SSL_get_session(stream_ssl(s))); i++) {
        within_ms(1);
        assert_int_equal(stream_read(s, 1, &got).kind, ERR_TIMEOUT);
    }
    assert_true(SSL_SESSION_is_resumable(SSL_get_session(stream_ssl(s))));
    return stream_end(s);
}

static struct err only_listens(struct dialogue *d, struct stream *s)
{
    struct str got;
    TRY(start(d, s, TLS_SERVER));
    return stream_read(s, 100, &got);
}

static struct err peeks_first(struct dialogue *d, struct stream *s)
{
    struct str got;
    TRY(stream_peek(s, 6, &got)); // as those do who look for a PROXY header
    assert_int_equal(got.ptr[0], 0x16);
    return greets(d, s);
}

static struct err pumps(struct dialogue *d, struct stream *s, enum tls_side side)
{
    char *large = mem_bytes(LARGE_BYTES);
    size_t seen = 0;
    struct err e = start(d, s, side);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = (char)(i * 7 / 5);
    if (side == TLS_CLIENT && !failed(e))
        e = say(s, str_of(large, LARGE_BYTES));
    while (!failed(e) && seen < LARGE_BYTES) {
        struct str got;
        e = stream_read(s, STREAM_READ_BYTES_MAX, &got);
        if (!failed(e))
            assert_memory_equal(got.ptr, large + seen, got.len);
        seen += failed(e) ? 0 : got.len;
    }
    if (side == TLS_SERVER && !failed(e))
        e = say(s, str_of(large, LARGE_BYTES));
    mem_free(large);
    TRY(e);
    struct str got;
    return side == TLS_SERVER ? stream_end(s) : stream_read(s, 1, &got);
}

static struct err client_pumps(struct dialogue *d, struct stream *s)
{
    return pumps(d, s, TLS_CLIENT);
}

static struct err server_pumps(struct dialogue *d, struct stream *s)
{
    return pumps(d, s, TLS_SERVER);
}

// --- Not so --------------------------------------------------------------------------------------

static struct err cuts_off(struct dialogue *d, struct stream *s)
{
    TRY(start(d, s, TLS_CLIENT));
    return say(s, S("half a li")); // and closes without a goodbye
}

static struct err hears_cut(struct dialogue *d, struct stream *s)
{
    struct str line;
    TRY(start(d, s, TLS_SERVER));
    struct err e = stream_until(s, S("\n"), 100, &line);
    assert_true(str_eq(stream_buffered(s), S("half a li")));
    assert_true(str_find(err_text(e), S("goodbye")) != STR_NOT_FOUND);
    return e;
}

static struct err renegotiates(struct dialogue *d, struct stream *s)
{
    TRY(start(d, s, TLS_CLIENT));
    TRY(expect(s, S("220 hello\r\n")));
    SSL_clear_options(stream_ssl(s), SSL_OP_NO_RENEGOTIATION); // we would not even ask
    assert_int_equal(SSL_renegotiate(stream_ssl(s)), 1);
    struct str got;
    TRY(say(s, S("QUIT\r\n")));
    return stream_read(s, 100, &got);
}

static struct err does_not(struct dialogue *d, struct stream *s)
{
    struct str got;
    TRY(start(d, s, TLS_SERVER));
    TRY(say(s, S("220 hello\r\n")));
    struct err e = stream_read(s, 100, &got);
    assert_int_equal(SSL_num_renegotiations(stream_ssl(s)), 0);
    return e;
}

static struct err speaks_plainly(struct dialogue *d UNUSED, struct stream *s)
{
    struct str got;
    TRY(say(s, S("EHLO client.example.net\r\n")));
    return stream_read(s, 100, &got); // an alert, if anything
}

static struct err wants_tls(struct dialogue *d, struct stream *s)
{
    struct err e = start(d, s, TLS_SERVER);
    assert_true(str_starts(err_text(e), S("TLS handshake: ")));
    return e;
}

// The server's alert reaches us, though its handshake was over before it was sent.
static struct err hears_alert(struct dialogue *d, struct stream *s)
{
    struct err e = start(d, s, TLS_CLIENT);
    assert_true(str_find(err_text(e), S("alert protocol version")) != STR_NOT_FOUND);
    return e;
}

static struct err says_nothing(struct dialogue *d UNUSED, struct stream *s)
{
    struct str got;
    within_ms(WAIT_MS);
    return stream_read(s, 100, &got);
}

static struct err waits_in_vain(struct dialogue *d, struct stream *s)
{
    within_ms(5);
    return start(d, s, TLS_SERVER);
}

static struct err leaves(struct dialogue *d UNUSED, struct stream *s UNUSED)
{
    return OK;
}

static const struct dialogue dialogues[] = {
        {.name = "greeting, half-close, goodbye",
                .client = greeted,
                .server = greets,
                .client_result = ERR_CLOSED},
        {.name = "the same with TLS 1.2",
                .client = greeted,
                .server = greets,
                .client_result = ERR_CLOSED,
                .version = TLS1_2_VERSION},
        {.name = "a ClientHello that was read already",
                .client = greeted,
                .server = peeks_first,
                .client_result = ERR_CLOSED},
        {.name = "tickets before a wait",
                .client = gets_tickets,
                .server = only_listens,
                .server_result = ERR_CLOSED},
        {.name = "a megabyte both ways",
                .client = client_pumps,
                .server = server_pumps,
                .client_result = ERR_CLOSED},
        {.name = "truncated", .client = cuts_off, .server = hears_cut, .server_result = ERR_RESET},
        {.name = "no renegotiation",
                .client = renegotiates,
                .server = does_not,
                .client_result = ERR_TLS,
                .server_result = ERR_TLS,
                .version = TLS1_2_VERSION},
        {.name = "a plain client",
                .client = speaks_plainly,
                .server = wants_tls,
                .client_result = ERR_CLOSED,
                .server_result = ERR_TLS},
        {.name = "no version in common",
                .client = hears_alert,
                .server = wants_tls,
                .client_result = ERR_TLS,
                .server_result = ERR_TLS,
                .version = TLS1_2_VERSION,
                .server_version = TLS1_3_VERSION},
        {.name = "a silent client",
                .client = says_nothing,
                .server = waits_in_vain,
                .client_result = ERR_CLOSED,
                .server_result = ERR_TIMEOUT},
        {.name = "a client that leaves",
                .client = leaves,
                .server = only_listens,
                .server_result = ERR_CLOSED},
};

// --- The stage -----------------------------------------------------------------------------------

static struct err client_main(void *arg)
{
    struct dialogue *d = arg;
    d->client_said = d->client(d, d->ends[0]);
    stream_close(d->ends[0]);
    return OK;
}

static struct err server_main(void *arg)
{
    struct dialogue *d = arg;
    d->server_said = d->server(d, d->ends[1]);
    stream_close(d->ends[1]);
    return OK;
}

static struct err stage(void *arg)
{
    struct dialogue *d = arg;
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(stream_pair(d->ends));
    TRY(group_spawn(&g, client_main, d));
    TRY(group_spawn(&g, server_main, d));
    return group_wait_all(&g);
}

static void certify(SSL_CTX *context)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(context, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void each_dialogue(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(dialogues); i++) {
        struct dialogue d = dialogues[i];
        print_message("    %s\n", d.name);
        d.client_context = SSL_CTX_new(TLS_client_method());
        d.server_context = SSL_CTX_new(TLS_server_method());
        certify(d.server_context);
        SSL_CTX_set_max_proto_version(d.client_context, d.version);
        SSL_CTX_set_min_proto_version(d.server_context, d.server_version);
        arena_init(&d.arena, 64 * KIB);
        assert_ok(run_real(stage, &d));
        if (d.client_said.kind != d.client_result)
            print_error("client: %.*s\n", ARG(err_text(d.client_said)));
        if (d.server_said.kind != d.server_result)
            print_error("server: %.*s\n", ARG(err_text(d.server_said)));
        assert_int_equal(d.client_said.kind, d.client_result);
        assert_int_equal(d.server_said.kind, d.server_result);
        arena_done(&d.arena);
        SSL_CTX_free(d.client_context);
        SSL_CTX_free(d.server_context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_dialogue)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
