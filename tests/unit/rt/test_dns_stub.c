// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_dns_stub.c: whom we believe when he says that he has validated, and what is no
// answer to our question. The server is a socket of this test on loopback.
#include "dns_server.h"

struct asker {
    struct resolver *resolver;
    struct err error;
    struct dns_answer answer;
    struct arena arena;
};

// What the server sends: these flags, behind its own idea of id and name, and one address unless it
// says that there is none.
struct reply {
    const char *flags;
    bool wrong_id, wrong_name, no_record;
};

static const struct {
    const char *name;
    struct reply replies[3]; // to one question
    enum dns_outcome outcome;
    enum dnssec dnssec;
} cases[] = {
        {"validated", {{.flags = "\x81\xa0"}}, DNS_ANSWER, DNSSEC_SECURE},
        {"not validated", {{.flags = "\x81\x80"}}, DNS_ANSWER, DNSSEC_INSECURE},
        {"validated that there is none", {{.flags = "\x81\xa3", .no_record = true}}, DNS_NXDOMAIN,
                DNSSEC_SECURE},
        {"another id", {{.flags = "\x81\xa0", .wrong_id = true}, {.flags = "\x81\x80"}}, DNS_ANSWER,
                DNSSEC_INSECURE},
        {"another name", {{.flags = "\x81\xa0", .wrong_name = true}, {.flags = "\x81\x80"}},
                DNS_ANSWER, DNSSEC_INSECURE},
        {"a question instead of an answer", {{.flags = "\x01\x20"}, {.flags = "\x81\x80"}},
                DNS_ANSWER, DNSSEC_INSECURE},
        {"the server fails", {{.flags = "\x81\xa2", .no_record = true}}, DNS_SERVFAIL,
                DNSSEC_INSECURE},
};

static void send_reply(struct server *s, const struct reply *reply)
{
    static const char record[] = "\xc0\x0c\0\1\0\1\0\0\1\0\0\4\300\0\2\1";
    struct buf out AUTO(buf_done);
    size_t end = s->query_len - 11; // before the EDNS record
    buf_init(&out, QUERY_BYTES_MAX);
    buf_add_byte(&out, (char)(s->query[0] ^ (reply->wrong_id ? 1 : 0)));
    buf_add_byte(&out, s->query[1]);
    buf_add(&out, str_of(reply->flags, 2));
    buf_add(&out, reply->no_record ? S("\0\1\0\0\0\0\0\0") : S("\0\1\0\1\0\0\0\0"));
    buf_add_byte(&out, s->query[12]);
    buf_add_byte(&out, reply->wrong_name ? 'z' : s->query[13]);
    buf_add(&out, str_of(s->query + 14, end - 14));
    if (!reply->no_record)
        buf_add(&out, str_of(record, sizeof(record) - 1));
    assert_true(server_send(s, buf_str(&out)));
}

static struct err ask_main(void *arg)
{
    struct asker *q = arg;
    q->error = dns_ask(q->resolver, &q->arena,
            &(struct dns_question){.name = S("a.example"), .type = DNS_A}, &q->answer);
    return OK;
}

static struct err one_case(struct server *s, struct resolver *r, size_t i)
{
    struct asker q = {.resolver = r};
    struct group g;
    arena_init(&q.arena, 64 * KIB);
    group_begin(&g);
    TRY(group_spawn(&g, ask_main, &q));
    TRY(wait_for_query(s));
    assert_int_equal((uint8_t)s->query[3], 0x20); // it says that it wants to know
    for (size_t k = 0; k < COUNT_OF(cases[i].replies) && cases[i].replies[k].flags != NULL; k++)
        send_reply(s, &cases[i].replies[k]);
    TRY(group_wait_all(&g));
    assert_int_equal(q.error.kind, ERR_NONE);
    check_u64(cases[i].name, q.answer.outcome, cases[i].outcome);
    check_u64(cases[i].name, q.answer.dnssec, cases[i].dnssec);
    arena_done(&q.arena);
    (void)resolver_flush(r, STR_NULL);
    return OK;
}

static struct err run_all(void *arg)
{
    struct server *s = arg;
    struct arena a AUTO(arena_done);
    struct resolver *r;
    struct dns_settings settings = dns_settings_default();
    arena_init(&a, 64 * KIB);
    settings.servers = &s->address;
    settings.server_count = 1;
    settings.retry_count = 0;
    settings.validation = DNS_TRUST_AD;
    TRY(resolver_new_unbound(&a, &settings, &r));
    assert_true(resolver_figures(r).validating);
    struct err e = OK;
    for (size_t i = 0; !failed(e) && i < COUNT_OF(cases); i++)
        e = one_case(s, r, i);
    struct asker given_up = {.resolver = r};
    struct group g;
    arena_init(&given_up.arena, 64 * KIB);
    group_begin(&g);
    TRY(group_spawn(&g, ask_main, &given_up));
    TRY(wait_for_query(s));
    group_end(&g);
    assert_int_equal(given_up.error.kind, ERR_CANCELLED);
    arena_done(&given_up.arena);
    resolver_free(r); // with a question under way
    return e;
}

static void believed(void **state UNUSED)
{
    struct server *s = mem_new(struct server);
    assert_non_null(s);
    assert_true(server_open(s));
    struct loop *loop = loop_new_real();
    assert_non_null(loop);
    struct err e = loop_run(loop, run_all, s);
    loop_free(loop);
    close(s->fd);
    mem_free(s);
    if (failed(e))
        check_failed("%.*s", ARG(err_text(e)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(believed)};
    return cmocka_run_group_tests_name("rt/dns stub", tests, NULL, NULL);
}
