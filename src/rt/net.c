// SPDX-License-Identifier: Apache-2.0
// rt/net.c: listening, accepting and connecting on the real machine; and the calls of rt/net.h,
// which ask the loop's backend.
#include "rt/net.h"

#include "rt/epoll.h"
#include "rt/real.h"
#include "rt/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG_DEFAULT 1024

struct fd_acceptor {
    struct acceptor a;
    struct watch watch;
    bool closed;
};

static struct err fd_accept(struct acceptor *a, struct stream **out) suspends;
static void fd_acceptor_close(struct acceptor *a);
static void fd_acceptor_free(struct acceptor *a);

static struct err bind_and_listen(
        const struct endpoint *at, const struct listen_options *options, int *out_fd);
static struct err bind_failure(int errno_value);
static struct err finish_connect(int fd) suspends;

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

struct err real_listen(
        const struct endpoint *at, const struct listen_options *options, struct acceptor **out)
{
    int fd;
    TRY(bind_and_listen(at, options, &fd));
    return acceptor_adopt(fd, out);
}

struct err net_bind(struct arena *a, const struct endpoint *at,
        const struct listen_options *options, int *out_fd)
{
    struct err e = bind_and_listen(at, options, out_fd);
    if (!failed(e))
        return OK;
    return fail_fmt(
            a, e.kind, "listening on %.*s: %.*s", ARG(endpoint_text(a, at)), ARG(err_text(e)));
}

static struct err bind_and_listen(
        const struct endpoint *at, const struct listen_options *options, int *out_fd)
{
    struct sockaddr_storage address;
    socklen_t length = sockaddr_from(at, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bind_failure(errno);
    int on = 1, v6only = options->v6only;
    if (!options->no_reuse_addr)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (options->reuse_port && address.ss_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
    int backlog = options->backlog > 0 ? options->backlog : BACKLOG_DEFAULT;
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, backlog) != 0) {
        struct err e = bind_failure(errno);
        close(fd);
        return e;
    }
    *out_fd = fd;
    return OK;
}

// The frequent causes with what to do about them: listeners.md 3.5.
static struct err bind_failure(int errno_value)
{
    switch (errno_value) {
    case EADDRINUSE:
        return fail(ERR_EXISTS, "the address is in use; is another server running there?");
    case EADDRNOTAVAIL:
        return fail(ERR_UNREACHABLE, "this machine does not have the address");
    case EACCES:
        return fail(ERR_REFUSED,
                "not allowed; ports below 1024 need root, CAP_NET_BIND_SERVICE, or a lower "
                "net.ipv4.ip_unprivileged_port_start");
    default:
        return fail(err_kind_of_errno(errno_value), "the system refused it");
    }
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
            return fail(err_kind_of_errno(errno), "a connection could not be accepted");
        struct endpoint peer, local;
        sockaddr_to(&address, length, &peer);
        sockaddr_local(fd, &local);
        return fd_stream(fd, &local, &peer, out);
    }
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
        return fail(err_kind_of_errno(errno), "no socket could be made");
    if (options->from.family != IP_NONE) {
        struct sockaddr_storage from;
        socklen_t from_length = sockaddr_from(&(struct endpoint){.ip = options->from}, &from);
        if (bind(fd, (struct sockaddr *)&from, from_length) != 0) {
            struct err e = fail(err_kind_of_errno(errno), "the source address cannot be used");
            close(fd);
            return e;
        }
    }
    struct err e = OK;
    if (connect(fd, (struct sockaddr *)&address, length) != 0)
        e = errno == EINPROGRESS ? finish_connect(fd)
                                 : fail(err_kind_of_errno(errno), "connecting failed");
    if (failed(e)) {
        close(fd);
        return e;
    }
    struct endpoint local;
    sockaddr_local(fd, &local);
    return fd_stream(fd, &local, to, out);
}

static struct err finish_connect(int fd)
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
    return reason == 0 ? OK : fail(err_kind_of_errno(reason), "connecting failed");
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
