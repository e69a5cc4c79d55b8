// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_connect_options.c: options of connections that we make, on loopback: what the
// kernel has afterwards, and that a connection is not made with less than was asked for.
#include "in_child.h"

#include "rt/net.h"
#include "rt/rt.h"
#include "rt/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define DESCRIPTORS 100

static const struct stream_options plain = {.nodelay = false};
static const struct stream_options full = {
        .nodelay = true, .tos4 = 40, .tos6 = 72, .keepalive_ms = 30 * SECOND_MS};

static const struct {
    const char *name, *at;
    struct connect_options options;
    int level, option, want; // option 0: none is looked at
    const char *error;
} cases[] = {
        {"nothing asked for", "127.0.0.1:0", {.stream = NULL}, IPPROTO_TCP, TCP_NODELAY, 0, ""},
        {"nodelay off", "127.0.0.1:0", {.stream = &plain}, IPPROTO_TCP, TCP_NODELAY, 0, ""},
        {"nodelay", "127.0.0.1:0", {.stream = &full}, IPPROTO_TCP, TCP_NODELAY, 1, ""},
        {"keepalive", "127.0.0.1:0", {.stream = &full}, SOL_SOCKET, SO_KEEPALIVE, 1, ""},
        {"after so long", "127.0.0.1:0", {.stream = &full}, IPPROTO_TCP, TCP_KEEPIDLE, 30, ""},
        {"tos", "127.0.0.1:0", {.stream = &full}, IPPROTO_IP, IP_TOS, 40, ""},
        {"segments", "127.0.0.1:0", {.mss = 900}, IPPROTO_TCP, TCP_MAXSEG, 900, ""},
        {"from another address and by its interface", "127.0.0.1:0",
                {.from = {IP_V4, {127, 0, 0, 2}}, .bind_device = S_INIT("lo")}, 0, 0, 0, ""},
        {"no such interface", "127.0.0.1:0", {.bind_device = S_INIT("nosuch0")}, 0, 0, 0,
                "bind-device: this machine has no such interface"},
};

static struct err try_case(void *arg)
{
    const size_t i = *(const size_t *)arg;
    struct listen_options listening = {0};
    struct endpoint at;
    struct acceptor *a;
    struct stream *s = NULL;
    int got = 0;
    socklen_t length = sizeof(got);
    assert_true(endpoint_parse(str_from_c(cases[i].at), &at));
    TRY(net_listen(&at, &listening, &a));
    struct err e = net_connect(acceptor_local(a), &cases[i].options, &s);
    check_str(cases[i].name, err_text(e), str_from_c(cases[i].error));
    assert_int_equal(e.kind, cases[i].error[0] == '\0' ? ERR_NONE : ERR_CONFIG);
    if (!failed(e) && cases[i].option != 0) {
        assert_int_equal(
                getsockopt(stream_fd(s), cases[i].level, cases[i].option, &got, &length), 0);
        if (cases[i].option == TCP_MAXSEG && cases[i].level == IPPROTO_TCP)
            assert_in_range(got, cases[i].want - 12, cases[i].want); // timestamps take their part
        else
            check_u64(cases[i].name, (uint64_t)got, (uint64_t)cases[i].want);
    }
    if (!failed(e) && cases[i].options.from.family != IP_NONE)
        assert_true(ip_eq(&stream_local(s)->ip, &cases[i].options.from));
    if (!failed(e))
        stream_close(s);
    acceptor_close(a);
    acceptor_free(a);
    return OK;
}

static void options_are_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct loop *loop = loop_new_real();
        assert_non_null(loop);
        struct err e = loop_run(loop, try_case, &i);
        check_str(cases[i].name, err_text(e), S(""));
        loop_free(loop);
    }
}

// --- The reserve of descriptors (outbound.md 20) -------------------------------------------------

static struct err connect_to_the_last(void *arg)
{
    const char **out_wrong = arg;
    struct listen_options listening = {0};
    struct endpoint at;
    struct acceptor *a;
    struct stream *s;
    const struct connect_options modest = {.leaves_reserve = true}, any = {0};
    size_t made = 0;
    assert_true(endpoint_parse(S("127.0.0.1:0"), &at));
    TRY(net_listen(&at, &listening, &a));
    struct err e = net_connect(acceptor_local(a), &modest, &s);
    for (; !failed(e); made++)
        e = net_connect(acceptor_local(a), &modest, &s); // they stay open until the child ends
    if (made < DESCRIPTORS / 2 || made >= DESCRIPTORS - DESCRIPTORS / 10)
        *out_wrong = "it is a tenth that is left";
    if (e.kind != ERR_LIMIT)
        *out_wrong = "it is told what there is too little of";
    for (int i = 0; i < DESCRIPTORS / 10; i++)
        if (failed(net_connect(acceptor_local(a), &any, &s)))
            *out_wrong = "others have all of it";
    if (!failed(net_connect(acceptor_local(a), &any, &s)))
        *out_wrong = "and then there are none";
    return OK;
}

static const char *fill_descriptors(const void *arg)
{
    const struct rlimit limit = {.rlim_cur = DESCRIPTORS, .rlim_max = DESCRIPTORS};
    const char *wrong = NULL;
    struct loop *loop = loop_new_real();
    (void)arg;
    SHOULD(loop != NULL);
    SHOULD(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct err e = loop_run(loop, connect_to_the_last, &wrong);
    SHOULD(!failed(e));
    return wrong;
}

static void a_reserve_is_left(void **state)
{
    (void)state;
    passes_in_child(fill_descriptors, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(options_are_set), TEST(a_reserve_is_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
