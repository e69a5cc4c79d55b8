// SPDX-License-Identifier: Apache-2.0
// rt/net.c: accepting and connecting on the real machine; and the calls of rt/net.h, which ask the
// loop's backend. Listening sockets are made in rt/net_open.c.
#include "rt/net.h"

#include "rt/epoll.h"
#include "rt/real.h"
#include "rt/sockaddr.h"
#include "rt/socket_options.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_TEXTS_BYTES_MAX (16 * KIB)
#define RESERVE_PART 10 // of the descriptors

struct fd_acceptor {
    struct acceptor a;
    struct watch watch;
    bool closed;
    int spare_fd; // let go when descriptors run out; -1: gone
};

static struct err fd_accept(struct acceptor *a, struct stream **out) suspends;
static void fd_acceptor_close(struct acceptor *a);
static void fd_acceptor_free(struct acceptor *a);
static struct err accept_failure(int errno_value);
static int spare_open(const struct fd_acceptor *a);
static struct fd_acceptor *fd_acceptor_from(struct acceptor *a);
static bool is_of_reserve(int fd);
static struct err bind_source(int fd, const struct connect_options *options);
static struct err finish_connect(
        int fd, const struct endpoint *to, const struct connect_options *options) suspends;
static struct err connect_failure(
        int errno_value, const struct endpoint *to, const struct connect_options *options);

static const struct acceptor_ops fd_acceptor_ops = {
        .accept = fd_accept, .close = fd_acceptor_close, .free = fd_acceptor_free};

struct err net_listen(
        const struct endpoint *at, const struct listen_options *options, struct acceptor **out)
{
    return loop_running()->backend->listen(at, options, out);
}

struct err net_connect(
        const struct endpoint *to, const struct connect_options *options, struct stream **out)
{
    return loop_running()->backend->connect(to, options, out);
}

struct err net_accept(struct acceptor *a, struct stream **out)
{
    return a->ops->accept(a, out);
}

const struct endpoint *acceptor_local(const struct acceptor *a)
{
    return &a->local;
}

void acceptor_close(struct acceptor *a)
{
    a->ops->close(a);
}

void acceptor_free(struct acceptor *a)
{
    if (a != NULL)
        a->ops->free(a);
}

struct err stream_pair(struct stream *out[2])
{
    return loop_running()->backend->pair(out);
}

struct err net_own_ips(struct arena *a, const struct ip **out, size_t *out_count)
{
    return loop_running()->backend->own_ips(a, out, out_count);
}

struct err real_listen(
        const struct endpoint *at, const struct listen_options *options, struct acceptor **out)
{
    struct arena a AUTO(arena_done);
    int fd;
    arena_init(&a, LISTEN_TEXTS_BYTES_MAX);
    struct err e = net_bind(&a, at, options, &fd);
    return failed(e) ? fail(e.kind, "the address cannot be listened on") : acceptor_adopt(fd, out);
}

struct err acceptor_adopt(int fd, struct acceptor **out)
{
    struct fd_acceptor *a = mem_new(struct fd_acceptor);
    struct err e =
            a == NULL ? fail(ERR_LIMIT, "no memory for a listener") : watch_begin(&a->watch, fd);
    if (failed(e)) {
        close(fd);
        mem_free(a);
        return e;
    }
    a->a.ops = &fd_acceptor_ops;
    sockaddr_local(fd, &a->a.local);
    a->spare_fd = spare_open(a);
    *out = &a->a;
    return OK;
}

static struct fd_acceptor *fd_acceptor_from(struct acceptor *a)
{
    return CONTAINER_OF(a, struct fd_acceptor, a);
}

static struct err fd_accept(struct acceptor *acceptor, struct stream **out)
{
    struct fd_acceptor *a = fd_acceptor_from(acceptor);
    for (;;) {
        if (a->closed)
            return fail(ERR_CLOSED, "the listener was closed");
        TRY(watch_wait_readable(&a->watch, "a connection"));
        if (a->closed)
            continue;
        struct sockaddr_storage address;
        socklen_t length = sizeof(address);
        int fd = accept4(
                a->watch.fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN) {
            a->watch.readable = false;
            continue;
        }
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            return accept_failure(errno);
        struct endpoint peer, local = a->a.local;
        sockaddr_to(&address, length, &peer);
        if (ip_is_unspecified(&local.ip)) // else every connection came to the listener's own
            sockaddr_local(fd, &local);
        return fd_stream(fd, &local, &peer, out);
    }
}

// The three cases of listeners.md 7.1.
static struct err accept_failure(int errno_value)
{
    switch (errno_value) {
    case EMFILE:
    case ENFILE:
        return fail(ERR_LIMIT, "no descriptor is left to accept a connection");
    case ENOBUFS:
    case ENOMEM:
        return fail(ERR_LIMIT, "the system has no memory left to accept a connection");
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
        return fail(ERR_INTERNAL, "the listening socket is broken");
    default:
        return fail(ERR_RESET, "the connection was gone before it could be accepted");
    }
}

// A second name of the listening socket: making it needs no path, which the sandbox would refuse.
static int spare_open(const struct fd_acceptor *a)
{
    return fcntl(a->watch.fd, F_DUPFD_CLOEXEC, 0);
}

