// SPDX-License-Identifier: Apache-2.0
// rt/net_open.c: making listening sockets: the socket, its options (listeners.md 6, those marked
// L), its address. Options come before the address, because buffers decide about window scaling and
// a SYN-ACK should carry the type of service already. What the system refuses is an error that
// names the option; what it grants in part is a note.
#include "rt/identity.h"
#include "rt/net.h"
#include "rt/sockaddr.h"
#include "rt/socket_options.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG_DEFAULT 1024
#define NOBODY UINT32_MAX // for chown(2): stays as it is
#define SOMAXCONN_PATH "/proc/sys/net/core/somaxconn"

struct opening {
    struct arena *arena;
    const struct endpoint *at;
    const struct listen_options *options;
    struct net_notes *notes;
    int fd;
    int family;
};

static struct err open_one(struct opening *o);
static struct err set_options(struct opening *o);
static struct err set_service(struct opening *o);
static struct err set_buffer(
        struct opening *o, int option, const char *name, const char *sysctl, int wanted_bytes);
static struct err set_int(struct opening *o, int level, int option, const char *name, int value);
static struct err bind_address(struct opening *o);
static struct err bind_failure(struct opening *o, int errno_value);
static struct err not_allowed(struct opening *o);
static bool is_unix_file(const struct opening *o);
static void remove_stale(struct opening *o);
static struct err own_file(struct opening *o);
typedef struct err number_of(struct arena *a, struct str name, uint32_t *out, bool *out_may);
static struct err owner_number(
        struct opening *o, const char *option, struct str name, number_of *number, uint32_t *out);
static bool wants_ipv4_instead(const struct opening *o, int errno_value);
static void note_backlog(struct opening *o);
static void note(struct opening *o, struct str text);

struct err net_open(struct arena *a, const struct endpoint *at,
        const struct listen_options *options, struct net_notes *notes, int *out_fd)
{
    struct opening o = {.arena = a, .at = at, .options = options, .notes = notes, .fd = -1};
    struct endpoint wildcard4 = {.ip.family = IP_V4, .port = at->port};
    if (at->ip.family == IP_NONE && str_is_null(at->unix_path))
        return fail(ERR_UNSUPPORTED, "there is no address to listen on");
    errno = 0;
    struct err e = open_one(&o);
    if (failed(e) && wants_ipv4_instead(&o, errno)) {
        o.at = &wildcard4;
        e = open_one(&o);
        note(&o,
                arena_fmt(a, "this machine has no IPv6: listening on 0.0.0.0:%u instead of [::]:%u",
                        at->port, at->port));
    }
    if (failed(e))
        return fail_fmt(
                a, e.kind, "listening on %.*s: %.*s", ARG(endpoint_text(a, at)), ARG(err_text(e)));
    note_backlog(&o);
    *out_fd = o.fd;
    return OK;
}

struct err net_activate(int fd, int backlog)
{
    if (listen(fd, backlog > 0 ? backlog : BACKLOG_DEFAULT) == 0)
        return OK;
    if (errno == EADDRINUSE)
        return fail(ERR_EXISTS, "another socket listens on the address");
    return fail(err_kind_of_errno(errno), "the system refused to listen");
}

struct err net_bind(struct arena *a, const struct endpoint *at,
        const struct listen_options *options, int *out_fd)
{
    int fd;
    TRY(net_open(a, at, options, NULL, &fd));
    struct err e = net_activate(fd, options->backlog);
    if (failed(e)) {
        close(fd);
        return fail_fmt(
                a, e.kind, "listening on %.*s: %.*s", ARG(endpoint_text(a, at)), ARG(err_text(e)));
    }
    *out_fd = fd;
    return OK;
}

uint32_t net_zone_index(struct str name)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, KIB);
    const char *text = arena_c_str(&a, name);
    uint64_t number;
    if (str_to_u64(name, UINT32_MAX, &number))
        return (uint32_t)number;
    return text == NULL ? 0 : if_nametoindex(text);
}

