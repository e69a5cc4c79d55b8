// SPDX-License-Identifier: Apache-2.0
// bench/sink.c: a mail server on loopback that takes everything and keeps nothing. One thread with
// epoll, so that it spends little beside the server that is measured; it knows what a client of
// RFC 5321 and RFC 2920 says, no BDAT.
//
// usage: load-sink PORT
//
// STAT as a command is answered with `250 MESSAGES FIRST LAST`: how many have come, and when the
// first and the last did, in nanoseconds of CLOCK_MONOTONIC; 0: none. RSTA begins to count anew.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536
#define LINE_BYTES 2048
#define REPLY_BYTES 65536
#define EVENTS 64

struct client {
    int fd;
    bool in_data;
    size_t dot;      // so much of CR LF "." CR LF has been seen
    size_t line_len; // of a line that is not whole yet
    char line[LINE_BYTES];
};

struct sink {
    int epoll, listener;
    uint64_t messages;
    int64_t first_ns, last_ns;
    char in[READ_BYTES], out[REPLY_BYTES];
    size_t out_len;
};

static void take_clients(struct sink *s);
static bool serve(struct sink *s, struct client *c);
static void take_bytes(struct sink *s, struct client *c, const char *at, size_t count);
static const char *take_data(struct sink *s, struct client *c, const char *at, const char *end);
static bool answer(struct sink *s, struct client *c, struct str line);
static void say(struct sink *s, const char *text);

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    uint64_t port;
    struct sink *s = calloc(1, sizeof(*s));
    if (argc != 2 || s == NULL || !str_to_u64(str_from_c(argv[1]), 65535, &port)) {
        printf("usage: load-sink PORT\n");
        return 64;
    }
    struct sockaddr_in at = {.sin_family = AF_INET,
            .sin_port = htons((uint16_t)port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(s->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
            listen(s->listener, 1024) != 0) {
        printf("the port is taken\n");
        return 1;
    }
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event mine = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->listener, &mine);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(s->epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (c == NULL) {
                take_clients(s);
            } else if (!serve(s, c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}

static void take_clients(struct sink *s)
{
    for (;;) {
        int one = 1, fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        struct client *c = calloc(1, sizeof(*c));
        if (c == NULL) {
            close(fd);
            return;
        }
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event);
        (void)send(fd, "220 sink.test ESMTP\r\n", 21, MSG_NOSIGNAL);
    }
}

// False: the client has gone.
static bool serve(struct sink *s, struct client *c)
{
    ssize_t got = recv(c->fd, s->in, sizeof(s->in), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    s->out_len = 0;
    take_bytes(s, c, s->in, (size_t)got);
    // Replies are short, and their readers quick: what a socket does not take at once is a fault.
    return s->out_len == 0 || send(c->fd, s->out, s->out_len, MSG_NOSIGNAL) == (ssize_t)s->out_len;
}

static void take_bytes(struct sink *s, struct client *c, const char *at, size_t count)
{
    const char *end = at + count;
    while (at < end) {
        if (c->in_data) {
            at = take_data(s, c, at, end);
            continue;
        }
        char byte = *at++;
        if (byte != '\n' && c->line_len < LINE_BYTES)
            c->line[c->line_len++] = byte;
        if (byte != '\n')
            continue;
        bool goes_on = answer(s, c, str_of(c->line, c->line_len));
        c->line_len = 0;
        if (!goes_on)
            return;
    }
}

// CR LF "." CR LF ends a message, RFC 5321 4.1.1.4.
static const char *take_data(struct sink *s, struct client *c, const char *at, const char *end)
{
    static const char mark[] = "\r\n.\r\n";
    while (at < end) {
        if (c->dot == 0) {
            const char *cr = memchr(at, '\r', (size_t)(end - at));
            if (cr == NULL)
                return end;
            at = cr;
        }
        char byte = *at++;
        if (byte == mark[c->dot])
            c->dot++;
        else
            c->dot = byte == '\r' ? 1 : 0;
        if (c->dot < 5)
            continue;
        c->in_data = false;
        s->last_ns = now_ns();
        if (s->messages++ == 0)
            s->first_ns = s->last_ns;
        say(s, "250 2.0.0 taken\r\n");
        return at;
    }
    return at;
}

static bool answer(struct sink *s, struct client *c, struct str line)
{
    struct str word = str_upto(line, 4);
    if (str_eq_nocase(word, S("EHLO"))) {
        say(s, "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n");
    } else if (str_eq_nocase(word, S("DATA"))) {
        c->in_data = true;
        c->dot = 2; // the line before it has ended
        say(s, "354 go on\r\n");
    } else if (str_eq_nocase(word, S("QUIT"))) {
        say(s, "221 2.0.0 goodbye\r\n");
        return false;
    } else if (str_eq_nocase(word, S("STAT"))) {
        char text[100];
        snprintf(text, sizeof(text), "250 %llu %lld %lld\r\n", (unsigned long long)s->messages,
                (long long)s->first_ns, (long long)s->last_ns);
        say(s, text);
    } else if (str_eq_nocase(word, S("RSTA"))) {
        s->messages = 0;
        s->first_ns = s->last_ns = 0;
        say(s, "250 0\r\n");
    } else {
        say(s, "250 2.1.0 ok\r\n");
    }
    return true;
}

static void say(struct sink *s, const char *text)
{
    struct str line = str_from_c(text);
    if (line.len > sizeof(s->out) - s->out_len)
        return;
    memcpy(s->out + s->out_len, line.ptr, line.len);
    s->out_len += line.len;
}
