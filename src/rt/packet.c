// SPDX-License-Identifier: Apache-2.0
// rt/packet.c: the wire between workers and the log writer.
#include "rt/packet.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

union handed { // one descriptor on its way, aligned as the system wants it
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

#define SEND_BUFFER_BYTES (256 * KIB) // some batches on their way

static bool wait_for(int fd, short what, int64_t most_ms);
static enum packet_result not_sent(int errno_value);
static int handed_in(struct msghdr *message);

struct err packet_pair(int out_fds[2])
{
    int size = SEND_BUFFER_BYTES;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out_fds) != 0)
        return fail(ERR_IO, "no pair of sockets for events could be made");
    // A system that gives less still works: the ring before it is the larger buffer.
    (void)setsockopt(out_fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    (void)setsockopt(out_fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return OK;
}

enum packet_result packet_send(int fd, struct str bytes)
{
    assert(bytes.len <= PACKET_BYTES_MAX);
    ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 ? PACKET_DONE : not_sent(errno);
}

static enum packet_result not_sent(int errno_value)
{
    bool full = errno_value == EAGAIN || errno_value == EINTR || errno_value == ENOBUFS ||
                errno_value == ENOMEM;
    return full ? PACKET_FULL : PACKET_GONE;
}

enum packet_result packet_send_with(int fd, struct str bytes, int handed_fd)
{
    union handed handed = {.bytes = {0}};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
    struct msghdr message = {.msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = &handed,
            .msg_controllen = sizeof(handed)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &handed_fd, sizeof(int));
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? PACKET_DONE : not_sent(errno);
}

enum packet_result packet_receive(int fd, char *out, size_t room, size_t *out_len)
{
    ssize_t got = recv(fd, out, room, MSG_DONTWAIT);
    if (got > 0) {
        *out_len = (size_t)got;
        return PACKET_DONE;
    }
    bool nothing = got < 0 && (errno == EAGAIN || errno == EINTR);
    return nothing ? PACKET_FULL : PACKET_GONE;
}

enum packet_result packet_receive_with(int fd, char *out, size_t room, size_t *out_len, int *out_fd)
{
    union handed handed = {.bytes = {0}};
    struct iovec part = {.iov_base = out, .iov_len = room};
    struct msghdr message = {.msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = &handed,
            .msg_controllen = sizeof(handed)};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *out_fd = got > 0 ? handed_in(&message) : -1;
    if (got > 0) {
        *out_len = (size_t)got;
        return PACKET_DONE;
    }
    bool nothing = got < 0 && (errno == EAGAIN || errno == EINTR);
    return nothing ? PACKET_FULL : PACKET_GONE;
}

static int handed_in(struct msghdr *message)
{
    int fd = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
            head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(head), sizeof(int));
    return fd;
}

bool packet_wait_room(int fd, int64_t most_ms)
{
    return wait_for(fd, POLLOUT, most_ms);
}

bool packet_wait_bytes(int fd, int64_t most_ms)
{
    return wait_for(fd, POLLIN, most_ms);
}

void packet_wait_any(const int *fds, size_t count, int64_t most_ms)
{
    struct pollfd *all = mem_bytes(count * sizeof(struct pollfd) + 1);
    assert(count <= PACKET_WAIT_MAX);
    for (size_t i = 0; all != NULL && i < count; i++)
        all[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    // Without memory it only sleeps: the caller looks at all of them anyway.
    (void)poll(all, all == NULL ? 0 : count, (int)most_ms);
    mem_free(all);
}

static bool wait_for(int fd, short what, int64_t most_ms)
{
    struct pollfd one = {.fd = fd, .events = what};
    return poll(&one, 1, (int)most_ms) == 1 && (one.revents & what) != 0;
}
