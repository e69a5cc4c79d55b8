// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_nets.c: sets of addresses and networks, against a list that is asked one
// entry after the other; ends; who wins; notes (listeners.md 12.1 to 12.3).
#include "../base/check.h"
#include "listen/nets.h"

#include "base/date.h"
#include "base/hash.h"

static struct ip_net net_of(const char *text)
{
    struct ip_net net;
    bool cleared;
    if (!ip_net_parse(str_from_c(text), &net, &cleared))
        check_failed("test is wrong: %s", text);
    return net;
}

static struct nets *nets_of(const char *const *texts)
{
    struct nets *n = nets_new(7);
    for (size_t i = 0; texts[i] != NULL; i++) {
        struct ip_net net = net_of(texts[i]);
        assert_true(nets_add(n, &net, NETS_FOREVER));
    }
    return n;
}

static void members_are_found(void **unused UNUSED)
{
    static const struct {
        const char *name;
        const char *entries[4];
        const char *client;
        bool inside;
    } cases[] = {
            {"nothing in it", {NULL}, "192.0.2.1", false},
            {"everything IPv4", {"0.0.0.0/0"}, "192.0.2.1", true},
            {"everything IPv4 is not IPv6", {"0.0.0.0/0"}, "2001:db8::1", false},
            {"everything IPv6 is not IPv4", {"::/0"}, "192.0.2.1", false},
            {"a mapped client is IPv4", {"192.0.2.0/24"}, "::ffff:192.0.2.9", true},
            {"a mapped network of /96 is all IPv4", {"::ffff:0:0/96"}, "192.0.2.9", true},
            {"a mapped network of /120 is a /24", {"::ffff:192.0.2.0/120"}, "192.0.3.1", false},
            {"a network above the mapped ones is none of them", {"::/64"}, "192.0.2.9", false},
            {"one address as /32", {"192.0.2.1/32"}, "192.0.2.1", true},
            {"its neighbour", {"192.0.2.1"}, "192.0.2.0", false},
            {"/31 below", {"192.0.2.0/31"}, "192.0.2.1", true},
            {"/31 above", {"192.0.2.0/31"}, "192.0.2.2", false},
            {"/127", {"2001:db8::/127"}, "2001:db8::1", true},
            {"/65 splits the halves", {"2001:db8::/65"}, "2001:db8::8000:0:0:0", false},
            {"the inner of two", {"10.0.0.0/8", "10.1.0.0/16"}, "10.1.2.3", true},
            {"the outer of two", {"10.1.0.0/16", "10.0.0.0/8"}, "10.2.2.3", true},
            {"between two siblings", {"10.0.0.0/16", "10.3.0.0/16"}, "10.1.2.3", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct nets *n AUTO(nets_free_auto) = nets_of(cases[i].entries);
        struct ip ip;
        print_message("%s\n", cases[i].name);
        assert_true(ip_parse(str_from_c(cases[i].client), &ip));
        assert_int_equal(nets_contains(n, &ip, 0), cases[i].inside);
    }
}

static struct ip_net random_net(struct prng *p)
{
    // Few leading bits differ, so that networks nest and clash often.
    struct ip_net net = {.ip.family = prng_below(p, 2) == 0 ? IP_V4 : IP_V6};
    uint8_t bits = net.ip.family == IP_V4 ? 32 : 128;
    size_t bytes = bits / 8;
    for (size_t i = 0; i < bytes; i++)
        net.ip.bytes[i] = (uint8_t)(prng_below(p, 4) == 0 ? prng_below(p, 256) : 0x80);
    net.prefix = prng_below(p, 3) == 0 ? bits : (uint8_t)prng_below(p, bits + 1u);
    net.ip = ip_network_of(net.ip, net.prefix);
    return net;
}

// A thousand worlds of entries with ends, some taken out again; each answer as by asking all.
static void agrees_with_a_plain_list(void **unused UNUSED)
{
    struct prng p;
    prng_seed(&p, 20261121);
    for (int world = 0; world < 300; world++) {
        struct nets *n AUTO(nets_free_auto) = nets_new(prng_u64(&p));
        struct ip_net nets[60];
        int64_t ends_ms[60];
        size_t count = prng_below(&p, 60) + 1, live = 0;
        for (size_t i = 0; i < count; i++) {
            nets[i] = random_net(&p);
            ends_ms[i] = prng_below(&p, 3) == 0 ? 5000 * (int64_t)prng_below(&p, 4) : NETS_FOREVER;
            assert_true(nets_add(n, &nets[i], ends_ms[i]));
            for (size_t j = 0; j < i; j++) // the later entry for the same network wins
                if (ip_eq(&nets[j].ip, &nets[i].ip) && nets[j].prefix == nets[i].prefix)
                    nets[j].ip.family = IP_NONE;
        }
        for (size_t i = 0; i < count; i++)
            if (nets[i].ip.family != IP_NONE && prng_below(&p, 4) == 0) {
                assert_true(nets_remove(n, &nets[i]));
                assert_false(nets_remove(n, &nets[i]));
                nets[i].ip.family = IP_NONE;
            }
        for (size_t i = 0; i < count; i++)
            live += nets[i].ip.family != IP_NONE;
        assert_int_equal(nets_count(n), live);
        for (int ask = 0; ask < 100; ask++) {
            struct ip_net wanted = random_net(&p);
            bool inside = false;
            int64_t now = (int64_t)prng_below(&p, 3) * 6000;
            for (size_t i = 0; i < count; i++)
                inside = inside ||
                         (nets[i].ip.family != IP_NONE && nets[i].prefix <= wanted.prefix &&
                                 (ends_ms[i] == NETS_FOREVER || ends_ms[i] > now) &&
                                 ip_net_contains(&nets[i], &wanted.ip));
            assert_int_equal(nets_covers(n, &wanted, now), inside);
        }
    }
}

static void count_visit(void *ctx, const struct ip_net *net)
{
    assert_true(net->ip.family == IP_V4 || net->ip.family == IP_V6);
    *(size_t *)ctx += net->prefix;
}

static void ends_come(void **unused UNUSED)
{
    struct nets *n AUTO(nets_free_auto) = nets_new(1);
    struct ip_net exact = net_of("192.0.2.1"), wide = net_of("10.0.0.0/8"), six = net_of("::5");
    struct ip ip = exact.ip;
    size_t prefixes = 0;
    assert_true(
            nets_add(n, &exact, 10500) && nets_add(n, &wide, 10500) && nets_add(n, &six, 99000));
    assert_true(nets_contains(n, &ip, 10499)); // nobody gets in early: ends count whole seconds
    assert_false(nets_contains(n, &ip, 11000));
    assert_int_equal(nets_sweep(n, 10999, count_visit, &prefixes), 0);
    assert_int_equal(nets_sweep(n, 11000, count_visit, &prefixes), 2);
    assert_int_equal(prefixes, 32 + 8);
    assert_int_equal(nets_count(n), 1);
    assert_true(nets_add(n, &six, NETS_FOREVER)); // a new end replaces the old one
    assert_int_equal(nets_sweep(n, INT64_MAX / 2, NULL, NULL), 0);
    assert_true(nets_contains(n, &six.ip, INT64_MAX / 2));
}

// Many expired ones side by side: removing shifts, and none may be stepped over.
static void sweeping_misses_none(void **unused UNUSED)
{
    struct nets *n AUTO(nets_free_auto) = nets_new(3);
    for (uint32_t i = 0; i < 5000; i++) {
        struct ip_net net = {
                .ip = {.family = IP_V4, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}},
                .prefix = 32};
        assert_true(nets_add(n, &net, i % 3 == 0 ? NETS_FOREVER : 5000));
    }
    assert_int_equal(nets_sweep(n, 5000, NULL, NULL), 5000 - 1667);
    for (uint32_t i = 0; i < 5000; i++) {
        struct ip ip = {.family = IP_V4, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        assert_int_equal(nets_contains(n, &ip, 0), i % 3 == 0);
    }
}

static void the_allow_list_wins(void **unused UNUSED)
{
    static const struct {
        const char *client;
        enum admission is;
    } cases[] = {
            {"127.9.9.9", ADMIT_ALLOWED}, // loopback, although blocked
            {"::1", ADMIT_ALLOWED},
            {"::ffff:127.0.0.1", ADMIT_ALLOWED},
            {"192.0.2.7", ADMIT_ALLOWED},
            {"192.0.3.7", ADMIT_BLOCKED},
            {"198.51.100.1", ADMIT_PLAIN},
    };
    struct nets *allowed AUTO(nets_free_auto) = nets_of((const char *[]){"192.0.2.0/24", NULL});
    struct nets *blocked AUTO(nets_free_auto) =
            nets_of((const char *[]){"192.0.2.7", "192.0.0.0/16", "127.0.0.0/8", "::1", NULL});
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip ip;
        assert_true(ip_parse(str_from_c(cases[i].client), &ip));
        assert_int_equal(nets_admit(allowed, blocked, &ip, 0), cases[i].is);
    }
}

