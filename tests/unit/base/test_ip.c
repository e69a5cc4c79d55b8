// SPDX-License-Identifier: Apache-2.0
// tests/unit/base/test_ip.c: addresses, networks, ends of sockets.
#include "check.h"

#include "base/ip.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    check_true(text, ip_parse(str_from_c(text), &ip));
    return ip;
}

static struct ip_net net_of(const char *text)
{
    struct ip_net net;
    bool cleared;
    check_true(text, ip_net_parse(str_from_c(text), &net, &cleared));
    return net;
}

static void no_addresses(void **unused UNUSED)
{
    static const struct str texts[] = {
            {0},
            S_INIT(""),
            S_INIT("1.2.3"),
            S_INIT("1.2.3.4.5"),
            S_INIT("1.2.3.256"),
            S_INIT("1.2.3.04"),
            S_INIT("01.2.3.4"),
            S_INIT("1.2.3.4 "),
            S_INIT(" 1.2.3.4"),
            S_INIT("1.2.3.4\0"),
            S_INIT("1.2..4"),
            S_INIT(".1.2.3.4"),
            S_INIT("1.2.3.4."),
            S_INIT("0x1.2.3.4"),
            S_INIT("1.2.3.+4"),
            S_INIT("16909060"),
            S_INIT(":"),
            S_INIT(":::"),
            S_INIT("::1::"),
            S_INIT("1::2::3"),
            S_INIT(":1::2"),
            S_INIT("1::2:"),
            S_INIT("1:2:3:4:5:6:7"),
            S_INIT("1:2:3:4:5:6:7:"),
            S_INIT("1:2:3:4:5:6:7:8:9"),
            S_INIT("1:2:3:4:5:6:7:8::"),
            S_INIT("::1:2:3:4:5:6:7:8"),
            S_INIT("1:2:3:4::5:6:7:8"),
            S_INIT("12345::"),
            S_INIT("::g"),
            S_INIT("::-1"),
            S_INIT("fe80::1%3"),
            S_INIT("[::1]"),
            S_INIT("::1.2.3"),
            S_INIT("::1.2.3.04"),
            S_INIT("::1.2.3.4:5"),
            S_INIT("1.2.3.4::"),
            S_INIT("1:2:3:4:5:6:7:1.2.3.4"),
            S_INIT("1:2:3:4:5:1.2.3.4"),
            S_INIT("1:2:3:4:5:6::1.2.3.4:"),
            S_INIT("2001:db8::1/64"),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct ip ip;
        check_true(texts[i].ptr, !ip_parse(texts[i], &ip));
    }
}

