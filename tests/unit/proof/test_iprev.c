// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_iprev.c: addresses, their names, and who is refused (authentication.md 3).
#include "../rt/dns_fixture.h"

#include "../conf/conf_of.h"
#include "proof/iprev.h"

#define NIBBLES "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
#define PTR(last, names) "\"" #last ".2.0.192.in-addr.arpa\": {\"PTR\": [" names "]},"
#define NAMES                                                                                      \
    "{\"zone\": 1, \"names\": {" PTR(1, "\"one.example\"") PTR(2, "\"other.example\"") PTR(        \
            3, "\"other.example\", \"Three.Example\"") PTR(4,                                      \
            "\"a.example\", \"b.example\", \"four.example\"") PTR(5,                               \
            "\"bad name.example\", \"[192.0.2.5]\"") PTR(6,                                        \
            "\"bad name.example\", \"x\", \"other.example\", \"six.example\"") PTR(7,              \
            "\"broken.example\"") PTR(8, "\"broken.example\", \"eight.example\"") PTR(10,          \
            "\"alias.example\"") PTR(11, "\"gone.example\"") PTR(12,                               \
            "\"six6.example\"") "\"9.2.0.192.in-addr.arpa\": \"SERVFAIL\","                        \
                                "\"13.2.0.192.in-addr.arpa\": {\"TXT\": [\"no PTR\"]},"            \
                                "\"" NIBBLES ".ip6.arpa\": {\"PTR\": [\"six6.example\"]},"         \
                                "\"one.example\": {\"A\": [\"192.0.2.99\", \"192.0.2.1\"]},"       \
                                "\"other.example\": {\"A\": [\"198.51.100.1\"]},"                  \
                                "\"three.example\": {\"A\": [\"192.0.2.3\"]},"                     \
                                "\"four.example\": {\"A\": [\"192.0.2.4\"]}, \"a.example\": {}, "  \
                                "\"b.example\": {},"                                               \
                                "\"six.example\": {\"A\": [\"192.0.2.6\"]},"                       \
                                "\"eight.example\": {\"A\": [\"192.0.2.8\"]},"                     \
                                "\"alias.example\": {\"CNAME\": [\"ten.example\"]},"               \
                                "\"ten.example\": {\"A\": [\"192.0.2.10\"]},"                      \
                                "\"six6.example\": {\"AAAA\": [\"2001:db8::1\"], \"A\": "          \
                                "[\"192.0.2.13\"]},"                                               \
                                "\"broken.example\": \"SERVFAIL\"}}"

static const struct {
    const char *name, *ip, *result; // "RESULT VERIFIED FIRST COUNT COMMENT"
} cases[] = {
        {"one name, the second address", "192.0.2.1", "pass one.example one.example 1 "},
        {"mapped", "::ffff:192.0.2.1", "pass one.example one.example 1 "},
        {"leads elsewhere", "192.0.2.2", "fail  other.example 1 policy not aligned"},
        {"the second name", "192.0.2.3", "pass three.example other.example 2 "},
        {"the third is not tried", "192.0.2.4", "fail  a.example 2 policy not aligned"},
        {"no host names", "192.0.2.5", "permerror   0 no host name in the PTR records"},
        {"what is no name does not count", "192.0.2.6", "pass six.example other.example 2 "},
        {"a broken name", "192.0.2.7", "temperror  broken.example 1 "},
        {"a broken name, and a good one", "192.0.2.8", "pass eight.example broken.example 2 "},
        {"broken reverse", "192.0.2.9", "temperror   0 SERVFAIL"},
        {"an alias", "192.0.2.10", "pass alias.example alias.example 1 "},
        {"a name that is gone", "192.0.2.11", "fail  gone.example 1 policy not aligned"},
        {"only of the other family", "192.0.2.12", "fail  six6.example 1 policy not aligned"},
        {"no PTR at a name", "192.0.2.13", "fail   0 no PTR record"},
        {"no name", "192.0.2.14", "fail   0 no PTR record"},
        {"IPv6", "2001:db8::1", "pass six6.example six6.example 1 "},
        {"IPv6 without", "2001:db8::2", "fail   0 no PTR record"},
};

static const struct iprev_settings settings = {.wait_ms = 10 * SECOND_MS, .names_max = 2};

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};
    assert_true(ip_parse(str_from_c(text), &ip));
    return ip;
}

