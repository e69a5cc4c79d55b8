// SPDX-License-Identifier: Apache-2.0
// rt/net_options.c: options of accepted connections (listeners.md 6, those marked A). What fails is
// told, and the rest is set: a connection is not given up for want of a keep-alive.
#include "rt/net.h"
#include "rt/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define KEEPALIVE_SECONDS_MAX 32767 // TCP_KEEPIDLE takes no more

struct setting_up {
    struct arena *arena;
    int fd;
    struct err first;
};

static void set(struct setting_up *s, int level, int option, const char *name, int64_t value);

struct err stream_set_options(
        struct stream *stream, struct arena *a, const struct stream_options *options)
{
    struct setting_up s = {.arena = a, .fd = stream_fd(stream)};
    bool has6 = stream_peer(stream)->ip.family == IP_V6;
    if (s.fd < 0 || !str_is_null(stream_peer(stream)->unix_path))
        return OK;
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
    return s.first;
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
    if (setsockopt(s->fd, level, option, &number, sizeof(number)) == 0 || failed(s->first))
        return;
    // A connection that has gone already is no fault of the option.
    if (errno != EINVAL && errno != ENOTCONN && errno != ECONNRESET)
        s->first = fail_errno(s->arena, errno, "socket.%s = %lld", name, (long long)value);
}
