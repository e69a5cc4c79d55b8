// SPDX-License-Identifier: Apache-2.0
// tests/sim/zone.c: zones as dialogues write them, asked through a resolver of a simulation.
#include "../unit/base/check.h"

#include "rt/sim/sim.h"
#include "zone.h"

static struct err ask_all(void *arg)
{
    static const struct str lines[] = {
            S_INIT("@   MX 10 mx"),
            S_INIT("@   3600 IN MX 20 mail.elsewhere.example."),
            S_INIT("mx  A  203.0.113.9"),
            S_INIT("mx  AAAA 2001:db8::9"),
            S_INIT("@   TXT \"v=spf1 mx\" \" -all\""),
            S_INIT("www CNAME mx"),
            S_INIT("_25._tcp.mx TLSA 3 1 1 00ff"),
            S_INIT("_imap._tcp SRV 0 1 143 mx"),
            S_INIT("; a comment"),
    };
    struct sim *sim = arg;
    struct arena a AUTO(arena_done);
    struct resolver *r;
    struct dns_mx_answer mx;
    struct dns_ip_answer ip;
    struct dns_txt_answer txt;
    struct dns_srv_answer srv;
    struct dns_tlsa_answer tlsa;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        TRY(zone_add_line(&a, sim_dns(sim), S("example.net"), lines[i]));
    TRY(resolver_new(&a, NULL, &r));
    TRY(dns_mx(r, &a, S("example.net"), &mx));
    assert_int_equal(mx.count, 2);
    assert_int_equal(mx.at[0].preference, 10);
    assert_true(str_eq(mx.at[0].host, S("mx.example.net")));
    assert_true(str_eq(mx.at[1].host, S("mail.elsewhere.example")));
    TRY(dns_a(r, &a, S("www.example.net"), &ip));
    assert_int_equal(ip.count, 1);
    TRY(dns_aaaa(r, &a, S("mx.example.net"), &ip));
    assert_int_equal(ip.count, 1);
    TRY(dns_txt(r, &a, S("example.net"), &txt));
    assert_true(str_eq(txt.at[0].joined, S("v=spf1 mx -all")));
    TRY(dns_srv(r, &a, S("_imap._tcp.example.net"), &srv));
    assert_int_equal(srv.at[0].port, 143);
    TRY(dns_tlsa(r, &a, S("_25._tcp.mx.example.net"), &tlsa));
    assert_true(str_eq(tlsa.at[0].data, S("\x00\xff")));
    resolver_free(r);
    return OK;
}

static void records_are_found(void **state UNUSED)
{
    struct sim *sim = sim_new(1);
    assert_int_equal(sim_run(sim, ask_all, sim).kind, ERR_NONE);
    sim_free(sim);
}

static void wrong_lines_are_refused(void **state UNUSED)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
            {"@", "OWNER TYPE DATA"},
            {"@ 3600 IN", "OWNER TYPE DATA"},
            {"@ NONSENSE 1", "no type of record: NONSENSE"},
            {"@ A 2001:db8::1", "an address of that family"},
            {"@ A 192.0.2.1 192.0.2.2", "behind the record: 192.0.2.2"},
            {"@ MX mx", "a number"},
            {"@ MX 70000 mx", "a number"},
            {"@ MX 10", "a name"},
            {"@ MX 10 a..b", "no name: a..b"},
            {"@ TXT", "a text"},
            {"@ TXT \"open", "closing quote"},
            {"@ TLSA 3 1 1 0", "hex digits"},
            {"@ SOA a b 1 2 3 4 5", "cannot be written"},
    };
    struct dns_zone *zone = dns_zone_new();
    struct arena a;
    arena_init(&a, MIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = zone_add_line(&a, zone, S("example.net"), str_from_c(cases[i].line));
        if (!failed(e) || !str_contains(err_text(e), str_from_c(cases[i].error)))
            print_error("%s: %.*s\n", cases[i].line, ARG(err_text(e)));
        assert_int_equal(e.kind, ERR_SYNTAX);
        assert_true(str_contains(err_text(e), str_from_c(cases[i].error)));
    }
    arena_done(&a);
    dns_zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(records_are_found),
            cmocka_unit_test(wrong_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
