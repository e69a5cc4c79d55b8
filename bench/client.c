// SPDX-License-Identifier: Apache-2.0
// bench/client.c: the other side of the measurements: many clients of one mail server on loopback.
// It is made of plain blocking sockets and threads, shares no code with the server's runtime, and
// prints one line of JSON. The scripts beside it measure what the server spent meanwhile.
//
// usage: load-client greet --port N [--seconds S] [--threads N] [--tls | --starttls] [--resume]
//        load-client idle  --port N [--count N] [--tls | --starttls]
//
// greet: connect, hear the greeting, QUIT, hear the goodbye, again and again.
// idle:  opens COUNT connections from many addresses of 127.0.0.0/8, says EHLO on each, prints how
//        many stand, and holds them until its standard input ends.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MOST 64
#define PER_SOURCE 20000 // connections from one address; its ports are some 28,000
#define REPLY_BYTES 1024
#define REPLY_WAIT_S 20

enum secure { SECURE_NO, SECURE_FIRST, SECURE_STARTTLS };

struct options {
    uint16_t port;
    int count, threads;
    double seconds;
    enum secure secure;
    bool resume;
    SSL_CTX *context;
};

struct crowd { // one thread
    const struct options *options;
    pthread_t thread;
    SSL_SESSION *session; // of the last connection
    uint64_t done, failed, resumed;
    double until_s;
};

struct connection {
    int fd;
    SSL *ssl;
};

static int greet(const struct options *o);
static int idle(const struct options *o);
static void *crowd_main(void *arg);
static bool converse(struct crowd *crowd);
static bool open_connection(
        struct connection *c, const struct options *o, int number, SSL_SESSION *resume);
static bool dial(struct connection *c, uint16_t port, int number);
static bool secure(struct connection *c, const struct options *o, SSL_SESSION *resume);
static bool say(struct connection *c, const char *line);
static bool hear(struct connection *c, char class);
static void hang_up(struct connection *c);
static double now_s(void);

