// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_net_open.c: listening sockets with their options, on loopback and
// kernel-chosen ports: what the kernel has afterwards, and the words of what it refuses.
#include "../base/check.h"

#include "rt/net.h"
#include "rt/rt.h"
#include "rt/sockaddr.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct open_case {
    const char *name, *at;
    struct listen_options options;
    int level, option, want; // option 0: none is looked at
    bool at_least;
    const char *error; // a part of it
};

static const struct open_case CASES[] = {
        {.name = "reuse-addr by default",
                .at = "127.0.0.1:0",
                .level = SOL_SOCKET,
                .option = SO_REUSEADDR,
                .want = 1},
        {.name = "reuse-addr off",
                .at = "127.0.0.1:0",
                .options.no_reuse_addr = true,
                .level = SOL_SOCKET,
                .option = SO_REUSEADDR,
                .want = 0},
        {.name = "reuse-port",
                .at = "127.0.0.1:0",
                .options.reuse_port = true,
                .level = SOL_SOCKET,
                .option = SO_REUSEPORT,
                .want = 1},
        {.name = "freebind",
                .at = "198.51.100.200:0",
                .options.freebind = true,
                .level = IPPROTO_IP,
                .option = IP_FREEBIND,
                .want = 1},
        {.name = "ttl",
                .at = "127.0.0.1:0",
                .options.ttl = 7,
                .level = IPPROTO_IP,
                .option = IP_TTL,
                .want = 7},
        {.name = "tos",
                .at = "127.0.0.1:0",
                .options = {.tos4 = 40, .tos6 = 72},
                .level = IPPROTO_IP,
                .option = IP_TOS,
                .want = 40},
        {.name = "tos of a socket for both",
                .at = "[::]:0",
                .options = {.tos4 = 40, .tos6 = 72},
                .level = IPPROTO_IP,
                .option = IP_TOS,
                .want = 40},
        {.name = "traffic class",
                .at = "[::]:0",
                .options = {.tos4 = 40, .tos6 = 72},
                .level = IPPROTO_IPV6,
                .option = IPV6_TCLASS,
                .want = 72},
        {.name = "hops",
                .at = "[::1]:0",
                .options = {.ttl = 9, .v6only = true},
                .level = IPPROTO_IPV6,
                .option = IPV6_UNICAST_HOPS,
                .want = 9},
        {.name = "both families",
                .at = "[::]:0",
                .level = IPPROTO_IPV6,
                .option = IPV6_V6ONLY,
                .want = 0},
        {.name = "IPv6 only",
                .at = "[::]:0",
                .options.v6only = true,
                .level = IPPROTO_IPV6,
                .option = IPV6_V6ONLY,
                .want = 1},
        {.name = "send buffer",
                .at = "127.0.0.1:0",
                .options.send_buffer_bytes = 8192,
                .level = SOL_SOCKET,
                .option = SO_SNDBUF,
                .want = 8192,
                .at_least = true},
        {.name = "receive buffer",
                .at = "127.0.0.1:0",
                .options.recv_buffer_bytes = 16384,
                .level = SOL_SOCKET,
                .option = SO_RCVBUF,
                .want = 16384,
                .at_least = true},
        {.name = "defer-accept, rounded up",
                .at = "127.0.0.1:0",
                .options.defer_accept_ms = 1500,
                .level = IPPROTO_TCP,
                .option = TCP_DEFER_ACCEPT,
                .want = 2,
                .at_least = true},
        {.name = "no such device",
                .at = "127.0.0.1:0",
                .options.bind_device = {"no-such-dev", 11},
                .error = "socket.bind-device"},
        {.name = "an address of somebody else",
                .at = "198.51.100.200:0",
                .error = "does not have the address"},
        {.name = "no such folder", .at = "unix:/no/such/folder/x", .error = "binding"},
};

static void options_are_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(CASES); i++) {
        const struct open_case *c = &CASES[i];
        struct arena a AUTO(arena_done);
        struct endpoint at;
        struct net_notes notes = {0};
        int fd, got = -1;
        socklen_t length = sizeof(got);
        arena_init(&a, 64 * KIB);
        assert_true(endpoint_parse(str_from_c(c->at), &at));
        struct err e = net_open(&a, &at, &c->options, &notes, &fd);
        if (c->error != NULL) {
            if (!failed(e) || !str_contains(err_text(e), str_from_c(c->error)) ||
                    !str_contains(err_text(e), S("listening on ")))
                check_failed("%s: %.*s", c->name, ARG(err_text(e)));
            continue;
        }
        if (failed(e) && at.ip.family == IP_V6)
            continue; // a machine without IPv6
        check_str(c->name, err_text(e), S(""));
        assert_int_equal(getsockopt(fd, c->level, c->option, &got, &length), 0);
        if (c->at_least ? got < c->want : got != c->want)
            check_failed("%s: got %d, want %d", c->name, got, c->want);
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &got, &length), 0);
        check_u64(c->name, (uint64_t)got, 0); // it is bound and does not listen
        assert_false(failed(net_activate(fd, 5)));
        close(fd);
    }
}

static void too_much_is_noted(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct endpoint at = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}};
    struct listen_options options = {.backlog = 65535000, .send_buffer_bytes = 1 << 30};
    struct net_notes notes = {0};
    int fd;
    assert_false(failed(net_open(&a, &at, &options, &notes, &fd)));
    assert_int_equal(notes.count, 2);
    assert_true(str_contains(notes.text[0], S("net.core.wmem_max")));
    assert_true(str_contains(notes.text[1], S("net.core.somaxconn")));
    close(fd);
}

static void an_address_in_use(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct endpoint at = {.ip = {.family = IP_V4, .bytes = {127, 0, 0, 1}}};
    struct listen_options options = {0};
    int first, second;
    assert_false(failed(net_bind(&a, &at, &options, &first)));
    sockaddr_local(first, &at);
    struct err e = net_bind(&a, &at, &options, &second);
    assert_int_equal(e.kind, ERR_EXISTS);
    assert_true(str_contains(err_text(e), S("in use")));
    close(first);
}

static void files_of_unix_sockets(void **state)
{
    (void)state;
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    char folder[] = "/tmp/posthaste-net-XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct endpoint at = {.unix_path = arena_fmt(&a, "%s/s", folder)};
    struct listen_options options = {.mode = 0620};
    struct stat info;
    int first, second;
    assert_false(failed(net_bind(&a, &at, &options, &first)));
    assert_int_equal(stat(at.unix_path.ptr, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0620);
    struct err e = net_bind(&a, &at, &options, &second); // somebody listens
    assert_int_equal(e.kind, ERR_EXISTS);
    close(first); // the file stays, and nobody listens any more
    assert_false(failed(net_bind(&a, &at, &options, &second)));
    close(second);
    unlink(at.unix_path.ptr);
    struct listen_options nobody = {.user = S("no-such-user-here")};
    e = net_bind(&a, &at, &nobody, &second);
    assert_true(str_contains(err_text(e), S("socket.user")));
    unlink(at.unix_path.ptr);
    // What is no socket is nobody's to remove.
    int file = creat(at.unix_path.ptr, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(net_bind(&a, &at, &options, &second).kind, ERR_EXISTS);
    unlink(at.unix_path.ptr);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(options_are_set), TEST(too_much_is_noted),
            TEST(an_address_in_use), TEST(files_of_unix_sockets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