static void addresses(void **unused UNUSED)
{
    static const char *cases[][2] = {
            // as written, as printed (RFC 5952)
            {"0.0.0.0", "0.0.0.0"},
            {"255.255.255.255", "255.255.255.255"},
            {"::", "::"},
            {"::1", "::1"},
            {"1::", "1::"},
            {"0:0:0:0:0:0:0:0", "::"},
            {"0000:0000:0000:0000:0000:0000:0000:0001", "::1"},
            {"2001:DB8::ABCD", "2001:db8::abcd"},
            {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, // 4.2.2: not for one group
            {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
            {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},       // 4.2.3: the longest
            {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, // the first of two
            {"0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"},
            {"1:0:0:1:1:1:0:0", "1::1:1:1:0:0"},
            {"1:1:1:1:1:1:0:0", "1:1:1:1:1:1::"},
            {"0:1:1:1:1:1:1:0", "0:1:1:1:1:1:1:0"},
            {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
            {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
            {"::ffff:192.0.2.1", "::ffff:192.0.2.1"}, // 5
            {"::ffff:c000:201", "::ffff:192.0.2.1"},
            {"::FFFF:0:0", "::ffff:0.0.0.0"},
            {"::192.0.2.1", "::c000:201"},
            {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
            {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
            {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };
    struct arena a;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip ip = ip_of(cases[i][0]), again;
        struct str text = ip_text(&a, &ip);
        check_str(cases[i][0], text, str_from_c(cases[i][1]));
        assert_true(ip_parse(text, &again) && ip_eq(&ip, &again));
    }
    struct ip none = {0};
    check_str("none", ip_text(&a, &none), S("unknown"));
    arena_done(&a);
    arena_init(&a, 0);
    assert_true(str_is_null(ip_text(&a, &none)));
    arena_done(&a);
}

static void comparing(void **unused UNUSED)
{
    static const char *rising[] = {
            "0.0.0.0", "1.2.3.4", "1.2.4.0", "255.0.0.0", "::", "::1", "1::"};
    for (size_t i = 0; i < COUNT_OF(rising); i++) {
        for (size_t k = 0; k < COUNT_OF(rising); k++) {
            struct ip a = ip_of(rising[i]), b = ip_of(rising[k]);
            int order = ip_compare(&a, &b);
            assert_true((order < 0) == (i < k) && (order > 0) == (i > k));
            assert_true(ip_eq(&a, &b) == (i == k));
        }
    }
}

static void kinds(void **unused UNUSED)
{
    enum { LOOP = 1, PRIVATE = 2, ANY = 4 };
    static const struct {
        const char *text;
        int kinds;
    } cases[] = {
            {"127.0.0.1", LOOP | PRIVATE},
            {"127.255.255.255", LOOP | PRIVATE},
            {"128.0.0.0", 0},
            {"126.255.255.255", 0},
            {"::1", LOOP | PRIVATE},
            {"::2", 0},
            {"::ffff:127.0.0.1", LOOP | PRIVATE},
            {"::ffff:10.0.0.1", PRIVATE},
            {"::ffff:0.0.0.0", ANY},
            {"9.255.255.255", 0},
            {"10.0.0.0", PRIVATE},
            {"11.0.0.0", 0},
            {"172.15.255.255", 0},
            {"172.16.0.0", PRIVATE},
            {"172.31.255.255", PRIVATE},
            {"172.32.0.0", 0},
            {"192.168.0.1", PRIVATE},
            {"192.169.0.0", 0},
            {"169.254.1.1", PRIVATE},
            {"fbff::1", 0},
            {"fc00::", PRIVATE},
            {"fdff::", PRIVATE},
            {"fe00::", 0},
            {"fe80::1", PRIVATE},
            {"febf::1", PRIVATE},
            {"fec0::1", 0},
            {"0.0.0.0", ANY},
            {"0.0.0.1", 0},
            {"::", ANY},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip ip = ip_of(cases[i].text);
        check_true(cases[i].text, ip_is_loopback(&ip) == ((cases[i].kinds & LOOP) != 0));
        check_true(cases[i].text, ip_is_private(&ip) == ((cases[i].kinds & PRIVATE) != 0));
        check_true(cases[i].text, ip_is_unspecified(&ip) == ((cases[i].kinds & ANY) != 0));
    }
    struct ip none = {0};
    assert_false(ip_is_loopback(&none) || ip_is_private(&none) || ip_is_unspecified(&none));
    struct ip mapped = ip_of("::ffff:1.2.3.4"), plain = ip_of("1.2.3.4");
    struct ip unmapped = ip_unmap(mapped), same = ip_unmap(plain), other = ip_of("::1.2.3.4");
    assert_true(ip_eq(&unmapped, &plain) && ip_eq(&same, &plain));
    same = ip_unmap(other);
    assert_true(ip_eq(&same, &other));
}

static void networks(void **unused UNUSED)
{
    static const struct {
        const char *text;
        const char *printed; // NULL: refused
        bool cleared;
    } cases[] = {
            {"192.0.2.1", "192.0.2.1/32", false},
            {"192.0.2.1/32", "192.0.2.1/32", false},
            {"192.0.2.1/33", NULL, false},
            {"192.0.2.0/24", "192.0.2.0/24", false},
            {"192.0.2.1/24", "192.0.2.0/24", true},
            {"255.255.255.255/9", "255.128.0.0/9", true},
            {"0.0.0.0/0", "0.0.0.0/0", false},
            {"1.2.3.4/0", "0.0.0.0/0", true},
            {"192.0.2.0/", NULL, false},
            {"192.0.2.0/024", NULL, false},
            {"192.0.2.0/ 4", NULL, false},
            {"192.0.2.0/24/24", NULL, false},
            {"192.0.2.0/255.255.255.0", NULL, false},
            {"192.0.2/24", NULL, false},
            {"/24", NULL, false},
            {"::/0", "::/0", false},
            {"2001:db8::1/128", "2001:db8::1/128", false},
            {"2001:db8::1/129", NULL, false},
            {"2001:db8:ffff::/33", "2001:db8:8000::/33", true},
            {"::ffff:192.0.2.0/120", "192.0.2.0/24", false}, // as clients of it are IPv4
            {"::ffff:192.0.2.1/120", "192.0.2.0/24", true},
            {"::ffff:192.0.2.1", "192.0.2.1/32", false},
            {"::ffff:0:0/96", "0.0.0.0/0", false},
            {"::ffff:0:0/95", "::fffe:0:0/95", true},
    };
    struct buf b;
    buf_init(&b, 100);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip_net net;
        bool cleared = false;
        bool good = ip_net_parse(str_from_c(cases[i].text), &net, &cleared);
        check_true(cases[i].text, good == (cases[i].printed != NULL));
        if (!good)
            continue;
        check_true(cases[i].text, cleared == cases[i].cleared);
        buf_clear(&b);
        ip_net_add(&b, &net);
        check_str(cases[i].text, buf_str(&b), str_from_c(cases[i].printed));
    }
    buf_done(&b);
}

static void containing(void **unused UNUSED)
{
    static const struct {
        const char *net, *ip;
        bool inside;
    } cases[] = {
            {"192.0.2.0/24", "192.0.2.255", true},
            {"192.0.2.0/24", "192.0.3.0", false},
            {"192.0.2.128/25", "192.0.2.127", false},
            {"192.0.2.128/25", "192.0.2.128", true},
            {"0.0.0.0/0", "255.1.2.3", true},
            {"0.0.0.0/0", "::1", false},
            {"::/0", "1.2.3.4", false},
            {"::/0", "ffff::", true},
            {"192.0.2.0/24", "::ffff:192.0.2.1", true},
            {"::ffff:192.0.2.0/120", "192.0.2.1", true},
            {"::ffff:192.0.2.0/120", "::ffff:192.0.2.1", true},
            {"2001:db8::/33", "2001:db8:7fff::1", true},
            {"2001:db8::/33", "2001:db8:8000::1", false},
            {"2001:db8::1/128", "2001:db8::1", true},
            {"2001:db8::1/128", "2001:db8::2", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip_net net = net_of(cases[i].net);
        struct ip ip = ip_of(cases[i].ip);
        check_true(cases[i].ip, ip_net_contains(&net, &ip) == cases[i].inside);
    }
}

static void ends_of_sockets(void **unused UNUSED)
{
    static const struct {
        struct str text;
        bool good;
    } cases[] = {
            {S_INIT("192.0.2.1:25"), true},
            {S_INIT("192.0.2.1:0"), true},
            {S_INIT("192.0.2.1:65535"), true},
            {S_INIT("192.0.2.1:65536"), false},
            {S_INIT("192.0.2.1:025"), false},
            {S_INIT("192.0.2.1:"), false},
            {S_INIT("192.0.2.1"), false},
            {S_INIT("192.0.2.1:25 "), false},
            {S_INIT("[192.0.2.1]:25"), false},
            {S_INIT("host:25"), false},
            {S_INIT(":25"), false},
            {S_INIT("[2001:db8::2]:25"), true},
            {S_INIT("2001:db8::2:25"), false},
            {S_INIT("[2001:db8::2]25"), false},
            {S_INIT("[2001:db8::2"), false},
            {S_INIT("[]:25"), false},
            {S_INIT("[fe80::1%3]:25"), true},
            {S_INIT("[fe80::1%4294967295]:25"), true},
            {S_INIT("[fe80::1%4294967296]:25"), false},
            {S_INIT("[fe80::1%0]:25"), false},
            {S_INIT("[fe80::1%03]:25"), false},
            {S_INIT("[fe80::1%eth0]:25"), false},
            {S_INIT("[fe80::1%]:25"), false},
            {S_INIT("unix:/run/x"), true},
            {S_INIT("unix:@name"), true},
            {S_INIT("unix:@a\0b"), true},
            {S_INIT("unix:/a\0b"), false},
            {S_INIT("unix:/"), false},
            {S_INIT("unix:@"), false},
            {S_INIT("unix:"), false},
            {S_INIT("unix:run/x"), false},
            {S_INIT(""), false},
    };
    struct arena a;
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct endpoint e, again;
        check_true(cases[i].text.ptr, endpoint_parse(cases[i].text, &e) == cases[i].good);
        if (!cases[i].good)
            continue;
        struct str text = endpoint_text(&a, &e);
        check_str("printed", text, cases[i].text);
        assert_true(endpoint_parse(text, &again) && endpoint_eq(&e, &again));
    }
    arena_done(&a);
}

static void socket_paths_have_their_limit(void **unused UNUSED)
{
    struct buf b;
    struct endpoint e;
    buf_init(&b, 200);
    buf_add(&b, S("unix:/"));
    buf_add_repeat(&b, 'x', UNIX_PATH_BYTES_MAX - 1);
    assert_true(endpoint_parse(buf_str(&b), &e));
    assert_int_equal(e.unix_path.len, UNIX_PATH_BYTES_MAX);
    buf_add_byte(&b, 'x');
    assert_false(endpoint_parse(buf_str(&b), &e));
    buf_done(&b);
}

static void ends_compared(void **unused UNUSED)
{
    static const char *different[] = {"192.0.2.1:25", "192.0.2.1:26", "192.0.2.2:25",
            "[fe80::1]:25", "[fe80::1%1]:25", "[fe80::1%2]:25", "unix:/a", "unix:/b", "unix:@a"};
    for (size_t i = 0; i < COUNT_OF(different); i++) {
        for (size_t k = 0; k < COUNT_OF(different); k++) {
            struct endpoint a, b;
            assert_true(endpoint_parse(str_from_c(different[i]), &a));
            assert_true(endpoint_parse(str_from_c(different[k]), &b));
            assert_true(endpoint_eq(&a, &b) == (i == k));
        }
    }
    struct endpoint unnamed = {.unix_path = S("")}, none = {0};
    assert_false(endpoint_eq(&unnamed, &none));
    assert_true(endpoint_eq(&unnamed, &unnamed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(no_addresses),
            TEST(addresses),
            TEST(comparing),
            TEST(kinds),
            TEST(networks),
            TEST(containing),
            TEST(ends_of_sockets),
            TEST(socket_paths_have_their_limit),
            TEST(ends_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