static struct err run_cases(struct resolver *r)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct ip ip = ip_of(cases[i].ip);
        struct iprev_answer answer;
        arena_init(&a, 64 * KIB);
        TRY(iprev_check(r, &a, &settings, &ip, &answer));
        struct str first = answer.ptr_count > 0 ? answer.ptr[0] : S("");
        struct str text =
                arena_fmt(&a, "%.*s %.*s %.*s %zu %.*s", ARG(iprev_result_name(answer.result)),
                        ARG(answer.name), ARG(first), answer.ptr_count, ARG(answer.comment));
        check_str(cases[i].name, text, str_from_c(cases[i].result));
        check_str(
                cases[i].name, iprev_ptr(&answer), str_is_null(answer.name) ? first : answer.name);
        arena_done(&a);
    }
    return OK;
}

static void results(void **unused UNUSED)
{
    with_zone(NAMES, &(struct dns_zone_options){0}, run_cases);
}

static struct dns_fault slow = {.delay_ms = 6000};

static struct err late(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    struct ip ip = ip_of("192.0.2.1");
    struct iprev_answer answer;
    int64_t began_ms = now_ms();
    arena_init(&a, 64 * KIB);
    TRY(iprev_check(r, &a, &settings, &ip, &answer)); // two questions of 6 s each
    assert_int_equal(now_ms() - began_ms, 10000);
    assert_int_equal(answer.result, IPREV_TEMPERROR);
    within_ms(3000); // the caller's is no result
    assert_int_equal(iprev_check(r, &a, &settings, &ip, &answer).kind, ERR_TIMEOUT);
    return OK;
}

static void time_is_up(void **unused UNUSED)
{
    struct list faults;
    list_init(&faults);
    list_append(&faults, &slow.link);
    with_zone(NAMES, &(struct dns_zone_options){.faults = &faults}, late);
    link_remove(&slow.link);
}

// One row a result: code under relaxed, strict, enforce, disable; is it kept under strict?
static void refusals(void **unused UNUSED)
{
    static const enum proof_strategy strategies[] = {
            PROOF_RELAXED, PROOF_STRICT, PROOF_ENFORCE, PROOF_DISABLE};
    static const struct {
        enum iprev_result result;
        int codes[4];
        bool kept;
    } rows[] = {
            {IPREV_PASS, {0, 0, 0, 0}, true},
            {IPREV_TEMPERROR, {0, 451, 451, 0}, false},
            {IPREV_FAIL, {0, 550, 550, 0}, true},
            {IPREV_PERMERROR, {0, 550, 0, 0}, true},
            {IPREV_NONE, {0, 0, 0, 0}, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct iprev_answer answer = {.result = rows[i].result};
        for (size_t s = 0; s < COUNT_OF(strategies); s++) {
            struct proof_refusal refusal = {0};
            bool refused = iprev_refuses(&answer, strategies[s], &refusal);
            assert_int_equal(refused, rows[i].codes[s] != 0);
            assert_int_equal(refusal.code, rows[i].codes[s]);
            if (refused)
                check_str(
                        "status", refusal.status, refusal.code == 451 ? S("4.7.25") : S("5.7.25"));
        }
        assert_int_equal(iprev_is_kept(&answer, PROOF_STRICT), rows[i].kept);
        assert_true(iprev_is_kept(&answer, PROOF_RELAXED));
    }
}

static void settings_are_read(void **unused UNUSED)
{
    static const char config[] = "[server.listener.smtp]\nbind = '[::]:25'\n[auth.iprev]\n"
                                 "verify = 'never'\ntimeout = '3s'\nmax-names = 5\n";
    struct arena a;
    struct iprev_settings made;
    arena_init(&a, 64 * MIB);
    struct findings findings = findings_make(&a);
    struct conf *conf = conf_of(str_from_c(config), &findings);
    assert_int_equal(findings.all.count, 0);
    iprev_settings_make(conf, &made);
    assert_int_equal(made.wait_ms, 3000);
    assert_int_equal(made.names_max, 5);
    assert_int_equal(iprev_strategy(expr_constant(made.verify)), PROOF_DISABLE);
    assert_int_equal(iprev_strategy(&(struct expr_result){.outcome = EXPR_FAILED}), PROOF_RELAXED);
    assert_int_equal(
            iprev_strategy(&(struct expr_result){.outcome = EXPR_VALUE, .text = S("enforce")}),
            PROOF_ENFORCE);
    conf_free(conf);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(results),
            TEST(time_is_up),
            TEST(refusals),
            TEST(settings_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
