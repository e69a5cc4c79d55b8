// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_sandbox_work.c: all that a worker does works in the sandbox, each in a child
// of its own. Where there is no sandbox (sanitizers, valgrind) the trials show that they can
// succeed.
#include "sandbox_world.h"

#include "rt/stack.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

static void *in_thread(void *arg)
{
    int *value = arg;
    void *room = malloc(100000);
    memset(room, 1, 100000);
    free(room);
    *value = 42;
    return NULL;
}

static const char *threads(const void *arg UNUSED)
{
    pthread_t t[4];
    int values[4] = {0};
    for (size_t i = 0; i < COUNT_OF(t); i++)
        SHOULD(pthread_create(&t[i], NULL, in_thread, &values[i]) == 0);
    for (size_t i = 0; i < COUNT_OF(t); i++)
        SHOULD(pthread_join(t[i], NULL) == 0 && values[i] == 42);
    pthread_setname_np(pthread_self(), "named");
    return NULL;
}

static const char *memory_of_all_sizes(const void *arg UNUSED)
{
    char *p = NULL;
    for (size_t bytes = 16; bytes <= 64 * MIB; bytes *= 4) {
        p = realloc(p, bytes);
        SHOULD(p != NULL);
        p[bytes - 1] = 1;
    }
    free(p);
    struct stack_pool stacks;
    stack_pool_init(&stacks);
    char *top_of_stack = stack_take(&stacks);
    SHOULD(top_of_stack != NULL);
    stack_give(&stacks, top_of_stack);
    stack_pool_done(&stacks);
    return NULL;
}

static const char *waiting(const void *arg UNUSED)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), event_fd = eventfd(0, EFD_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLOUT};
    SHOULD(poll_fd >= 0 && event_fd >= 0 && timer >= 0 && signals >= 0);
    SHOULD(epoll_ctl(poll_fd, EPOLL_CTL_ADD, event_fd, &e) == 0);
    SHOULD(epoll_wait(poll_fd, &e, 1, 0) == 1);
    SHOULD(raise(SIGUSR1) == 0); // to itself it may
    struct signalfd_siginfo info;
    SHOULD(read(signals, &info, sizeof(info)) == sizeof(info));
    struct timespec short_while = {0, 1000};
    SHOULD(nanosleep(&short_while, NULL) == 0);
    return NULL;
}

static const char *network(const void *arg UNUSED)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int on = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SHOULD(server >= 0);
    SHOULD(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    SHOULD(bind(server, (struct sockaddr *)&at, len) == 0 && listen(server, 5) == 0);
    SHOULD(getsockname(server, (struct sockaddr *)&at, &len) == 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SHOULD(connect(client, (struct sockaddr *)&at, len) == 0);
    int accepted = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    SHOULD(accepted >= 0);
    SHOULD(send(client, "x", 1, MSG_NOSIGNAL) == 1);
    char byte;
    SHOULD(recv(accepted, &byte, 1, 0) == 1);
    int datagrams = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    SHOULD(datagrams >= 0 || errno == EAFNOSUPPORT);
    SHOULD(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
    return NULL;
}

static const char *names(const void *arg UNUSED)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    SHOULD(getaddrinfo("localhost", "25", &hints, &found) == 0);
    freeaddrinfo(found);
    SHOULD(if_nametoindex("lo") != 0);
    struct ifaddrs *interfaces = NULL;
    SHOULD(getifaddrs(&interfaces) == 0);
    freeifaddrs(interfaces);
    return NULL;
}

static const char *time_and_chance(const void *arg UNUSED)
{
    char byte;
    struct tm local;
    time_t now = time(NULL);
    SHOULD(localtime_r(&now, &local) != NULL);
    SHOULD(getentropy(&byte, 1) == 0);
    SHOULD(sysconf(_SC_NPROCESSORS_ONLN) > 0);
    SHOULD(strlen(strerror(ENOENT)) > 0);
    struct rlimit limit;
    SHOULD(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return NULL;
}

static bool shake_hands(SSL *server, SSL *client)
{
    BIO *left, *right;
    if (BIO_new_bio_pair(&left, 0, &right, 0) != 1)
        return false;
    SSL_set_bio(server, left, left);
    SSL_set_bio(client, right, right);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 10 && !(SSL_is_init_finished(server) && SSL_is_init_finished(client));
            i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    return SSL_is_init_finished(server) && SSL_is_init_finished(client);
}

static const char *tls(const void *arg UNUSED)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    SHOULD(key != NULL && x != NULL);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    SHOULD(X509_sign(x, key, EVP_sha256()) > 0);
    SSL_CTX *of_server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *of_client = SSL_CTX_new(TLS_client_method());
    SHOULD(SSL_CTX_use_certificate(of_server, x) == 1);
    SHOULD(SSL_CTX_use_PrivateKey(of_server, key) == 1);
    SHOULD(SSL_CTX_set_default_verify_paths(of_client) == 1);
    SSL *server = SSL_new(of_server), *client = SSL_new(of_client);
    SHOULD(shake_hands(server, client));
    SSL_free(server);
    SSL_free(client);
    SSL_CTX_free(of_server);
    SSL_CTX_free(of_client);
    X509_free(x);
    EVP_PKEY_free(key);
    return NULL;
}

static const char *late_libraries(const void *arg UNUSED)
{
    SHOULD(dlopen("libanl.so.1", RTLD_NOLOAD | RTLD_NOW) == NULL);
    SHOULD(dlopen("libanl.so.1", RTLD_NOW) != NULL);
    return NULL;
}

static const char *standard_output(const void *arg UNUSED)
{
    isatty(STDERR_FILENO);
    SHOULD(fprintf(stderr, "%s", "") == 0);
    return NULL;
}

static void works(void **state UNUSED)
{
    static const struct trial_case cases[] = {
            {"threads", threads},
            {"memory of all sizes", memory_of_all_sizes},
            {"waiting", waiting},
            {"the network", network},
            {"names", names},
            {"time, chance, the machine", time_and_chance},
            {"TLS", tls},
            {"libraries loaded late", late_libraries},
            {"standard output", standard_output},
    };
    run_all(cases, COUNT_OF(cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(works),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