// errno is kept for the caller, who may have another address to try.
static struct err open_one(struct opening *o)
{
    struct sockaddr_storage address;
    sockaddr_from(o->at, &address);
    o->family = address.ss_family;
    o->fd = socket(o->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (o->fd < 0)
        return bind_failure(o, errno);
    struct err e = set_options(o);
    if (!failed(e))
        e = bind_address(o);
    if (failed(e)) {
        int why = errno;
        close(o->fd);
        o->fd = -1;
        errno = why;
    }
    return e;
}

static struct err set_options(struct opening *o)
{
    const struct listen_options *want = o->options;
    if (o->family == AF_UNIX)
        return OK; // the others are about the network
    TRY(set_int(o, SOL_SOCKET, SO_REUSEADDR, "reuse-addr", !want->no_reuse_addr));
    TRY(set_int(o, SOL_SOCKET, SO_REUSEPORT, "reuse-port", want->reuse_port));
    if (o->family == AF_INET6)
        TRY(set_int(o, IPPROTO_IPV6, IPV6_V6ONLY, "v6only", want->v6only));
    if (want->freebind)
        TRY(set_int(o, IPPROTO_IP, IP_FREEBIND, "freebind", 1));
    if (want->defer_accept_ms > 0)
        TRY(set_int(o, IPPROTO_TCP, TCP_DEFER_ACCEPT, "defer-accept",
                (int)((want->defer_accept_ms + SECOND_MS - 1) / SECOND_MS)));
    if (want->bind_device.len > 0 && !socket_bind_device(o->fd, want->bind_device))
        return fail_errno(o->arena, errno, "socket.bind-device = \"%.*s\"", ARG(want->bind_device));
    TRY(set_buffer(o, SO_SNDBUF, "send-buffer-size", "wmem_max", want->send_buffer_bytes));
    TRY(set_buffer(o, SO_RCVBUF, "recv-buffer-size", "rmem_max", want->recv_buffer_bytes));
    return set_service(o);
}

// A dual-stack socket speaks both families, so it gets the options of both.
static struct err set_service(struct opening *o)
{
    const struct listen_options *want = o->options;
    bool has4 = o->family == AF_INET || !want->v6only, has6 = o->family == AF_INET6;
    if (want->ttl > 0 && has4)
        TRY(set_int(o, IPPROTO_IP, IP_TTL, "ttl", want->ttl));
    if (want->ttl > 0 && has6)
        TRY(set_int(o, IPPROTO_IPV6, IPV6_UNICAST_HOPS, "ttl", want->ttl));
    if (want->tos4 > 0 && has4)
        TRY(set_int(o, IPPROTO_IP, IP_TOS, "tos", want->tos4));
    if (want->tos6 > 0 && has6)
        TRY(set_int(o, IPPROTO_IPV6, IPV6_TCLASS, "tos-v6", want->tos6));
    return OK;
}

// The kernel doubles what it is given, for its own book-keeping, and cuts what is too much.
static struct err set_buffer(
        struct opening *o, int option, const char *name, const char *sysctl, int wanted_bytes)
{
    int got = 0;
    socklen_t length = sizeof(got);
    if (wanted_bytes == 0)
        return OK;
    TRY(set_int(o, SOL_SOCKET, option, name, wanted_bytes));
    if (getsockopt(o->fd, SOL_SOCKET, option, &got, &length) == 0 && got / 2 < wanted_bytes)
        note(o, arena_fmt(o->arena, "socket.%s = %d: the system gives %d (net.core.%s)", name,
                        wanted_bytes, got / 2, sysctl));
    return OK;
}

static struct err set_int(struct opening *o, int level, int option, const char *name, int value)
{
    if (setsockopt(o->fd, level, option, &value, sizeof(value)) == 0)
        return OK;
    return fail_errno(o->arena, errno, "socket.%s = %d", name, value);
}

static struct err bind_address(struct opening *o)
{
    struct sockaddr_storage address;
    socklen_t length = sockaddr_from(o->at, &address);
    if (is_unix_file(o))
        remove_stale(o);
    if (bind(o->fd, (struct sockaddr *)&address, length) != 0)
        return bind_failure(o, errno);
    return is_unix_file(o) ? own_file(o) : OK;
}

// The frequent causes with what to do about them: listeners.md 3.5.
static struct err bind_failure(struct opening *o, int errno_value)
{
    switch (errno_value) {
    case EADDRINUSE:
        return fail(ERR_EXISTS, "the address is in use; is another server running there?");
    case EADDRNOTAVAIL:
        return fail(ERR_UNREACHABLE, "this machine does not have the address");
    case EACCES:
    case EPERM:
        return not_allowed(o);
    default:
        return fail_errno(o->arena, errno_value, "binding");
    }
}

static struct err not_allowed(struct opening *o)
{
    struct str hint = identity_port_hint(o->arena, o->at->port);
    if (str_is_null(hint))
        return fail(ERR_REFUSED, "not allowed");
    return fail_fmt(o->arena, ERR_REFUSED, "not allowed: %.*s", ARG(hint));
}

// --- Unix sockets (listeners.md 3.6) -------------------------------------------------------------

static bool is_unix_file(const struct opening *o)
{
    return o->at->unix_path.len > 0 && o->at->unix_path.ptr[0] != '@';
}

// A file whose socket nobody listens on was left by a server that did not end in order.
static void remove_stale(struct opening *o)
{
    struct sockaddr_storage address;
    socklen_t length = sockaddr_from(o->at, &address);
    const char *path = arena_c_str(o->arena, o->at->unix_path);
    struct stat info;
    if (path == NULL || lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return;
    if (connect(probe, (struct sockaddr *)&address, length) != 0 && errno == ECONNREFUSED)
        unlink(path);
    close(probe);
}

static struct err own_file(struct opening *o)
{
    const struct listen_options *want = o->options;
    const char *path = arena_c_str(o->arena, o->at->unix_path);
    uint32_t user = NOBODY, group = NOBODY;
    if (path == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a socket");
    TRY(owner_number(o, "socket.user", want->user, identity_user_number, &user));
    TRY(owner_number(o, "socket.group", want->group, identity_group_number, &group));
    bool changes_owner = user != NOBODY || group != NOBODY;
    if (changes_owner && chown(path, user, group) != 0)
        return fail_errno(o->arena, errno, "changing the owner of the socket");
    if (want->mode > 0 && chmod(path, (mode_t)want->mode) != 0)
        return fail_errno(o->arena, errno, "socket.mode = 0%o", (unsigned)want->mode);
    return OK;
}

static struct err owner_number(
        struct opening *o, const char *option, struct str name, number_of *number, uint32_t *out)
{
    bool may; // chown(2) will tell
    if (str_is_empty(name))
        return OK;
    struct err e = number(o->arena, name, out, &may);
    return failed(e) ? fail_fmt(o->arena, e.kind, "%s: %.*s", option, ARG(err_text(e))) : OK;
}

// --- What is granted in part ---------------------------------------------------------------------

// listeners.md 3.4: only for the wildcard; any other address is what the administrator means.
static bool wants_ipv4_instead(const struct opening *o, int errno_value)
{
    return o->at->ip.family == IP_V6 && ip_is_unspecified(&o->at->ip) &&
           (errno_value == EAFNOSUPPORT || errno_value == EADDRNOTAVAIL);
}

static void note_backlog(struct opening *o)
{
    char text[32];
    uint64_t most;
    if (o->notes == NULL || o->options->backlog == 0)
        return;
    int fd = open(SOMAXCONN_PATH, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));
    if (fd >= 0)
        close(fd);
    if (got > 0 && str_to_u64(str_trim(str_of(text, (size_t)got)), UINT32_MAX, &most) &&
            most < (uint64_t)o->options->backlog)
        note(o, arena_fmt(o->arena,
                        "socket.backlog = %d: the system gives %llu "
                        "(net.core.somaxconn)",
                        o->options->backlog, (unsigned long long)most));
}

static void note(struct opening *o, struct str text)
{
    if (o->notes != NULL && o->notes->count < NET_NOTES_MAX && !str_is_null(text))
        o->notes->text[o->notes->count++] = text;
}
