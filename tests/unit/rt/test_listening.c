// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_listening.c: what can be told of a socket that somebody else has made.
#include "fixture.h"

#include "rt/listening.h"
#include "rt/net.h"
#include "rt/process.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listening_at(struct arena *a, const struct endpoint *at)
{
    struct listen_options options = {0};
    int fd = -1;
    assert_ok(net_bind(a, at, &options, &fd));
    return fd;
}

static void only_listening_stream_sockets_will_do(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct endpoint at = {.unix_path = arena_fmt(&a, "@listening-%d", (int)process_id())};
    int pair[2], pipes[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pipe(pipes), 0);
    const struct {
        const char *name;
        int fd;
        struct str error; // null: none
    } cases[] = {
            {"a number that is no descriptor", 9999, S_INIT("is not a socket")},
            {"a pipe", pipes[0], S_INIT("is not a socket")},
            {"a connected one", pair[0], S_INIT("does not listen")},
            {"a datagram one", socket(AF_UNIX, SOCK_DGRAM, 0), S_INIT("not a stream socket")},
            {"one that listens", listening_at(&a, &at), {0}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = listening_check(&a, cases[i].fd);
        print_message("%s\n", cases[i].name);
        assert_int_equal(failed(e), !str_is_null(cases[i].error));
        assert_true(!failed(e) || str_contains(err_text(e), cases[i].error));
    }
    for (size_t i = 1; i < COUNT_OF(cases); i++)
        descriptor_close(cases[i].fd);
    descriptor_close(pair[1]);
    descriptor_close(pipes[1]);
}

static void addresses_come_back_as_configured(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct str paths[] = {
            arena_fmt(&a, "@listening-%d", (int)process_id()),
            arena_fmt(&a, "/tmp/listening-%d", (int)process_id()),
    };
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct endpoint at = {.unix_path = paths[i]}, got;
        int fd = listening_at(&a, &at);
        listening_address(&a, fd, &got);
        assert_true(endpoint_eq(&got, &at));
        descriptor_close(fd);
        unix_socket_remove(paths[i]);
    }
    assert_int_equal(access(paths[1].ptr, F_OK), -1);
}

static void the_holder_of_a_port_is_found(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    struct endpoint at = {0}, got;
    assert_true(endpoint_parse(S("127.0.0.1:0"), &at));
    int fd = listening_at(&a, &at);
    listening_address(&a, fd, &got);
    assert_int_not_equal(got.port, 0);
    assert_int_equal(listening_holder(&got), process_id());
    descriptor_close(fd);
    assert_int_equal(listening_holder(&got), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(only_listening_stream_sockets_will_do),
            cmocka_unit_test(addresses_come_back_as_configured),
            cmocka_unit_test(the_holder_of_a_port_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
