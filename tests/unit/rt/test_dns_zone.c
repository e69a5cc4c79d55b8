// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_dns_zone.c: the fake DNS: what its file may say, and what it then answers.
#include "dns_fixture.h"

struct refusal {
    const char *name, *json, *error;
};

static const struct refusal refusals[] = {
        {"no JSON", "{\"zone\": 1,", "1:12: "},
        {"not an object", "[]", "1:1: a zone is an object"},
        {"no version", "{}", "1:1: \"zone\": 1 is missing"},
        {"another version", "{\"zone\": 2}", "1:10: this form"},
        {"version as text", "{\"zone\": \"1\"}", "1:10: this form"},
        {"unknown key", "{\"zone\": 1,\n \"nmaes\": {}}", "2:2: nmaes: unknown"},
        {"wrong default", "{\"zone\": 1, \"default\": \"nxdomain\"}", "1:24: a word here"},
        {"ad is a word", "{\"zone\": 1, \"ad\": \"yes\"}", "1:19: true or false"},
        {"names is a list", "{\"zone\": 1, \"names\": []}", "1:22: \"names\" is an object"},
        {"a name twice, in two spellings", "{\"zone\": 1, \"names\": {\"a.b\": {}, \"A.B.\": {}}}",
                "1:34: A.B.: this name"},
        {"a name with an empty label", "{\"zone\": 1, \"names\": {\"a..b\": {}}}",
                "1:23: an empty label"},
        {"a name that is a number", "{\"zone\": 1, \"names\": {\"a\": 1}}", "1:28: a name has"},
        {"an unknown type", "{\"zone\": 1, \"names\": {\"a\": {\"MXX\": []}}}",
                "1:29: MXX: no type"},
        {"a type twice", "{\"zone\": 1, \"names\": {\"a\": {\"A\": [], \"TYPE1\": []}}}",
                "1:38: TYPE1: this type"},
        {"a type without a list", "{\"zone\": 1, \"names\": {\"a\": {\"A\": {}}}}",
                "1:34: a type has a list"},
        {"BOGUS is no word of the file", "{\"zone\": 1, \"names\": {\"a\": \"BOGUS\"}}",
                "1:28: a word here"},
        {"IPv6 where IPv4 belongs", "{\"zone\": 1, \"names\": {\"a\": {\"A\": [\"::1\"]}}}",
                "1:35: no IPv4 address"},
        {"an address that is a number", "{\"zone\": 1, \"names\": {\"a\": {\"A\": [1]}}}",
                "1:35: no IPv4 address"},
        {"MX without preference", "{\"zone\": 1, \"names\": {\"a\": {\"MX\": [\"b\"]}}}",
                "1:36: MX is [n, name]"},
        {"MX with a preference too large",
                "{\"zone\": 1, \"names\": {\"a\": {\"MX\": [[65536, \"b\"]]}}}",
                "1:37: a whole number"},
        {"TLSA with a usage too large",
                "{\"zone\": 1, \"names\": {\"a\": {\"TLSA\": [[256, 1, 1, \"ab\"]]}}}",
                "1:39: a whole number"},
        {"TLSA with half a byte",
                "{\"zone\": 1, \"names\": {\"a\": {\"TLSA\": [[3, 1, 1, \"a\"]]}}}",
                "1:48: pairs of hex"},
        {"a TXT record that is a number", "{\"zone\": 1, \"names\": {\"a\": {\"TXT\": [1]}}}",
                "1:37: a TXT record is"},
        {"a part of a TXT record that is a list",
                "{\"zone\": 1, \"names\": {\"a\": {\"TXT\": [[[]]]}}}", "1:38: a part"},
        {"hex and more",
                "{\"zone\": 1, \"names\": {\"a\": {\"TYPE65\": [{\"hex\": \"\", \"x\": 1}]}}}",
                "1:40: {\"hex\""},
        {"a type by number as text", "{\"zone\": 1, \"names\": {\"a\": {\"TYPE65\": [\"ab\"]}}}",
                "1:40: {\"hex\""},
        {"a named type without a form", "{\"zone\": 1, \"names\": {\"a\": {\"SOA\": [\"x\"]}}}",
                "1:37: this type is written by its number"},
        {"a host with a label too long",
                "{\"zone\": 1, \"names\": {\"a\": {\"PTR\": [\"" LABEL_64 "\"]}}}",
                "1:37: a label of more than 63"},
};

