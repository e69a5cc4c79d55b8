// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_dns_unbound.c: questions that were given up while libunbound had them. The
// server is a socket of this test on loopback, which answers when the test wants it to; nothing
// depends on how long anything takes.
#include "dns_server.h"

struct asker {
    struct server *server;
    struct err error;
    struct dns_answer answer;
    struct arena arena;
    int64_t patience_ms;
};

static const struct dns_question question = {.name = S_INIT("a.example"), .type = DNS_A};

// The question as it came, without EDNS, and one address behind it.
static void send_answer(struct server *s)
{
    static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 192, 0, 2, 1};
    struct buf out AUTO(buf_done);
    size_t end = 12;
    while (end < s->query_len && s->query[end] != 0)
        end += 1 + (uint8_t)s->query[end];
    buf_init(&out, QUERY_BYTES_MAX);
    buf_add(&out, str_of(s->query, 2));
    buf_add(&out, S("\x81\x80\0\1\0\1\0\0\0\0"));
    buf_add(&out, str_of(s->query + 12, end + 5 - 12));
    buf_add(&out, str_of((const char *)record, sizeof(record)));
    assert_true(server_send(s, buf_str(&out)));
}

static struct err ask_main(void *arg)
{
    struct asker *q = arg;
    within_ms(q->patience_ms);
    q->error = dns_ask(q->server->resolver, &q->arena, &question, &q->answer);
    return OK;
}

static struct err given_up(struct server *s)
{
    struct asker cancelled = {.server = s, .patience_ms = DAY_MS}, late = cancelled;
    struct group g;
    late.patience_ms = 1;
    arena_init(&cancelled.arena, 64 * KIB);
    arena_init(&late.arena, 64 * KIB);
    group_begin(&g);
    TRY(group_spawn(&g, ask_main, &cancelled));
    TRY(group_spawn(&g, ask_main, &late));
    TRY(wait_for_query(s));
    while (late.error.kind == ERR_NONE)
        TRY(task_sleep_ms(1));
    group_end(&g);
    assert_int_equal(late.error.kind, ERR_TIMEOUT);
    assert_int_equal(cancelled.error.kind, ERR_CANCELLED);
    arena_done(&cancelled.arena);
    arena_done(&late.arena);
    struct dns_figures f = resolver_figures(s->resolver);
    assert_int_equal(f.inflight, 1); // libunbound still has it
    assert_int_equal(f.sent, 1);
    return OK;
}

// The answer comes when nobody waits any more; it is kept for the next one.
static struct err answered_afterwards(struct server *s)
{
    struct arena a AUTO(arena_done);
    struct dns_answer answer;
    arena_init(&a, 64 * KIB);
    TRY(given_up(s));
    send_answer(s);
    for (int i = 0; i < LOOKS_MAX && resolver_figures(s->resolver).kept_count == 0; i++)
        TRY(task_sleep_ms(1));
    TRY(dns_ask(s->resolver, &a, &question, &answer));
    assert_true(answer.cached);
    assert_int_equal(answer.outcome, DNS_ANSWER);
    assert_int_equal(answer.dnssec, DNSSEC_INSECURE);
    assert_int_equal(answer.count, 1);
    assert_int_equal(resolver_figures(s->resolver).inflight, 0);
    return OK;
}

static struct err run_with_resolver(struct server *s, struct err (*test)(struct server *s))
{
    struct arena a AUTO(arena_done);
    struct dns_settings settings = dns_settings_default();
    arena_init(&a, 64 * KIB);
    settings.servers = &s->address;
    settings.server_count = 1;
    settings.validation = DNS_VALIDATE_OFF;
    TRY(resolver_new_unbound(&a, &settings, &s->resolver));
    struct err e = test(s);
    resolver_free(s->resolver); // with a question that libunbound never answered, or without
    return e;
}

// A question to a server that says nothing is answered by the one that has taken its place, whoever
// had asked meanwhile.
static struct err asked_again(struct server *s)
{
    struct asker first = {.server = s, .patience_ms = DAY_MS}, second = first;
    struct server *other = mem_new(struct server);
    struct arena a AUTO(arena_done);
    struct group g;
    arena_init(&a, 64 * KIB);
    arena_init(&first.arena, 64 * KIB);
    arena_init(&second.arena, 64 * KIB);
    struct dns_settings settings = dns_settings_default();
    assert_true(other != NULL && server_open(other));
    settings.servers = &other->address;
    settings.server_count = 1;
    settings.validation = DNS_VALIDATE_OFF;
    settings.try_ms = MINUTE_MS;
    group_begin(&g);
    TRY(group_spawn(&g, ask_main, &first));
    TRY(wait_for_query(s));
    struct err e = resolver_renew(s->resolver, &a, &(struct dns_settings){0});
    assert_int_equal(e.kind, ERR_CONFIG); // nobody to ask: all stays as it is
    TRY(resolver_renew(s->resolver, &a, &settings));
    TRY(group_spawn(&g, ask_main, &second));
    TRY(wait_for_query(other));
    send_answer(other);
    TRY(group_wait_all(&g));
    assert_int_equal(first.error.kind, ERR_NONE);
    assert_int_equal(first.answer.outcome, DNS_ANSWER);
    assert_int_equal(second.answer.outcome, DNS_ANSWER);
    assert_int_equal(resolver_figures(s->resolver).inflight, 0);
    // What the others have said is worth nothing afterwards.
    assert_int_equal(resolver_figures(s->resolver).kept_count, 1);
    TRY(resolver_renew(s->resolver, &a, &settings));
    assert_int_equal(resolver_figures(s->resolver).kept_count, 0);
    arena_done(&first.arena);
    arena_done(&second.arena);
    close(other->fd);
    mem_free(other);
    return OK;
}

static struct err run_both(void *arg)
{
    TRY(run_with_resolver(arg, given_up));
    TRY(run_with_resolver(arg, asked_again));
    return run_with_resolver(arg, answered_afterwards);
}

static void abandoned(void **state UNUSED)
{
    struct server *s = mem_new(struct server);
    assert_non_null(s);
    assert_true(server_open(s));
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, run_both, s);
    loop_free(loop);
    close(s->fd);
    mem_free(s);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
}

static struct err refuse_settings(void *arg UNUSED)
{
    struct arena a AUTO(arena_done);
    struct resolver *r = NULL;
    struct dns_settings settings = dns_settings_default();
    struct dns_server server = {.ip = {IP_V4, {127, 0, 0, 1}}, .port = 53};
    arena_init(&a, 64 * KIB);
    assert_int_equal(resolver_new_unbound(&a, &settings, &r).kind, ERR_CONFIG);
    settings.servers = &server;
    settings.server_count = 1;
    settings.trust_anchor = S("/no/such/file");
    assert_int_equal(resolver_new_unbound(&a, &settings, &r).kind, ERR_CONFIG);
    assert_null(r);
    resolver_free(r);
    return OK;
}

static void wrong_settings(void **state UNUSED)
{
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    assert_false(failed(loop_run(loop, refuse_settings, NULL)));
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(wrong_settings),
            cmocka_unit_test(abandoned),
    };
    return cmocka_run_group_tests_name("rt/dns unbound", tests, NULL, NULL);
}
