// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_sim.c: the simulated world: its clock and chance, its network and what goes
// wrong in it, its machines.
#define POSTHASTE_BASE_ROOM
#include "rt/sim/sim.h"

#include "rt/tls.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>

#undef fail // cmocka has one of its own
#include <cmocka.h>

#undef fail
#define fail(err_kind, literal)                                                                    \
    ((struct err){.text = "" literal, .text_len = sizeof(literal) - 1, .kind = (err_kind)})

static const struct ip server_ip = {IP_V4, {198, 51, 100, 1}};
static const struct endpoint server_at = {.ip = {IP_V4, {198, 51, 100, 1}}, .port = 25};
static const struct connect_options from_client = {.from = {IP_V4, {192, 0, 2, 7}}};

struct world {
    struct sim *sim;
    struct node *node;
    struct acceptor *acceptor;
    struct err server_saw; // how its last conversation ended
    struct buf server_got;
    struct err (*serve)(struct world *w, struct stream *s) suspends;
    int64_t at_ms;
    size_t served;
};

static struct err server_main(void *arg)
{
    struct world *w = arg;
    struct acceptor *a = NULL;
    TRY(net_listen(&(struct endpoint){.ip = {.family = IP_V4}, .port = 25},
            &(struct listen_options){0}, &a));
    struct err e = OK;
    while (!failed(e)) {
        struct stream *s AUTO(stream_close_auto) = NULL;
        e = net_accept(a, &s);
        if (failed(e))
            break;
        w->served++;
        w->server_saw = w->serve(w, s);
        w->at_ms = now_ms();
    }
    acceptor_free(a);
    return e;
}

static struct err echo(struct world *w, struct stream *s)
{
    for (;;) {
        struct str piece;
        TRY(stream_read(s, 1000, &piece));
        buf_add(&w->server_got, piece);
        buf_add_byte(&w->server_got, '|');
        TRY(stream_write(s, piece));
        TRY(stream_flush(s));
    }
}

static struct err hold(struct world *w, struct stream *s)
{
    struct str piece;
    TRY(stream_peek(s, 1, &piece));
    (void)w;
    return task_sleep_ms(HOUR_MS);
}

// Runs a story with a node that serves so at 198.51.100.1.
static void tell(struct world *w, task_main *story)
{
    w->sim = sim_new(7);
    assert_non_null(w->sim);
    buf_init(&w->server_got, MIB);
    struct sim_node node = {
            .name = S("server"), .ips = {server_ip}, .ip_count = 1, .main = server_main, .arg = w};
    assert_false(failed(sim_node_add(w->sim, &node, &w->node)));
    struct err e = sim_run(w->sim, story, w);
    if (failed(e))
        print_message("%.*s\n", ARG(err_text(e)));
    assert_int_equal(e.kind, ERR_NONE);
    buf_done(&w->server_got);
    sim_free(w->sim);
}

static struct err say(struct stream *s, struct str text)
{
    TRY(stream_write(s, text));
    return stream_flush(s);
}

// --- Time and chance -----------------------------------------------------------------------------

static struct err five_days(void *arg)
{
    struct world *w = arg;
    assert_int_equal(now_ms(), 0);
    assert_true(wall_ms() == SIM_WALL_MS);
    TRY(task_sleep_ms(5 * (int64_t)DAY_MS));
    assert_true(now_ms() == 5 * (int64_t)DAY_MS);
    assert_true(wall_ms() == SIM_WALL_MS + 5 * (int64_t)DAY_MS);
    sim_wall_set(w->sim, 1000);
    TRY(task_sleep_ms(17));
    assert_true(wall_ms() == 1017);
    within_ms(10);
    return task_sleep_ms(20).kind == ERR_TIMEOUT ? OK : fail(ERR_INTERNAL, "no deadline");
}

static void time_jumps(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, five_days);
}

static struct err draw(void *arg)
{
    random_bytes(arg, 21);
    return OK;
}

static void chance_comes_from_the_seed(void **state UNUSED)
{
    char drawn[3][21] = {{0}};
    static const uint64_t seeds[] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        struct sim *sim = sim_new(seeds[i]);
        assert_false(failed(sim_run(sim, draw, drawn[i])));
        sim_free(sim);
    }
    assert_memory_equal(drawn[0], drawn[1], 21);
    assert_memory_not_equal(drawn[0], drawn[2], 21);
}

static void note_stack(void *arg)
{
    *(bool *)arg = !in_task();
}

static struct err offload_at_once(void *arg UNUSED)
{
    bool on_large_stack = false;
    int64_t before_ms = now_ms();
    TRY(offload(note_stack, &on_large_stack));
    assert_true(on_large_stack);
    assert_true(now_ms() == before_ms);
    return OK;
}

static void helpers_work_at_once(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, offload_at_once);
}

static struct err wait_for_nothing(void *arg UNUSED)
{
    struct waitq never;
    waitq_init(&never);
    return waitq_wait(&never, "nothing");
}

static void endless_waits_are_found(void **state UNUSED)
{
    struct sim *sim = sim_new(1);
    assert_int_equal(sim_run(sim, wait_for_nothing, NULL).kind, ERR_INTERNAL);
    sim_free(sim);
}

