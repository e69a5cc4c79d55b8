// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_dns_hosts.c: what a hosts(5) file says, and whose questions it answers.
#include "dns_fixture.h"
#include "rt/dns_hosts.h"

struct lines_case {
    const char *name, *text, *expected; // "NAME ADDRESS," for each
};

static const struct lines_case cases[] = {
        {"nothing", "", ""},
        {"a comment", "# 192.0.2.1 a\n", ""},
        {"a comment behind names", "192.0.2.1 a # b\n", "a 192.0.2.1,"},
        {"a comment glued to a name", "192.0.2.1 a#b c\n", "a 192.0.2.1,"},
        {"an address without a name", "192.0.2.1\n192.0.2.2 \t\n", ""},
        {"no address", "a 192.0.2.1\n300.0.0.1 b\n", ""},
        {"an address of a zone", "fe80::1%eth0 a\n", ""},
        {"no name", "192.0.2.1 a..b c\n", "c 192.0.2.1,"},
        {"blanks, other line ends, no last one", "\t 192.0.2.1\ta\r\n\n 2001:db8::1  B.Example. ",
                "a 192.0.2.1,b.example 2001:db8::1,"},
        {"several names of several addresses", "192.0.2.1 a b\n192.0.2.2 a\n",
                "a 192.0.2.1,b 192.0.2.1,a 192.0.2.2,"},
        {"a mapped address", "::ffff:192.0.2.1 a\n", "a 192.0.2.1,"},
};

static void lines(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        struct dns_hosts hosts;
        arena_init(&a, 64 * KIB);
        buf_init(&text, KIB);
        assert_false(failed(dns_hosts_read(&a, str_from_c(cases[i].text), &hosts)));
        each_in_vec (h, &hosts.all) {
            buf_fmt(&text, "%.*s ", ARG(h->name));
            ip_add(&text, &h->ip);
            buf_add_byte(&text, ',');
        }
        check_str(cases[i].name, buf_str(&text), str_from_c(cases[i].expected));
    }
}

static void too_many(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    struct dns_hosts hosts;
    arena_init(&a, 64 * MIB);
    buf_init(&text, MIB);
    buf_add(&text, S("192.0.2.1"));
    for (size_t i = 0; i < DNS_HOSTS_NAMES_MAX; i++)
        buf_add(&text, S(" a"));
    assert_false(failed(dns_hosts_read(&a, buf_str(&text), &hosts)));
    assert_int_equal(hosts.all.count, DNS_HOSTS_NAMES_MAX);
    buf_add(&text, S(" a"));
    assert_int_equal(dns_hosts_read(&a, buf_str(&text), &hosts).kind, ERR_LIMIT);
    struct arena small AUTO(arena_done);
    arena_init(&small, 256);
    assert_int_equal(
            dns_hosts_read(&small, S("192.0.2.1 a b c d e f g h"), &hosts).kind, ERR_LIMIT);
}

#define ZONE                                                                                       \
    "{\"zone\": 1, \"ad\": true, \"names\": {\"relay.example\": {\"A\": [\"192.0.2.1\"]},"         \
    "\"other.example\": {\"A\": [\"192.0.2.2\"]}}}"
#define HOSTS "10.0.0.1 relay.example\n10.0.0.2 Relay.Example\n::1 only6.example\n"

static struct dns_addresses asked(
        struct resolver *r, struct arena *a, const char *name, enum dns_families families)
{
    struct dns_addresses found;
    struct err e = dns_addresses_here(r, a, str_from_c(name), families, &found);
    assert_int_equal(e.kind, ERR_NONE);
    return found;
}

static struct err ask_here(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct dns_addresses found = asked(r, &a, "RELAY.example.", DNS_BOTH);
    assert_int_equal(found.outcome, DNS_ANSWER);
    assert_int_equal(found.ipv4.count, 2);
    assert_int_equal(found.ipv4.at[0].bytes[0], 10);
    assert_int_equal(found.ipv6.count, 0);
    assert_int_equal(found.ipv6.answer.outcome, DNS_NODATA);
    assert_int_equal(found.dnssec, DNSSEC_INSECURE);
    assert_int_equal(resolver_figures(r).asked, 0);
    assert_int_equal(asked(r, &a, "only6.example", DNS_BOTH).ipv6.count, 1);
    assert_int_equal(asked(r, &a, "only6.example", DNS_IPV4_ONLY).outcome, DNS_NXDOMAIN);
    assert_int_equal(asked(r, &a, "other.example", DNS_BOTH).ipv4.count, 1); // the DNS has it
    // Who asks the DNS hears the DNS: what others have written finds no name of this network.
    assert_false(failed(dns_addresses(r, &a, S("relay.example"), DNS_BOTH, &found)));
    assert_int_equal(found.ipv4.count, 1);
    assert_int_equal(found.ipv4.at[0].bytes[0], 192);
    return OK;
}

static struct err ask_without(struct resolver *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    assert_int_equal(asked(r, &a, "relay.example", DNS_BOTH).ipv4.count, 1);
    return OK;
}

static void questions(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct dns_hosts hosts;
    struct dns_settings settings = dns_settings_default();
    arena_init(&a, 64 * KIB);
    assert_false(failed(dns_hosts_read(&a, S(HOSTS), &hosts)));
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, ask_without);
    settings.hosts = &hosts;
    with_zone(ZONE, &(struct dns_zone_options){.settings = &settings}, ask_here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(lines),
            cmocka_unit_test(too_many),
            cmocka_unit_test(questions),
    };
    return cmocka_run_group_tests_name("rt/dns hosts", tests, NULL, NULL);
}
