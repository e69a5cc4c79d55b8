// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_sts_fetch.c: what policies' hosts do to those who ask them, and what is
// made of it.
#include "sts_world.h"

#define FINE POLICY("enforce", "86400")
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

static const struct fetch_case {
    const char *name;
    struct str reply;
    const char *certificate; // NULL: of the right name
    const char *prohibited;  // network; NULL: none
    const char *why;         // in the fault's text
    enum sts_fault fault;
    int64_t drip_ms, delay_ms;
    enum { UP, NO_ADDRESS, DNS_FAILS, DOWN } host;
    size_t pad; // the policy has so many octets
    bool no_goodbye;
} cases[] = {
        {.name = "fine", .reply = S_INIT(OK_HEAD "\r\n" FINE)},
        {.name = "with a charset",
                .reply = S_INIT("HTTP/1.1 200 OK\r\nContent-Type: Text/Plain ; charset=utf-8\r\n"
                                "\r\n" FINE)},
        {.name = "without a type", .reply = S_INIT("HTTP/1.1 200 OK\r\n\r\n" FINE)},
        {.name = "in chunks",
                .reply = S_INIT(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                                        "f\r\nversion: STSv1\r\r\n15\r\n\nmode: none\nmax_age:1\r\n"
                                        "0\r\n\r\n")},
        {.name = "another type",
                .reply = S_INIT("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" FINE),
                .fault = STS_FAULT_FETCH,
                .why = "text/html, not text/plain"},
        {.name = "a type that begins alike",
                .reply = S_INIT("HTTP/1.1 200 OK\r\nContent-Type: text/plainer\r\n\r\n" FINE),
                .fault = STS_FAULT_FETCH,
                .why = "not text/plain"},
        {.name = "compressed",
                .reply = S_INIT(OK_HEAD "Content-Encoding: gzip\r\n\r\n" FINE),
                .fault = STS_FAULT_FETCH,
                .why = "content coding"},
        {.name = "not there",
                .reply = S_INIT("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
                .fault = STS_FAULT_FETCH,
                .why = "404, not 200"},
        {.name = "another success",
                .reply = S_INIT("HTTP/1.1 203 Other\r\nContent-Type: text/plain\r\n\r\n" FINE),
                .fault = STS_FAULT_FETCH,
                .why = "203, not 200"},
        {.name = "somewhere else",
                .reply = S_INIT("HTTP/1.1 302 Found\r\nLocation: https://mta-sts.example.net/x\r\n"
                                "Content-Length: 0\r\n\r\n"),
                .fault = STS_FAULT_FETCH,
                .why = "302, not 200"},
        {.name = "not HTTP",
                .reply = S_INIT("220 mx.example ESMTP\r\n"),
                .fault = STS_FAULT_FETCH,
                .why = "malformed"},
        {.name = "nothing", .reply = S_INIT(""), .fault = STS_FAULT_FETCH, .why = ""},
        {.name = "half of it",
                .reply = S_INIT(OK_HEAD "Content-Length: 1000\r\n\r\n" FINE),
                .fault = STS_FAULT_FETCH,
                .why = ""},
        {.name = "cut off by somebody on the way",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .no_goodbye = true,
                .fault = STS_FAULT_FETCH,
                .why = "without a TLS goodbye"},
        {.name = "whole, and then cut off",
                .reply = S_INIT(OK_HEAD "Content-Length: 1\r\n\r\n\n"),
                .no_goodbye = true,
                .fault = STS_FAULT_POLICY,
                .why = "missing"},
        {.name = "no policy",
                .reply = S_INIT(OK_HEAD "\r\nhello\n"),
                .fault = STS_FAULT_POLICY,
                .why = "missing"},
        {.name = "no UTF-8",
                .reply = S_INIT(OK_HEAD "\r\n" FINE "\xff"),
                .fault = STS_FAULT_POLICY,
                .why = "UTF-8"},
        {.name = "64 KiB", .pad = 64 * KIB},
        {.name = "an octet more",
                .pad = 64 * KIB + 1,
                .fault = STS_FAULT_POLICY,
                .why = "larger than 64 KiB"},
        {.name = "ten gigabytes",
                .reply = S_INIT(OK_HEAD "Content-Length: 10000000000\r\n\r\n" FINE),
                .fault = STS_FAULT_POLICY,
                .why = "larger than 64 KiB"},
        {.name = "an octet a second",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .drip_ms = SECOND_MS,
                .fault = STS_FAULT_FETCH,
                .why = "within the time"},
        {.name = "silence",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .delay_ms = HOUR_MS,
                .fault = STS_FAULT_FETCH,
                .why = "within the time"},
        {.name = "slow, but in time",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .delay_ms = 50 * SECOND_MS},
        {.name = "another host's certificate",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .certificate = "example.net",
                .fault = STS_FAULT_CERTIFICATE,
                .why = "ostname mismatch"},
        {.name = "a wildcard",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .certificate = "*.example.net"},
        {.name = "a wildcard that covers too much",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .certificate = "*.net",
                .fault = STS_FAULT_CERTIFICATE,
                .why = "ostname mismatch"},
        {.name = "a place that is not to be asked",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .prohibited = "203.0.113.0/24",
                .fault = STS_FAULT_FETCH,
                .why = "no address that may be asked"},
        {.name = "another place is not to be asked",
                .reply = S_INIT(OK_HEAD "\r\n" FINE),
                .prohibited = "10.0.0.0/8"},
        {.name = "no address",
                .host = NO_ADDRESS,
                .fault = STS_FAULT_FETCH,
                .why = "has no address: NXDOMAIN"},
        {.name = "no answer about the address",
                .host = DNS_FAILS,
                .fault = STS_FAULT_DNS,
                .why = "SERVFAIL"},
        {.name = "nobody listens", .host = DOWN, .fault = STS_FAULT_FETCH, .why = "203.0.113.10"},
};

struct fetch_run {
    struct sts_world world;
    const struct fetch_case *is;
};

static void prepare_policy(struct sts_world *w, size_t bytes)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, bytes + 1);
    buf_add(&text, S(FINE));
    buf_add_repeat(&text, 'x', bytes - text.len);
    buf_add_byte(&text, 0);
    set_policy(w, text.ptr);
}