int main(int argc, char **argv)
{
    static const struct option known[] = {{"port", 1, NULL, 'p'}, {"count", 1, NULL, 'n'},
            {"threads", 1, NULL, 'j'}, {"seconds", 1, NULL, 's'}, {"tls", 0, NULL, 't'},
            {"starttls", 0, NULL, 'T'}, {"resume", 0, NULL, 'r'}, {NULL, 0, NULL, 0}};
    struct options o = {.count = 1000, .threads = 8, .seconds = 2};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'p':
            o.port = (uint16_t)atoi(optarg);
            break;
        case 'n':
            o.count = atoi(optarg);
            break;
        case 'j':
            o.threads = atoi(optarg);
            break;
        case 's':
            o.seconds = atof(optarg);
            break;
        case 't':
            o.secure = SECURE_FIRST;
            break;
        case 'T':
            o.secure = SECURE_STARTTLS;
            break;
        case 'r':
            o.resume = true;
            break;
        default:
            return 64;
        }
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    o.context = SSL_CTX_new(TLS_client_method());
    if (o.port == 0 || o.context == NULL || o.threads < 1 || o.threads > THREADS_MOST)
        return 64;
    SSL_CTX_set_verify(o.context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(o.context, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
    if (optind < argc && strcmp(argv[optind], "greet") == 0)
        return greet(&o);
    if (optind < argc && strcmp(argv[optind], "idle") == 0)
        return idle(&o);
    return 64;
}

// --- Greet and quit ------------------------------------------------------------------------------

static int greet(const struct options *o)
{
    struct crowd *crowds = mem_bytes(sizeof(struct crowd) * (size_t)o->threads);
    struct crowd sum = {0};
    double began_s = now_s();
    for (int i = 0; i < o->threads; i++) {
        crowds[i] = (struct crowd){.options = o, .until_s = began_s + o->seconds};
        if (pthread_create(&crowds[i].thread, NULL, crowd_main, &crowds[i]) != 0)
            return 70;
    }
    for (int i = 0; i < o->threads; i++) {
        pthread_join(crowds[i].thread, NULL);
        sum.done += crowds[i].done;
        sum.failed += crowds[i].failed;
        sum.resumed += crowds[i].resumed;
    }
    printf("{\"done\": %llu, \"failed\": %llu, \"resumed\": %llu, \"seconds\": %.3f}\n",
            (unsigned long long)sum.done, (unsigned long long)sum.failed,
            (unsigned long long)sum.resumed, now_s() - began_s);
    mem_free(crowds);
    return 0;
}

static void *crowd_main(void *arg)
{
    struct crowd *crowd = arg;
    while (now_s() < crowd->until_s) {
        if (converse(crowd))
            crowd->done++;
        else
            crowd->failed++;
    }
    SSL_SESSION_free(crowd->session);
    return NULL;
}

static bool converse(struct crowd *crowd)
{
    const struct options *o = crowd->options;
    struct connection c;
    bool ok = open_connection(&c, o, 0, o->resume ? crowd->session : NULL) && say(&c, "QUIT\r\n") &&
              hear(&c, '2');
    if (ok && c.ssl != NULL) {
        crowd->resumed += SSL_session_reused(c.ssl) != 0;
        SSL_SESSION_free(crowd->session);
        crowd->session = SSL_get1_session(c.ssl); // with the newest ticket
    }
    hang_up(&c);
    return ok;
}

// --- Many idle connections -----------------------------------------------------------------------

static int idle(const struct options *o)
{
    struct connection *all = mem_bytes(sizeof(struct connection) * (size_t)o->count);
    int standing = 0;
    for (int i = 0; i < o->count; i++, standing++) {
        if (!open_connection(&all[i], o, i, NULL) || !say(&all[i], "EHLO client.example.net\r\n") ||
                !hear(&all[i], '2')) {
            fprintf(stderr, "connection %d: %s\n", i + 1, strerror(errno));
            break;
        }
    }
    printf("{\"standing\": %d}\n", standing);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        continue;
    int alive = 0;
    for (int i = 0; i < standing; i++) {
        alive += say(&all[i], "NOOP\r\n") && hear(&all[i], '2');
        hang_up(&all[i]);
    }
    printf("{\"alive\": %d}\n", alive);
    mem_free(all);
    return alive == o->count ? 0 : 1;
}

// --- One connection ------------------------------------------------------------------------------

static bool open_connection(
        struct connection *c, const struct options *o, int number, SSL_SESSION *resume)
{
    *c = (struct connection){.fd = -1};
    if (!dial(c, o->port, number))
        return false;
    switch (o->secure) {
    case SECURE_NO:
        return hear(c, '2');
    case SECURE_FIRST:
        return secure(c, o, resume) && hear(c, '2');
    case SECURE_STARTTLS:
        return hear(c, '2') && say(c, "EHLO client.example.net\r\n") && hear(c, '2') &&
               say(c, "STARTTLS\r\n") && hear(c, '2') && secure(c, o, resume);
    }
    return false;
}

static bool dial(struct connection *c, uint16_t port, int number)
{
    uint32_t source = 0x7F000001 + 256 * (1 + (uint32_t)(number / PER_SOURCE));
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in to = {.sin_family = AF_INET,
            .sin_port = htons(port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_sec = REPLY_WAIT_S};
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    return bind(c->fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
           connect(c->fd, (struct sockaddr *)&to, sizeof(to)) == 0;
}

static bool secure(struct connection *c, const struct options *o, SSL_SESSION *resume)
{
    c->ssl = SSL_new(o->context);
    if (c->ssl == NULL)
        return false;
    SSL_set_fd(c->ssl, c->fd);
    if (resume != NULL)
        SSL_set_session(c->ssl, resume);
    return SSL_connect(c->ssl) == 1;
}

static bool say(struct connection *c, const char *line)
{
    size_t length = strlen(line);
    if (c->ssl != NULL)
        return SSL_write(c->ssl, line, (int)length) == (int)length;
    return send(c->fd, line, length, MSG_NOSIGNAL) == (ssize_t)length;
}

// One reply, whose last line has a space behind its code (RFC 5321 4.2).
static bool hear(struct connection *c, char class)
{
    char text[REPLY_BYTES];
    size_t have = 0, line = 0;
    while (have < sizeof(text)) {
        ssize_t got = c->ssl != NULL ? SSL_read(c->ssl, text + have, (int)(sizeof(text) - have))
                                     : recv(c->fd, text + have, sizeof(text) - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
        for (char *end; (end = memchr(text + line, '\n', have - line)) != NULL;) {
            if (end - (text + line) > 3 && text[line + 3] == ' ')
                return text[line] == class;
            line = (size_t)(end - text) + 1;
        }
    }
    return false;
}

static void hang_up(struct connection *c)
{
    if (c->ssl != NULL) {
        SSL_set_quiet_shutdown(c->ssl, 1);
        SSL_shutdown(c->ssl); // else OpenSSL would not resume the session
    }
    SSL_free(c->ssl);
    if (c->fd >= 0)
        close(c->fd);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
