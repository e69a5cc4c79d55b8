// SPDX-License-Identifier: Apache-2.0
// rt/packet.c: the wire between workers and the log writer.
#include "rt/packet.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define SEND_BUFFER_BYTES (256 * KIB) // some batches on their way

static bool wait_for(int fd, short what, int64_t most_ms);

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
    if (sent >= 0)
        return PACKET_DONE;
    bool full = errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM;
    return full ? PACKET_FULL : PACKET_GONE;
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

bool packet_wait_room(int fd, int64_t most_ms)
{
    return wait_for(fd, POLLOUT, most_ms);
}

bool packet_wait_bytes(int fd, int64_t most_ms)
{
    return wait_for(fd, POLLIN, most_ms);
}

static bool wait_for(int fd, short what, int64_t most_ms)
{
    struct pollfd one = {.fd = fd, .events = what};
    return poll(&one, 1, (int)most_ms) == 1 && (one.revents & what) != 0;
}
