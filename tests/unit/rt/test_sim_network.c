// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_sim_network.c: connections in the simulated world, and what goes wrong with
// them; machines that crash under them; TLS on them.
#include "sim_world.h"

#include "rt/tls.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static struct err with_latency(void *arg)
{
    struct world *w = arg;
    struct str got;
    sim_wire_set(w->sim, &(struct sim_wire){.latency_us = 10000});
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    assert_int_equal(now_ms(), 20);
    TRY(say(s, S("hello")));
    TRY(stream_read(s, 100, &got));
    assert_true(str_eq(got, S("hello")));
    assert_int_equal(now_ms(), 40);
    assert_true(ip_eq(&stream_local(s)->ip, &from_client.from));
    assert_true(endpoint_eq(stream_peer(s), &server_at));
    TRY(stream_end(s));
    assert_int_equal(stream_read(s, 1, &got).kind, ERR_CLOSED);
    assert_int_equal(now_ms(), 60);
    assert_int_equal(w->server_saw.kind, ERR_CLOSED);
    return OK;
}

static void segments_take_their_time(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, with_latency);
}

static struct err byte_by_byte(void *arg)
{
    struct world *w = arg;
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    sim_stream_segment(s, 1);
    TRY(say(s, S("abc")));
    struct str got;
    TRY(stream_peek(s, 3, &got));
    assert_true(str_eq(buf_str(&w->server_got), S("a|b|c|")));
    return OK;
}

static void readers_see_each_segment(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, byte_by_byte);
}

static struct err refused(void *arg)
{
    struct world *w = arg;
    struct stream *s;
    assert_int_equal(net_connect(&server_at, &from_client, &s).kind, ERR_UNREACHABLE);
    TRY(sim_node_start(w->node));
    task_yield();
    struct endpoint other = server_at;
    other.port = 26;
    assert_int_equal(net_connect(&other, &from_client, &s).kind, ERR_UNREACHABLE);
    other = (struct endpoint){.ip = {IP_V4, {198, 51, 100, 2}}, .port = 25};
    assert_int_equal(net_connect(&other, &from_client, &s).kind, ERR_UNREACHABLE);
    return OK;
}

static void nobody_listens(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, refused);
}

static struct err write_much(void *arg)
{
    struct world *w = arg;
    sim_wire_set(w->sim, &(struct sim_wire){.buffer_bytes = 1000});
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    TRY(say(s, S("x")));
    struct buf big AUTO(buf_done);
    buf_init(&big, MIB);
    buf_add_repeat(&big, 'y', 100 * KIB);
    within_ms(5000);
    assert_int_equal(stream_write(s, buf_str(&big)).kind, ERR_TIMEOUT);
    assert_int_equal(now_ms(), 5000);
    assert_true(stream_figures(s).bytes_out <= 2000); // what fits on the way and at the reader
    return OK;
}

static void who_does_not_read_holds_up_the_writer(void **state UNUSED)
{
    struct world w = {.serve = hold};
    tell(&w, write_much);
}

static struct err abort_it(void *arg)
{
    struct world *w = arg;
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    TRY(say(s, S("x")));
    struct str got;
    TRY(stream_read(s, 1, &got));
    sim_stream_abort(s);
    assert_int_equal(stream_read(s, 1, &got).kind, ERR_RESET);
    TRY(task_sleep_ms(1));
    assert_int_equal(w->server_saw.kind, ERR_RESET);
    return OK;
}

static void resets(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, abort_it);
}

static struct err close_unread(struct world *w UNUSED, struct stream *s)
{
    struct str piece;
    TRY(say(s, S("goodbye")));
    return stream_peek(s, 1, &piece); // and leaves it unread
}

static struct err lose_the_goodbye(void *arg)
{
    struct world *w = arg;
    sim_wire_set(w->sim, &(struct sim_wire){.latency_us = 1000});
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    TRY(say(s, S("1234")));
    TRY(say(s, S("5678")));
    TRY(task_sleep_ms(100));
    struct str got;
    assert_int_equal(stream_read(s, 100, &got).kind, ERR_RESET);
    assert_true(sim_stream_was_reset(s));
    return OK;
}

static void closing_with_unread_bytes_is_a_reset(void **state UNUSED)
{
    struct world w = {.serve = close_unread};
    tell(&w, lose_the_goodbye);
}

static struct err cut_and_heal(void *arg)
{
    struct world *w = arg;
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL, *second = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    sim_cut(w->sim, &server_ip);
    TRY(say(s, S("one ")));
    TRY(say(s, S("two")));
    TRY(task_sleep_ms(10 * MINUTE_MS));
    assert_int_equal(w->server_got.len, 0);
    {
        within_ms(30 * SECOND_MS);
        assert_int_equal(net_connect(&server_at, &from_client, &second).kind, ERR_TIMEOUT);
    }
    sim_cut_heal(w->sim, &server_ip);
    struct str got;
    TRY(stream_peek(s, 7, &got));
    assert_true(str_eq(got, S("one two")));
    sim_cut(w->sim, &server_ip);
    TRY(say(s, S("lost")));
    TRY(task_sleep_ms(HOUR_MS));
    assert_int_equal(say(s, S("!")).kind, ERR_RESET); // given up after a quarter of an hour
    sim_cut_heal(w->sim, &server_ip);
    return OK;
}

static void cuts_hold_back_and_give_up(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, cut_and_heal);
}

