// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/test_bind.c: forms of bind, their advice, clashes and the two stacks
// (listeners.md 3, 17, 18).
#include "../base/check.h"
#include "listen/bind.h"

struct bind_case {
    const char *name, *text, *is, *error, *hint, *warning;
    uint16_t default_port; // 0: 25
    bool by_default;
};

static const struct bind_case CASES[] = {
        {.name = "empty", .text = "", .error = "invalid socket address \"\" (expected"},
        {.name = "blanks alone", .text = "  ", .error = "invalid socket address"},
        {.name = "blanks around", .text = " [::]:25\t", .is = "[::]:25"},
        {.name = "::1:25 is an address",
                .text = "::1:25",
                .is = "[::1:25]:25",
                .by_default = true,
                .warning =
                        "read as the address [::1:25] with default port 25; write [::1]:25 if 25 "
                        "is the port"},
        {.name = "the abbreviation keeps both colons",
                .text = "2001:db8::587",
                .is = "[2001:db8::587]:25",
                .by_default = true,
                .warning = "write [2001:db8::]:587 if 587"},
        {.name = "eight groups end in a port",
                .text = "1:2:3:4:5:6:7:993",
                .is = "[1:2:3:4:5:6:7:993]:25",
                .by_default = true,
                .warning = "write [address]:993 if 993"},
        {.name = "last group is no port that mail uses",
                .text = "a:3f::2",
                .is = "[a:3f::2]:25",
                .by_default = true},
        {.name = "last group with a zero in front",
                .text = "a::025",
                .is = "[a::25]:25",
                .by_default = true},
        {.name = "IPv6 with the port of submissions",
                .text = "2001:db8::2",
                .default_port = 465,
                .is = "[2001:db8::2]:465",
                .by_default = true},
        {.name = "brackets and port", .text = "[2001:DB8::2]:25", .is = "[2001:db8::2]:25"},
        {.name = "brackets alone", .text = "[::1]", .is = "[::1]:25", .by_default = true},
        {.name = "zone", .text = "[fe80::1%eth0]:25", .is = "[fe80::1%eth0]:25"},
        {.name = "zone, default port",
                .text = "[fe80::1%eth0]",
                .is = "[fe80::1%eth0]:25",
                .by_default = true},
        {.name = "empty zone", .text = "[fe80::1%]:25", .error = "invalid"},
        {.name = "v4-mapped is IPv4", .text = "[::ffff:192.0.2.1]:25", .is = "192.0.2.1:25"},
        {.name = "text behind the bracket",
                .text = "[::1]x",
                .error = "invalid socket address \"[::1]x\""},
        {.name = "port without colon", .text = "[::1]25", .error = "invalid"},
        {.name = "bracket, colon, nothing", .text = "[::1]:", .error = "invalid"},
        {.name = "no closing bracket", .text = "[::1:25", .error = "invalid"},
        {.name = "IPv4 in brackets", .text = "[192.0.2.1]:25", .error = "invalid"},
        {.name = "IPv4 and port", .text = "192.0.2.1:25", .is = "192.0.2.1:25"},
        {.name = "IPv4 alone", .text = "192.0.2.1", .is = "192.0.2.1:25", .by_default = true},
        {.name = "IPv4 of three parts", .text = "1.2.3:25", .error = "invalid"},
        {.name = "IPv4 with a leading zero", .text = "192.0.2.01:25", .error = "invalid"},
        {.name = "colon, nothing",
                .text = "10.0.0.1:",
                .error = "invalid socket address \"10.0.0.1:\""},
        {.name = "port 99999",
                .text = "10.0.0.1:99999",
                .error = "invalid",
                .hint = "at most 65535"},
        {.name = "port alone, too large",
                .text = "70000",
                .error = "invalid",
                .hint = "at most 65535"},
        {.name = "port that overflows", .text = "99999999999999999999999", .error = "invalid"},
        {.name = "negative port", .text = "10.0.0.1:-1", .error = "invalid"},
        {.name = "port 0 is the kernel's choice", .text = "127.0.0.1:0", .is = "127.0.0.1:0"},
        {.name = "port 65535", .text = "127.0.0.1:65535", .is = "127.0.0.1:65535"},
        {.name = "star", .text = "*:587", .is = "[::]:587"},
        {.name = "colon", .text = ":587", .is = "[::]:587"},
        {.name = "digits", .text = "25", .is = "[::]:25"},
        {.name = "star alone", .text = "*", .error = "invalid"},
        {.name = "star without colon", .text = "*25", .error = "invalid"},
        {.name = "host name",
                .text = "mx.example.org:25",
                .error = "invalid",
                .hint = "not resolved here"},
        {.name = "host name alone",
                .text = "localhost",
                .error = "invalid",
                .hint = "not resolved here"},
        {.name = "URL", .text = "http://[::1]:25", .error = "invalid"},
        {.name = "unix", .text = "unix:/run/mail/lmtp.sock", .is = "unix:/run/mail/lmtp.sock"},
        {.name = "unix, abstract", .text = "unix:@mail", .is = "unix:@mail"},
        {.name = "unix, nothing", .text = "unix:", .error = "expected unix:/PATH"},
        {.name = "unix, relative", .text = "unix:run/x", .error = "expected unix:/PATH"},
        {.name = "systemd", .text = "systemd:smtp", .is = "systemd:smtp"},
        {.name = "systemd, nothing", .text = "systemd:", .error = "expected systemd:NAME"},
};