static void refused_files(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct arena a AUTO(arena_done);
        struct dns_zone *zone = NULL;
        arena_init(&a, MIB);
        struct err e = dns_zone_read(&a, str_from_c(refusals[i].json), &zone);
        if (e.kind != ERR_SYNTAX || !str_starts(err_text(e), str_from_c(refusals[i].error)))
            check_failed("%s: \"%.*s\"", refusals[i].name, ARG(err_text(e)));
    }
}

#define ZONE                                                                                       \
    "{\"zone\": 1, \"names\": {"                                                                   \
    "  \"example.com\": {\"TXT\": [\"v=spf1 -all\", [\"one \", \"two\"]],"                         \
    "     \"MX\": [[20, \"b.example.com\"], [10, \"A.example.com.\"]], \"@ad\": true},"            \
    "  \"a.example.com\": {\"A\": [\"192.0.2.1\", \"192.0.2.2\"], \"*\": \"TIMEOUT\"},"            \
    "  \"null.example.com\": {\"MX\": [[0, \"\"]]},"                                               \
    "  \"deep.down.example.com\": {\"A\": []},"                                                    \
    "  \"alias.example.com\": {\"CNAME\": [\"example.com\"], \"@ad\": true},"                      \
    "  \"dangling.example.com\": {\"CNAME\": [\"gone.example.com\"]},"                             \
    "  \"loop.example.com\": {\"CNAME\": [\"pool.example.com\"]},"                                 \
    "  \"pool.example.com\": {\"CNAME\": [\"loop.example.com\"]},"                                 \
    "  \"self.example.com\": {\"CNAME\": [\"self.example.com\"]},"                                 \
    "  \"empty.example.com\": {\"TXT\": [[], \"\"]},"                                              \
    "  \"odd.example.com\": {\"TXT\": [{\"hex\": \"7600ff\"}]},"                                   \
    "  \"short.example.com\": {\"TYPE1\": [{\"hex\": \"c0\"}], \"TYPE52\": [{\"hex\": \"0301\"}]," \
    "     \"TYPE15\": [{\"hex\": \"000ac000\"}, {\"hex\": \"000a016200\"}]},"                      \
    "  \"slow.example.com\": \"TIMEOUT\", \"broken.example.com\": {\"A\": \"SERVFAIL\"},"          \
    "  \"_25._tcp.a.example.com\": {\"TLSA\": [[3, 1, 1, \"AB12\"]]},"                             \
    "  \"_smtp._tcp.example.com\": {\"SRV\": [[1, 2, 25, \"a.example.com\"]]},"                    \
    "  \"\\u00fc.example.com\": {\"TXT\": [\"\\u00fc\"]},"                                         \
    "  \"1.2.0.192.in-addr.arpa\": {\"PTR\": [\"a.example.com\"]},"                                \
    "  \"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa\":"              \
    "     {\"PTR\": [\"six.example.com\"]}"                                                        \
    "}}"

struct reply {
    const char *name, *question;
    uint16_t type;
    const char *answer; // as answer_text of the fixture says it
};