static struct err half_open(void *arg)
{
    struct world *w = arg;
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    struct str got;
    TRY(say(s, S("x")));
    TRY(stream_read(s, 1, &got));
    sim_node_crash(w->node, SIM_CRASH_SILENT);
    assert_false(sim_node_is_up(w->node));
    {
        within_ms(MINUTE_MS);
        TRY(say(s, S("are you there?")));
        assert_int_equal(stream_read(s, 1, &got).kind, ERR_TIMEOUT);
    }
    TRY(sim_node_start(w->node)); // it knows nothing of us
    assert_int_equal(stream_read(s, 1, &got).kind, ERR_RESET);
    struct stream *again AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &again));
    TRY(say(again, S("y")));
    TRY(stream_read(again, 1, &got));
    sim_node_crash(w->node, SIM_CRASH_RESET);
    assert_int_equal(stream_read(again, 1, &got).kind, ERR_RESET);
    assert_int_equal(net_connect(&server_at, &from_client, &s).kind, ERR_UNREACHABLE);
    assert_int_equal(sim_node_starts(w->node), 2);
    return OK;
}

static struct err ask_a_machine_that_is_down(void *arg)
{
    struct world *w = arg;
    struct stream *s = NULL, *old AUTO(stream_close_auto) = NULL;
    struct str got;
    TRY(sim_node_start(w->node));
    TRY(net_connect(&server_at, &from_client, &old));
    sim_node_crash(w->node, SIM_CRASH_SILENT);
    TRY(stream_end(old));
    {
        within_ms(MINUTE_MS);
        assert_int_equal(net_connect(&server_at, &from_client, &s).kind, ERR_TIMEOUT);
        assert_int_equal(stream_read(old, 1, &got).kind, ERR_TIMEOUT);
    }
    assert_int_equal(now_ms(), MINUTE_MS);
    assert_int_equal(net_connect(&server_at, &from_client, &s).kind, ERR_TIMEOUT);
    assert_int_equal(now_ms(), MINUTE_MS + 127 * SECOND_MS); // tcp(7), tcp_syn_retries
    TRY(sim_node_start(w->node));
    assert_int_equal(stream_read(old, 1, &got).kind, ERR_RESET);
    return OK;
}

static void nobody_answers(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, ask_a_machine_that_is_down);
}

static void crashes(void **state UNUSED)
{
    struct world w = {.serve = echo};
    tell(&w, half_open);
}

static struct err two_handles(void *arg)
{
    struct world *w = arg;
    struct acceptor *first, *second;
    TRY(sim_listen_on(w->sim, w->node, &server_at, &(struct listen_options){0}, &first));
    assert_int_equal(
            sim_listen_on(w->sim, w->node, &server_at, &(struct listen_options){0}, &second).kind,
            ERR_EXISTS);
    TRY(sim_acceptor_share(first, &second));
    acceptor_close(first);
    struct stream *ours AUTO(stream_close_auto) = NULL, *theirs AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &ours));
    assert_int_equal(net_accept(first, &theirs).kind, ERR_CLOSED);
    TRY(net_accept(second, &theirs));
    acceptor_free(first);
    acceptor_free(second);
    assert_int_equal(net_connect(&server_at, &from_client, &theirs).kind, ERR_UNREACHABLE);
    return OK;
}

static void listening_sockets_are_inherited(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, two_handles);
}

// --- TLS -----------------------------------------------------------------------------------------

static SSL_CTX *server_context(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    SSL_CTX *c = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(c, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(c, key), 1);
    X509_free(x);
    EVP_PKEY_free(key);
    return c;
}

static void make_context(void *arg)
{
    *(SSL_CTX **)arg = server_context();
}

static struct err echo_tls(struct world *w, struct stream *s)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 4096);
    SSL_CTX *c = NULL;
    deep_call(make_context, &c);
    struct err e = stream_tls(s, c, TLS_SERVER, S(""), &a);
    SSL_CTX_free(c);
    TRY(e);
    return echo(w, s);
}

static void make_client_context(void *arg)
{
    *(SSL_CTX **)arg = SSL_CTX_new(TLS_client_method());
}

static struct err over_tls(void *arg)
{
    struct world *w = arg;
    struct arena a AUTO(arena_done);
    arena_init(&a, 4096);
    sim_wire_set(w->sim, &(struct sim_wire){.latency_us = 5000, .segment_bytes = 1});
    TRY(sim_node_start(w->node));
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(net_connect(&server_at, &from_client, &s));
    SSL_CTX *c = NULL;
    deep_call(make_client_context, &c);
    struct err e = stream_tls(s, c, TLS_CLIENT, S("mx.example"), &a);
    SSL_CTX_free(c);
    TRY(e);
    TRY(say(s, S("secret")));
    struct str got;
    TRY(stream_peek(s, 6, &got));
    assert_true(str_eq(got, S("secret")));
    assert_int_equal(now_ms(), 10 + 10 + 10); // connecting, the handshake, the echo
    sim_stream_abort(s);                      // found below TLS, too
    assert_int_equal(say(s, S("x")).kind == ERR_NONE, 0);
    return OK;
}

static void tls_in_memory(void **state UNUSED)
{
    struct world w = {.serve = echo_tls};
    tell(&w, over_tls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(segments_take_their_time),
            cmocka_unit_test(readers_see_each_segment),
            cmocka_unit_test(nobody_listens),
            cmocka_unit_test(who_does_not_read_holds_up_the_writer),
            cmocka_unit_test(resets),
            cmocka_unit_test(closing_with_unread_bytes_is_a_reset),
            cmocka_unit_test(cuts_hold_back_and_give_up),
            cmocka_unit_test(crashes),
            cmocka_unit_test(nobody_answers),
            cmocka_unit_test(listening_sockets_are_inherited),
            cmocka_unit_test(tls_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