static void expect_part(struct str text, const char *part)
{
    if (part != NULL && !str_contains(text, str_from_c(part)))
        check_failed("got \"%.*s\", expected \"%s\" in it", ARG(text), part);
    if (part == NULL && text.len > 0)
        check_failed("unexpected \"%.*s\"", ARG(text));
}

static void forms_are_read(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct bind_case *c = &CASES[i];
        struct arena a;
        struct bind b = {0};
        struct bind_advice advice;
        arena_init(&a, 64 * KIB);
        print_message("%s\n", c->name);
        uint16_t port = c->default_port != 0 ? c->default_port : 25;
        struct err e = bind_parse(&a, str_from_c(c->text), port, &b, &advice);
        expect_part(err_text(e), c->error);
        expect_part(advice.hint, c->hint);
        expect_part(advice.warning, c->warning);
        if (!failed(e)) {
            assert_string_equal(arena_c_str(&a, bind_text(&a, &b)), c->is);
            assert_int_equal(b.port_by_default, c->by_default);
        }
        arena_done(&a);
    }
}

static void unix_paths_have_their_limit(void **unused UNUSED)
{
    for (size_t len = UNIX_PATH_BYTES_MAX; len <= UNIX_PATH_BYTES_MAX + 1; len++) {
        struct arena a;
        struct buf path;
        struct bind b;
        struct bind_advice advice;
        arena_init(&a, 64 * KIB);
        buf_init(&path, 256);
        buf_add(&path, S("unix:"));
        buf_add_repeat(&path, '/', len);
        struct err e = bind_parse(&a, buf_str(&path), 25, &b, &advice);
        assert_int_equal(failed(e), len > UNIX_PATH_BYTES_MAX);
        buf_done(&path);
        arena_done(&a);
    }
}

static struct bind bind_of(struct arena *a, const char *text)
{
    struct bind b = {0};
    struct bind_advice advice;
    assert_false(failed(bind_parse(a, str_from_c(text), 25, &b, &advice)));
    return b;
}

static void clashes_are_found(void **unused UNUSED)
{
    static const struct {
        const char *one, *other;
        enum bind_relation is;
    } cases[] = {
            {"[::]:25", "25", BIND_SAME},
            {"[::]:25", "[::]:587", BIND_APART},
            {"127.0.0.1:0", "127.0.0.1:0", BIND_APART},
            {"[::]:25", "0.0.0.0:25", BIND_COVERED},
            {"[::]:25", "192.0.2.1:25", BIND_COVERED},
            {"[::1]:25", "[::]:25", BIND_COVERED},
            {"0.0.0.0:25", "192.0.2.1:25", BIND_COVERED},
            {"0.0.0.0:25", "[::1]:25", BIND_APART},
            {"192.0.2.1:25", "192.0.2.2:25", BIND_APART},
            {"[fe80::1%eth0]:25", "[fe80::1%eth1]:25", BIND_APART},
            {"[fe80::1%eth0]:25", "[fe80::1%eth0]:25", BIND_SAME},
            {"unix:/a", "unix:/a", BIND_SAME},
            {"unix:/a", "unix:/b", BIND_APART},
            {"systemd:a", "systemd:a", BIND_SAME},
            {"systemd:a", "unix:@a", BIND_APART},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        arena_init(&a, 64 * KIB);
        struct bind one = bind_of(&a, cases[i].one), other = bind_of(&a, cases[i].other);
        print_message("%s beside %s\n", cases[i].one, cases[i].other);
        assert_int_equal(bind_relate(&one, &other), cases[i].is);
        assert_int_equal(bind_relate(&other, &one), cases[i].is);
        arena_done(&a);
    }
}

static void wildcards_take_ipv4(void **unused UNUSED)
{
    struct arena a;
    arena_init(&a, 64 * KIB);
    struct bind wild = bind_of(&a, "[::]:25"), one = bind_of(&a, "[::1]:25");
    assert_false(bind_v6only(&wild, -1, false));
    assert_true(bind_v6only(&wild, -1, true));
    assert_true(bind_v6only(&wild, 1, false));
    assert_false(bind_v6only(&wild, 0, true));
    assert_true(bind_v6only(&one, -1, false));
    assert_true(bind_v6only(&one, 0, false));
    arena_done(&a);
}

static void default_ports(void **unused UNUSED)
{
    static const uint16_t ports[][2] = {
            {25, 465}, {24, 24}, {80, 443}, {143, 993}, {110, 995}, {4190, 4190}};
    for (int protocol = LISTEN_SMTP; protocol <= LISTEN_MANAGESIEVE; protocol++)
        for (int implicit = 0; implicit <= 1; implicit++)
            assert_int_equal(listen_default_port((enum listen_protocol)protocol, implicit == 1),
                    ports[protocol][implicit]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(forms_are_read),
            cmocka_unit_test(unix_paths_have_their_limit),
            cmocka_unit_test(clashes_are_found),
            cmocka_unit_test(wildcards_take_ipv4),
            cmocka_unit_test(default_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