static const struct reply replies[] = {
        {"a loop of CNAMEs", "loop.example.com", DNS_A,
                "SERVFAIL insecure; a loop of CNAMEs, or more than 16 in a row"},
        {"a CNAME of its own", "self.example.com", DNS_A,
                "SERVFAIL insecure; a loop of CNAMEs, or more than 16 in a row"},
        {"a CNAME is not followed for CNAME", "loop.example.com", DNS_CNAME,
                "NOERROR insecure: pool.example.com."},
        {"a CNAME to nowhere", "dangling.example.com", DNS_A,
                "NXDOMAIN insecure > gone.example.com"},
        {"a CNAME to a name without the type", "alias.example.com", DNS_AAAA,
                "NODATA secure > example.com"},
        {"order of the file, not of preference", "alias.example.com", DNS_MX,
                "NOERROR secure > example.com: 20 b.example.com. | 10 a.example.com."},
        {"case and last dot do not matter", "EXAMPLE.com.", DNS_TXT,
                "NOERROR secure: \"v=spf1 -all\" | \"one \" \"two\""},
        {"a type not listed", "example.com", DNS_A, "NODATA secure"},
        {"the star", "a.example.com", DNS_AAAA, "TIMEOUT insecure; the fake DNS says so"},
        {"the star does not hold for what is listed", "a.example.com", DNS_A,
                "NOERROR insecure: 192.0.2.1 | 192.0.2.2"},
        {"an empty list", "deep.down.example.com", DNS_A, "NODATA insecure"},
        {"a name above a listed one", "down.example.com", DNS_A, "NODATA insecure"},
        {"the root is above all", ".", DNS_A, "NODATA insecure"},
        {"a name below a listed one", "x.a.example.com", DNS_A, "NXDOMAIN insecure"},
        {"a name beside", "nothing.example.com", DNS_A, "NXDOMAIN insecure"},
        {"a word for a name", "slow.example.com", DNS_MX, "TIMEOUT insecure; the fake DNS says so"},
        {"a word for a type", "broken.example.com", DNS_A,
                "SERVFAIL insecure; the fake DNS says so"},
        {"beside a word for a type", "broken.example.com", DNS_AAAA, "NODATA insecure"},
        {"a TXT record of no strings", "empty.example.com", DNS_TXT,
                "NOERROR insecure: \"\" | \"\""},
        {"octets", "odd.example.com", DNS_TXT, "NOERROR insecure: \"v\\u{00}\\xff\""},
        {"a null MX", "null.example.com", DNS_MX, "NOERROR insecure: 0 ."},
        {"malformed rdata is shown as it is", "short.example.com", DNS_A,
                "NOERROR insecure: \\# 1 c0"},
        {"TLSA", "_25._tcp.a.example.com", DNS_TLSA, "NOERROR insecure: 3 1 1 ab12"},
        {"SRV", "_smtp._tcp.example.com", DNS_SRV, "NOERROR insecure: 1 2 25 a.example.com."},
        {"a name beyond ASCII", "\303\274.example.com", DNS_TXT, "NOERROR insecure: \"\303\274\""},
};

static struct err ask_replies(struct resolver *r)
{
    for (size_t i = 0; i < COUNT_OF(replies); i++)
        check_answer(r, replies[i].name, replies[i].question, replies[i].type, replies[i].answer);
    return OK;
}

static void answers(void **state UNUSED)
{
    with_zone(ZONE, NULL, ask_replies);
}

static struct err ask_by_default(struct resolver *r)
{
    check_answer(r, "default", "x.example", DNS_A, "TIMEOUT insecure; the fake DNS says so");
    check_answer(r, "ad for all", "a.example", DNS_A, "NOERROR secure: 192.0.2.1");
    check_answer(r, "but not for one", "b.example", DNS_A, "NOERROR insecure: 192.0.2.1");
    check_answer(r, "secure by name, insecure by target", "c.example", DNS_A,
            "NOERROR insecure > b.example: 192.0.2.1");
    return OK;
}

static void defaults(void **state UNUSED)
{
    with_zone(
            "{\"zone\": 1, \"default\": \"TIMEOUT\", \"ad\": true, \"names\": {"
            "\"a.example\": {\"A\": [\"192.0.2.1\"]}, \"c.example\": {\"CNAME\": [\"b.example\"]},"
            "\"b.example\": {\"A\": [\"192.0.2.1\"], \"@ad\": false}}}",
            NULL, ask_by_default);
}