static void notes_are_read(void **unused UNUSED)
{
    static const struct {
        const char *text, *reason, *error;
        const char *expires;
    } cases[] = {
            {.text = ""},
            {.text = "  "},
            {.text = "reason=manual  expires=2026-01-31T00:00:00Z",
                    .reason = "manual",
                    .expires = "2026-01-31T00:00:00Z"},
            {.text = "expires=2026-01-31T01:00:00+01:00", .expires = "2026-01-31T00:00:00Z"},
            {.text = "reason=portScanning created=2026-01-01T00:00:00Z category=scan count=30 "
                     "listener=smtp login=a recipient=b",
                    .reason = "portScanning"},
            {.text = "reason=", .reason = ""},
            {.text = "manual", .error = "\"manual\" is not NAME=VALUE"},
            {.text = "until=tomorrow", .error = "unknown word \"until\""},
            {.text = "expires=tomorrow", .error = "invalid time \"tomorrow\""},
            {.text = "expires=", .error = "invalid time \"\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        struct nets_note note = {0};
        arena_init(&a, 16 * KIB);
        print_message("%s\n", cases[i].text);
        struct err e = nets_note_parse(&a, str_from_c(cases[i].text), &note);
        assert_int_equal(failed(e), cases[i].error != NULL);
        if (cases[i].error != NULL)
            assert_true(str_contains(err_text(e), str_from_c(cases[i].error)));
        assert_true(str_eq(note.reason, str_from_c(cases[i].reason)));
        int64_t expires_ms = NETS_FOREVER;
        if (cases[i].expires != NULL)
            assert_true(date_parse_rfc3339(str_from_c(cases[i].expires), &expires_ms));
        assert_int_equal(note.expires_ms, expires_ms);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(members_are_found),
            cmocka_unit_test(agrees_with_a_plain_list),
            cmocka_unit_test(ends_come),
            cmocka_unit_test(sweeping_misses_none),
            cmocka_unit_test(the_allow_list_wins),
            cmocka_unit_test(notes_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
