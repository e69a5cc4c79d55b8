// SPDX-License-Identifier: Apache-2.0
// rt/fdstream.c: a connected socket as a transport. A call is made only when the last news of the
// descriptor say that it may succeed, so that a conversation costs one read and one write a turn.
#include "rt/epoll.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct fd_transport {
    struct transport t;
    struct watch watch;
    bool ended; // our side
};

static enum io fd_read(struct transport *t, void *into, size_t room, size_t *count);
static enum io fd_write(
        struct transport *t, const struct iovec *parts, int part_count, size_t *count);
static enum io fd_end(struct transport *t);
static void fd_close(struct transport *t);
static int fd_of(const struct transport *t);
static enum io broken(struct transport *t, int errno_value);

static const struct transport_ops fd_ops = {
        .read = fd_read, .write = fd_write, .end = fd_end, .close = fd_close, .fd = fd_of};

struct err fd_stream(
        int fd, const struct endpoint *local, const struct endpoint *peer, struct stream **out)
{
    struct fd_transport *f = mem_new(struct fd_transport);
    if (f == NULL) {
        close(fd);
        return fail(ERR_LIMIT, "no memory for a connection");
    }
    struct err e = watch_begin(&f->watch, fd);
    if (failed(e)) {
        close(fd);
        mem_free(f);
        return e;
    }
    f->t.ops = &fd_ops;
    f->t.readable = &f->watch.on_readable;
    f->t.writable = &f->watch.on_writable;
    f->t.local = *local;
    f->t.peer = *peer;
    return stream_over(&f->t, out);
}

static struct fd_transport *fd_from(struct transport *t)
{
    return CONTAINER_OF(t, struct fd_transport, t);
}

static enum io fd_read(struct transport *t, void *into, size_t room, size_t *count)
{
    struct watch *w = &fd_from(t)->watch;
    if (!w->readable)
        return IO_WAIT_READ;
    ssize_t got;
    do
        got = recv(w->fd, into, room, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        w->readable = false;
        return IO_WAIT_READ;
    }
    if (got < 0)
        return broken(t, errno);
    if (got == 0)
        return IO_END;
    // A short read has emptied the socket. Whatever comes later is a new edge, but an end that had
    // been announced before is not announced again.
    if ((size_t)got < room && !w->hung_up)
        w->readable = false;
    *count = (size_t)got;
    t->bytes_in += (size_t)got;
    return IO_DONE;
}

static enum io fd_write(
        struct transport *t, const struct iovec *parts, int part_count, size_t *count)
{
    struct watch *w = &fd_from(t)->watch;
    if (!w->writable)
        return IO_WAIT_WRITE;
    struct msghdr message = {
            .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)part_count};
    ssize_t put;
    do
        put = sendmsg(w->fd, &message, MSG_NOSIGNAL | (t->more ? MSG_MORE : 0));
    while (put < 0 && errno == EINTR);
    if (put < 0 && errno == EAGAIN) {
        w->writable = false;
        return IO_WAIT_WRITE;
    }
    if (put < 0)
        return broken(t, errno);
    *count = (size_t)put;
    t->bytes_out += (size_t)put;
    return IO_DONE;
}

// Bytes that were held back for it leave in the same segment.
static enum io fd_end(struct transport *t)
{
    struct fd_transport *f = fd_from(t);
    if (!f->ended && shutdown(f->watch.fd, SHUT_WR) != 0)
        return broken(t, errno);
    f->ended = true;
    return IO_DONE;
}

static void fd_close(struct transport *t)
{
    struct fd_transport *f = fd_from(t);
    watch_close(&f->watch);
    mem_free(f);
}

static int fd_of(const struct transport *t)
{
    return CONTAINER_OF((struct transport *)(uintptr_t)t, struct fd_transport, t)->watch.fd;
}

static enum io broken(struct transport *t, int errno_value)
{
    t->error = err_kind_of_errno(errno_value) == ERR_TIMEOUT
                       ? fail(ERR_RESET, "the peer stopped answering")
                       : fail(ERR_RESET, "the connection broke");
    return IO_FAILED;
}