static struct err ask_typed(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    struct dns_mx_answer mx;
    struct dns_ip_answer ip;
    struct dns_addresses both;
    struct dns_txt_answer txt;
    struct dns_names_answer names;
    struct dns_srv_answer srv;
    struct dns_tlsa_answer tlsa;
    arena_init(&a, MIB);
    TRY(dns_mx(r, &a, S("null.example.com"), &mx));
    assert_int_equal(mx.count, 1);
    assert_true(str_is_empty(mx.at[0].host));
    TRY(dns_mx(r, &a, S("short.example.com"), &mx)); // one with a pointer in it, one good
    assert_int_equal(mx.count, 1);
    assert_true(str_eq(mx.at[0].host, S("b")));
    TRY(dns_a(r, &a, S("short.example.com"), &ip));
    assert_int_equal(ip.count, 0);
    assert_int_equal(ip.answer.outcome, DNS_SERVFAIL);
    TRY(dns_tlsa(r, &a, S("short.example.com"), &tlsa));
    assert_int_equal(tlsa.answer.outcome, DNS_SERVFAIL);
    TRY(dns_txt(r, &a, S("alias.example.com"), &txt));
    assert_int_equal(txt.count, 2);
    assert_int_equal(txt.at[1].string_count, 2);
    assert_true(str_eq(txt.at[1].strings[1], S("two")));
    assert_true(str_eq(txt.at[1].joined, S("one two")));
    TRY(dns_srv(r, &a, S("_smtp._tcp.example.com"), &srv));
    assert_int_equal(srv.at[0].port, 25);
    TRY(dns_tlsa(r, &a, S("_25._tcp.a.example.com"), &tlsa));
    assert_true(str_eq(tlsa.at[0].data, S("\xab\x12")));
    TRY(dns_cname(r, &a, S("alias.example.com"), &names));
    assert_true(str_eq(names.at[0], S("example.com")));
    struct ip address;
    assert_true(ip_parse(S("192.0.2.1"), &address));
    TRY(dns_ptr(r, &a, &address, &names));
    assert_true(str_eq(names.at[0], S("a.example.com")));
    assert_true(ip_parse(S("2001:db8::1"), &address));
    TRY(dns_ptr(r, &a, &address, &names));
    assert_true(str_eq(names.at[0], S("six.example.com")));
    // One family answers, the other's question fails: that is good enough.
    TRY(dns_addresses(r, &a, S("a.example.com"), DNS_BOTH, &both));
    assert_int_equal(both.outcome, DNS_ANSWER);
    assert_int_equal(both.ipv4.count, 2);
    assert_int_equal(both.ipv6.answer.outcome, DNS_TIMEOUT);
    TRY(dns_addresses(r, &a, S("broken.example.com"), DNS_BOTH, &both));
    assert_int_equal(both.outcome, DNS_SERVFAIL);
    assert_ptr_equal(both.worst, &both.ipv4.answer);
    TRY(dns_addresses(r, &a, S("broken.example.com"), DNS_IPV6_ONLY, &both));
    assert_int_equal(both.outcome, DNS_NODATA);
    return OK;
}

static void typed(void **state UNUSED)
{
    with_zone(ZONE, NULL, ask_typed);
}

static struct err ask_long(struct resolver *r)
{
    check_answer(r, "16", "na", DNS_A, "NOERROR insecure > 16 names: 192.0.2.1");
    check_answer(r, "15", "nb", DNS_A, "NOERROR insecure > 15 names: 192.0.2.1");
    return OK;
}

static struct err ask_too_long(struct resolver *r)
{
    check_answer(
            r, "17", "na", DNS_A, "SERVFAIL insecure; a loop of CNAMEs, or more than 16 in a row");
    check_answer(r, "16", "nb", DNS_A, "NOERROR insecure > 16 names: 192.0.2.1");
    return OK;
}

static void chains(void **state UNUSED)
{
    struct dns_zone *most = chain_of(DNS_CHAIN_MAX), *more = chain_of(DNS_CHAIN_MAX + 1);
    with_made_zone(most, NULL, ask_long);
    with_made_zone(more, NULL, ask_too_long);
    dns_zone_free(most);
    dns_zone_free(more);
}

static struct err ask_made(struct resolver *r)
{
    check_answer(r, "signed", "mx.example.net", DNS_A, "NOERROR secure: \\# 1 01");
    check_answer(r, "signed, not there", "no.example.net", DNS_A, "NXDOMAIN secure");
    check_answer(r, "bogus", "x.bad.example.net", DNS_A, "BOGUS bogus; the fake DNS says so");
    check_answer(r, "unsigned", "example.org", DNS_A, "NXDOMAIN insecure");
    return OK;
}

static struct err ask_removed(struct resolver *r)
{
    check_answer(r, "taken out", "mx.example.net", DNS_A, "NODATA secure");
    return OK;
}

static void made_by_hand(void **state UNUSED)
{
    struct dns_zone *zone = dns_zone_new();
    assert_false(failed(dns_zone_add(zone, S("MX.example.net."), DNS_A, S("\1"))));
    assert_false(failed(dns_zone_sign(zone, S("example.net"), DNSSEC_SECURE)));
    assert_false(failed(dns_zone_sign(zone, S("bad.example.net"), DNSSEC_BOGUS)));
    assert_int_equal(dns_zone_add(zone, S("a..b"), DNS_A, S("")).kind, ERR_SYNTAX);
    with_made_zone(zone, NULL, ask_made);
    dns_zone_remove(zone, S("mx.EXAMPLE.net"));
    with_made_zone(zone, NULL, ask_removed);
    dns_zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(refused_files),
            cmocka_unit_test(answers),
            cmocka_unit_test(defaults),
            cmocka_unit_test(typed),
            cmocka_unit_test(chains),
            cmocka_unit_test(made_by_hand),
    };
    return cmocka_run_group_tests_name("rt/dns zone", tests, NULL, NULL);
}