bool acceptor_shed(struct acceptor *acceptor, struct str text)
{
    struct fd_acceptor *a = fd_acceptor_from(acceptor);
    if (acceptor->ops != &fd_acceptor_ops || a->closed || a->spare_fd < 0)
        return false;
    close(a->spare_fd);
    int fd = accept4(a->watch.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        ssize_t put = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        (void)put; // a peer that does not even take one line need not be told
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    a->spare_fd = spare_open(a);
    return fd >= 0;
}

// A task may wait in net_accept: it finds `closed` and leaves; freeing is left to acceptor_free.
static void fd_acceptor_close(struct acceptor *acceptor)
{
    struct fd_acceptor *a = fd_acceptor_from(acceptor);
    if (a->closed)
        return;
    a->closed = true;
    a->watch.readable = true;
    watch_end(&a->watch);
    close(a->watch.fd);
    if (a->spare_fd >= 0)
        close(a->spare_fd);
    a->spare_fd = -1;
}

static void fd_acceptor_free(struct acceptor *a)
{
    fd_acceptor_close(a);
    mem_free(fd_acceptor_from(a));
}

struct err real_connect(
        const struct endpoint *to, const struct connect_options *options, struct stream **out)
{
    struct sockaddr_storage address;
    socklen_t length = sockaddr_from(to, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return connect_failure(errno, to, options);
    struct err e = OK;
    if (options->leaves_reserve && is_of_reserve(fd))
        e = fail(ERR_LIMIT, "no descriptor is left for a connection but the reserve");
    if (!failed(e) && str_is_null(to->unix_path))
        e = socket_set_connect_options(fd, address.ss_family == AF_INET6, options);
    if (!failed(e) && options->from.family != IP_NONE)
        e = bind_source(fd, options);
    if (!failed(e) && connect(fd, (struct sockaddr *)&address, length) != 0)
        e = errno == EINPROGRESS ? finish_connect(fd, to, options)
                                 : connect_failure(errno, to, options);
    if (failed(e)) {
        close(fd);
        return e;
    }
    struct endpoint local;
    sockaddr_local(fd, &local);
    return fd_stream(fd, &local, to, out);
}

// A new descriptor is the lowest that is free, so its number says how many are taken at least.
static bool is_of_reserve(int fd)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
           (rlim_t)fd >= limit.rlim_cur - limit.rlim_cur / RESERVE_PART;
}

// The port is chosen by connect: chosen by bind, it would be nobody else's, whoever he speaks to.
static struct err bind_source(int fd, const struct connect_options *options)
{
    struct sockaddr_storage from;
    socklen_t length = sockaddr_from(&(struct endpoint){.ip = options->from}, &from);
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (options->freebind)
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&from, length) == 0)
        return OK;
    return fail(errno == EADDRNOTAVAIL ? ERR_NOT_FOUND : err_kind_of_errno(errno),
            "the source address cannot be used");
}

static struct err finish_connect(
        int fd, const struct endpoint *to, const struct connect_options *options)
{
    struct watch w;
    TRY(watch_begin(&w, fd));
    w.writable = false;
    struct err e = OK;
    while (!failed(e) && !w.writable)
        e = waitq_wait(&w.on_writable, "a connection to be made");
    watch_end(&w);
    TRY(e);
    int reason = 0;
    socklen_t length = sizeof(reason);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length);
    return reason == 0 ? OK : connect_failure(reason, to, options);
}

// Without an IPv6 address of its own a machine says EADDRNOTAVAIL; else that is a lack of ports. A
// Unix socket that nobody has made is a host that is not up.
static struct err connect_failure(
        int errno_value, const struct endpoint *to, const struct connect_options *options)
{
    switch (errno_value) {
    case ENOENT:
        return fail(ERR_UNREACHABLE, "there is no such socket");
    case ECONNREFUSED:
        return fail(ERR_UNREACHABLE, "connection refused");
    case EHOSTUNREACH:
        return fail(ERR_UNREACHABLE, "no way to the host");
    case ETIMEDOUT:
        return fail(ERR_TIMEOUT, "the host does not answer");
    case ECONNRESET:
        return fail(ERR_RESET, "connection reset");
    case ENETUNREACH:
    case EAFNOSUPPORT:
        return fail(ERR_UNSUPPORTED, "this machine has no way to such addresses");
    case EADDRNOTAVAIL:
        if (to->ip.family == IP_V6 && options->from.family == IP_NONE)
            return fail(ERR_UNSUPPORTED, "this machine has no IPv6 address");
        return fail(ERR_LIMIT, "no port is left for a connection");
    case EMFILE:
    case ENFILE:
        return fail(ERR_LIMIT, "no descriptor is left for a connection");
    default:
        return fail(err_kind_of_errno(errno_value), "connecting failed");
    }
}

struct err real_pair(struct stream *out[2])
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
        return fail(err_kind_of_errno(errno), "no socket pair could be made");
    struct endpoint nowhere = {.unix_path = S("pair")};
    struct err e = fd_stream(fds[0], &nowhere, &nowhere, &out[0]);
    if (failed(e)) {
        close(fds[1]);
        return e;
    }
    e = fd_stream(fds[1], &nowhere, &nowhere, &out[1]);
    if (failed(e))
        stream_close(out[0]);
    return e;
}