static struct err prepare(struct sts_world *w, const struct fetch_case *c)
{
    w->reply = c->reply;
    w->drip_ms = c->drip_ms;
    w->delay_ms = c->delay_ms;
    w->no_goodbye = c->no_goodbye;
    set_txt(w, "v=STSv1; id=1");
    if (c->pad > 0)
        prepare_policy(w, c->pad);
    if (c->certificate != NULL)
        w->certificate = str_from_c(c->certificate);
    if (c->host == NO_ADDRESS)
        TRY(dns_zone_add(
                sim_dns(w->sim), S("_mta-sts.other.example"), DNS_TXT, S("\015v=STSv1; id=1")));
    if (c->host == DNS_FAILS)
        TRY(sim_dns_fault(
                w->sim, &(struct dns_fault){.name = S(POLICY_HOST), .kind = DNS_FAULT_SERVFAIL}));
    if (c->host == DOWN)
        sim_node_crash(w->node, SIM_CRASH_RESET);
    return OK;
}

static struct err fetch_story(void *arg)
{
    struct fetch_run *run = CONTAINER_OF(arg, struct fetch_run, world);
    struct sts_world *w = &run->world;
    const struct fetch_case *c = run->is;
    struct sts_result got;
    struct nets *prohibited AUTO(nets_free_auto) = nets_new(1);
    struct ip_net net;
    bool cleared;
    TRY(prepare(w, c));
    if (c->prohibited != NULL) {
        assert_true(ip_net_parse(str_from_c(c->prohibited), &net, &cleared));
        assert_true(nets_add(prohibited, &net, NETS_FOREVER));
    }
    w->in.prohibited = prohibited;
    struct str domain = c->host == NO_ADDRESS ? S("other.example") : S(DOMAIN);
    TRY(sts_find(&w->in, &w->arena, domain, &got));
    if (got.fault != c->fault || (c->why != NULL && !str_contains(got.why, str_from_c(c->why))))
        check_failed("%s: fault %d, \"%.*s\"", c->name, got.fault, ARG(got.why));
    if (c->fault != STS_FAULT_NONE)
        check_true(c->name, got.known == NULL && now_ms() <= MINUTE_MS);
    if (c->prohibited != NULL && c->fault != STS_FAULT_NONE)
        check_u64(c->name, w->asked, 0);
    return OK;
}

static void policies_are_fetched(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fetch_run run = {.is = &cases[i]};
        with_world(&run.world, fetch_story);
    }
}

static struct err request_story(void *arg)
{
    struct sts_world *w = arg;
    struct sts_result got;
    set_txt(w, "v=STSv1; id=1");
    set_policy(w, FINE);
    TRY(find(w, &got));
    check_str("request", buf_str(&w->request),
            S("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.net\r\n"
              "User-Agent: Posthaste/" POSTHASTE_VERSION
              "\r\nConnection: close\r\nAccept: text/plain\r\n\r\n"));
    return OK;
}

static void requests_are_plain(void **state UNUSED)
{
    struct sts_world w = {0};
    with_world(&w, request_story);
}

static void faults_have_types(void **state UNUSED)
{
    check_str("fetch", sts_fault_type(STS_FAULT_FETCH), S("sts-policy-fetch-error"));
    check_str("certificate", sts_fault_type(STS_FAULT_CERTIFICATE), S("sts-webpki-invalid"));
    check_str("policy", sts_fault_type(STS_FAULT_POLICY), S("sts-policy-invalid"));
    check_str("record", sts_fault_type(STS_FAULT_RECORD), S("sts-policy-invalid"));
    assert_true(str_is_null(sts_fault_type(STS_FAULT_DNS)));
    assert_true(str_is_null(sts_fault_type(STS_FAULT_NONE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(policies_are_fetched), TEST(requests_are_plain), TEST(faults_have_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
