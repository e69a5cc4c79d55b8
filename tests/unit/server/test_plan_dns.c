// SPDX-License-Identifier: Apache-2.0
// tests/unit/server/test_plan_dns.c: servers as an administrator writes them, and resolv.conf(5) as
// other programs do.
#include "../base/check.h"
#include "server/plan_dns.h"

struct server_case {
    const char *text, *expected; // "PROTOCOL ENDPOINT#NAME"; NULL: refused
};

static const struct server_case servers[] = {
        {"", NULL},
        {"udp://", NULL},
        {"ns.example.org", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:0", NULL},
        {"192.0.2.1:65536", NULL},
        {"192.0.2.1:53 ", NULL},
        {"[192.0.2.1]:x", NULL},
        {"[2001:db8::1", NULL},
        {"unix:/run/dns", NULL},
        {"fe80::1%1", NULL},
        {"https://192.0.2.1", NULL},
        {"192.0.2.1#name", NULL},
        {"tls://192.0.2.1#", NULL},
        {"192.0.2.1", "0 192.0.2.1:53#"},
        {"UDP://192.0.2.1:5353", "0 192.0.2.1:5353#"},
        {"2001:db8::1", "0 [2001:db8::1]:53#"},
        {"[2001:db8::1]", "0 [2001:db8::1]:53#"},
        {"tcp://[2001:db8::1]:5353", "1 [2001:db8::1]:5353#"},
        {"tls://192.0.2.1", "2 192.0.2.1:853#"},
        {"tls://192.0.2.1:8853#dns.example", "2 192.0.2.1:8853#dns.example"},
};

static void add_server(struct buf *out, const struct dns_server *server)
{
    struct endpoint at = {.ip = server->ip, .port = server->port};
    buf_fmt(out, "%d ", (int)server->protocol);
    endpoint_add(out, &at);
    buf_fmt(out, "#%.*s", ARG(server->auth_name));
}

static void servers_as_written(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct buf text AUTO(buf_done);
        struct dns_server server;
        buf_init(&text, KIB);
        struct err e = plan_dns_server(str_from_c(servers[i].text), &server);
        check_true(servers[i].text, failed(e) == (servers[i].expected == NULL));
        if (failed(e))
            continue;
        add_server(&text, &server);
        check_str(servers[i].text, buf_str(&text), str_from_c(servers[i].expected));
    }
}

struct resolv_case {
    const char *name, *text, *expected; // servers, then tries and their length
};

static const struct resolv_case files[] = {
        {"nothing", "", "3 x 5000"},
        {"comments", "# nameserver 192.0.2.1\n; nameserver 192.0.2.2\n", "3 x 5000"},
        {"a name is no server", "nameserver ns.example\n", "3 x 5000"},
        {"a word that begins like ours", "nameservers 192.0.2.1\n", "3 x 5000"},
        {"two servers, tabs, no last line end", "nameserver\t192.0.2.1\r\n nameserver  2001:db8::1",
                "192.0.2.1 2001:db8::1 3 x 5000"},
        {"what mail has no use for",
                "search a.example\nnameserver 192.0.2.1\noptions ndots:5 edns0",
                "192.0.2.1 3 x 5000"},
        {"attempts count all tries", "options timeout:1 attempts:1", "1 x 1000"},
        {"as libc bounds them", "options attempts:99 timeout:99", "5 x 30000"},
        {"nonsense", "options timeout:0 attempts:-1 timeout: attempts", "3 x 5000"},
};

static void resolv_conf(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct arena a AUTO(arena_done);
        struct buf text AUTO(buf_done);
        struct dns_settings s = dns_settings_default();
        arena_init(&a, 64 * KIB);
        buf_init(&text, KIB);
        assert_false(failed(plan_dns_resolv_conf(&a, str_from_c(files[i].text), &s)));
        for (size_t k = 0; k < s.server_count; k++) {
            ip_add(&text, &s.servers[k].ip);
            buf_add_byte(&text, ' ');
            assert_int_equal(s.servers[k].port, 53);
        }
        buf_fmt(&text, "%u x %lld", s.retry_count + 1, (long long)s.try_ms);
        check_str(files[i].name, buf_str(&text), str_from_c(files[i].expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(servers_as_written),
            cmocka_unit_test(resolv_conf),
    };
    return cmocka_run_group_tests_name("server/plan_dns", tests, NULL, NULL);
}