// --- Network -------------------------------------------------------------------------------------

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

// --- Names ---------------------------------------------------------------------------------------

static struct err ask_names(void *arg)
{
    struct world *w = arg;
    struct arena a AUTO(arena_done);
    struct resolver *r;
    struct dns_ip_answer answer;
    arena_init(&a, MIB);
    TRY(dns_zone_add(sim_dns(w->sim), S("mx.example"), DNS_A, S("\xc0\x00\x02\x01")));
    TRY(resolver_new(&a, NULL, &r));
    TRY(dns_a(r, &a, S("mx.example"), &answer));
    assert_int_equal(answer.count, 1);
    assert_int_equal(now_ms(), 0);
    struct dns_fault slow = {.name = S("mx.example"), .delay_ms = 3000};
    TRY(sim_dns_fault(w->sim, &slow));
    TRY(dns_a(r, &a, S("mx.example"), &answer));
    assert_int_equal(answer.answer.outcome, DNS_ANSWER);
    assert_int_equal(now_ms(), 3000);
    struct dns_fault broken = {.name = S("mx.example"), .kind = DNS_FAULT_SERVFAIL};
    TRY(sim_dns_fault(w->sim, &broken)); // the last one counts
    TRY(dns_a(r, &a, S("mx.example"), &answer));
    assert_int_equal(answer.answer.outcome, DNS_SERVFAIL);
    TRY(dns_a(r, &a, S("other.example"), &answer));
    assert_int_equal(answer.answer.outcome, DNS_NXDOMAIN);
    resolver_free(r);
    return OK;
}

static void every_world_has_its_names(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, ask_names);
}

// --- Faults and the log --------------------------------------------------------------------------

static struct err talk(void)
{
    struct stream *s AUTO(stream_close_auto) = NULL;
    struct str got;
    within_ms(10 * SECOND_MS);
    TRY(net_connect(&server_at, &from_client, &s));
    for (int i = 0; i < 20; i++) {
        TRY(say(s, S("ping")));
        TRY(stream_read(s, 4, &got));
    }
    return OK;
}

static struct err talk_again_and_again(void *arg)
{
    struct world *w = arg;
    for (;;) {
        struct err e = talk();
        if (e.kind == ERR_CANCELLED)
            return e;
        TRY(task_sleep_ms((int64_t)sim_below(w->sim, 1000)));
    }
}

static struct err trouble(void *arg)
{
    struct world *w = arg;
    sim_wire_set(w->sim, &(struct sim_wire){.latency_us = 2000, .jitter_us = 3000});
    TRY(sim_node_start(w->node));
    for (int i = 0; i < 5; i++)
        TRY(sim_spawn(w->sim, talk_again_and_again, w));
    sim_faults(w->sim, (struct faults){.crash_mean_ms = 5000,
                               .down_mean_ms = 1000,
                               .silent_permille = 500,
                               .reset_permille = 20,
                               .refuse_permille = 50,
                               .cut_mean_ms = 7000,
                               .cut_for_ms = 3000});
    TRY(sim_run_ms(w->sim, 10 * MINUTE_MS));
    sim_heal(w->sim);
    assert_true(sim_node_is_up(w->node));
    assert_true(sim_node_starts(w->node) > 20);
    size_t before = w->served;
    TRY(sim_run_ms(w->sim, MINUTE_MS));
    assert_true(w->served > before);
    return OK;
}

static uint64_t hash_of_run(uint64_t seed)
{
    struct world w = {.serve = echo};
    w.sim = sim_new(seed);
    buf_init(&w.server_got, MIB);
    struct sim_node node = {
            .name = S("server"), .ips = {server_ip}, .ip_count = 1, .main = server_main, .arg = &w};
    assert_false(failed(sim_node_add(w.sim, &node, &w.node)));
    assert_int_equal(sim_run(w.sim, trouble, &w).kind, ERR_NONE);
    uint64_t hash = sim_log_hash(w.sim);
    assert_true(sim_log_count(w.sim) > 1000);
    buf_done(&w.server_got);
    sim_free(w.sim);
    return hash;
}

static void one_seed_one_run(void **state UNUSED)
{
    uint64_t first = hash_of_run(42);
    assert_true(first == hash_of_run(42));
    assert_true(first != hash_of_run(43));
}

static struct err log_lines(void *arg)
{
    struct world *w = arg;
    TRY(task_sleep_ms(61 * MINUTE_MS + 1234));
    sim_note(w->sim, S("a line\r\n"));
    struct buf text AUTO(buf_done);
    buf_init(&text, 4096);
    sim_log_tail(w->sim, 1, &text);
    assert_true(str_eq(buf_str(&text), S("1:01:01.234 note 8: a line\\r\\n\n")));
    return OK;
}

static void the_log_is_readable(void **state UNUSED)
{
    struct world w = {0};
    tell(&w, log_lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(time_jumps),
            cmocka_unit_test(chance_comes_from_the_seed),
            cmocka_unit_test(helpers_work_at_once),
            cmocka_unit_test(endless_waits_are_found),
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
            cmocka_unit_test(every_world_has_its_names),
            cmocka_unit_test(one_seed_one_run),
            cmocka_unit_test(the_log_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
