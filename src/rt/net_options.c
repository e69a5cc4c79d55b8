// SPDX-License-Identifier: Apache-2.0
// rt/net_options.c: options of connections (listeners.md 6, those marked A; outbound.md 7.1). Of an
// accepted one, what fails is told, and the rest is set: it is not given up for want of a
// keep-alive. One that we make is not made with less than what was asked for: a mark or an
// interface decides which way it takes.
#include "rt/socket_options.h"
#include "rt/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define KEEPALIVE_SECONDS_MAX 32767 // TCP_KEEPIDLE takes no more

struct setting_up {
    int fd;
    struct option_trouble *first;
};

static void set(struct setting_up *s, int level, int option, const char *name, int64_t value);
static struct err connect_trouble(int errno_value);

struct err stream_set_options(
        struct stream *stream, struct arena *a, const struct stream_options *options)
{
    int fd = stream_fd(stream);
    struct option_trouble first = {0};
    if (fd < 0 || !str_is_null(stream_peer(stream)->unix_path))
        return OK;
    socket_set_stream_options(fd, stream_peer(stream)->ip.family == IP_V6, options, &first);
    if (first.name == NULL)
        return OK;
    return fail_errno(a, first.errno_value, "socket.%s = %lld", first.name, (long long)first.value);
}

void socket_set_stream_options(
        int fd, bool has6, const struct stream_options *options, struct option_trouble *first)
{
    struct setting_up s = {.fd = fd, .first = first};
    if (options->ttl > 0 && has6)
        set(&s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, "ttl", options->ttl);
    else if (options->ttl > 0)
        set(&s, IPPROTO_IP, IP_TTL, "ttl", options->ttl);
    if (options->tos6 > 0 && has6)
        set(&s, IPPROTO_IPV6, IPV6_TCLASS, "tos-v6", options->tos6);
    else if (options->tos4 > 0 && !has6)
        set(&s, IPPROTO_IP, IP_TOS, "tos", options->tos4);
    set(&s, IPPROTO_TCP, TCP_NODELAY, "nodelay", options->nodelay);
    if (options->keepalive_ms > 0) {
        int64_t idle_s = options->keepalive_ms / SECOND_MS;
        set(&s, SOL_SOCKET, SO_KEEPALIVE, "keepalive", 1);
        set(&s, IPPROTO_TCP, TCP_KEEPIDLE, "keepalive",
                idle_s > KEEPALIVE_SECONDS_MAX ? KEEPALIVE_SECONDS_MAX : idle_s);
    }
    if (options->user_timeout_ms > 0)
        set(&s, IPPROTO_TCP, TCP_USER_TIMEOUT, "user-timeout", options->user_timeout_ms);
}

bool socket_bind_device(int fd, struct str name)
{
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.ptr, (socklen_t)name.len) == 0;
}

struct err socket_set_connect_options(int fd, bool has6, const struct connect_options *options)
{
    struct option_trouble first = {0};
    struct setting_up s = {.fd = fd, .first = &first};
    if (options->bind_device.len > 0 && !socket_bind_device(fd, options->bind_device))
        return connect_trouble(errno);
    if (options->fwmark > 0 &&
            setsockopt(fd, SOL_SOCKET, SO_MARK, &options->fwmark, sizeof(options->fwmark)) != 0)
        return connect_trouble(errno);
    if (options->mss > 0)
        set(&s, IPPROTO_TCP, TCP_MAXSEG, "mss", options->mss);
    if (options->stream != NULL)
        socket_set_stream_options(fd, has6, options->stream, &first);
    return first.name == NULL ? OK : connect_trouble(first.errno_value);
}

bool stream_credentials(const struct stream *s, struct peer_credentials *out)
{
    struct ucred who;
    socklen_t length = sizeof(who);
    int fd = stream_fd(s);
    if (fd < 0 || str_is_null(stream_peer(s)->unix_path) ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
        return false;
    *out = (struct peer_credentials){.pid = who.pid, .uid = who.uid, .gid = who.gid};
    return true;
}

static void set(struct setting_up *s, int level, int option, const char *name, int64_t value)
{
    int number = value > INT32_MAX ? INT32_MAX : (int)value;
    if (setsockopt(s->fd, level, option, &number, sizeof(number)) == 0 || s->first->name != NULL)
        return;
    // A connection that has gone already is no fault of the option.
    if (errno != EINVAL && errno != ENOTCONN && errno != ECONNRESET)
        *s->first = (struct option_trouble){.name = name, .value = value, .errno_value = errno};
}

static struct err connect_trouble(int errno_value)
{
    if (errno_value == ENODEV)
        return fail(ERR_CONFIG, "bind-device: this machine has no such interface");
    if (errno_value == EPERM || errno_value == EACCES)
        return fail(ERR_CONFIG,
                "fwmark or bind-device: the server lacks the right (CAP_NET_ADMIN, CAP_NET_RAW)");
    return fail(ERR_CONFIG, "an option of the connection cannot be set");
}
