// SPDX-License-Identifier: Apache-2.0
// rt/listening.c: examining listening sockets.
#include "rt/listening.h"

#include "rt/sockaddr.h"

#include <sys/un.h>
#include <unistd.h>

static struct str unix_socket_path(struct arena *a, int fd);

struct err listening_check(struct arena *a, int fd)
{
    int type = 0, listens = 0;
    socklen_t length = sizeof(type);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
        return fail_fmt(a, ERR_CONFIG, "descriptor %d is not a socket", fd);
    if (type != SOCK_STREAM)
        return fail_fmt(a, ERR_CONFIG, "descriptor %d is not a stream socket (SOCK_STREAM)", fd);
    length = sizeof(listens);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0 || listens == 0)
        return fail_fmt(a, ERR_CONFIG,
                "descriptor %d is a socket that does not listen; a socket unit needs Accept=no",
                fd);
    return OK;
}

void listening_address(struct arena *a, int fd, struct endpoint *out)
{
    sockaddr_local(fd, out);
    if (!str_is_null(out->unix_path))
        out->unix_path = unix_socket_path(a, fd);
}

static struct str unix_socket_path(struct arena *a, int fd)
{
    struct sockaddr_un address = {0};
    socklen_t length = sizeof(address);
    size_t before = offsetof(struct sockaddr_un, sun_path);
    if (getsockname(fd, (struct sockaddr *)(void *)&address, &length) != 0 || length <= before)
        return S("");
    size_t len = length - before;
    if (address.sun_path[0] == '\0')
        address.sun_path[0] = '@';
    else if (address.sun_path[len - 1] == '\0')
        len--;
    struct str kept = arena_str(a, str_of(address.sun_path, len));
    return str_is_null(kept) ? S("") : kept;
}

void unix_socket_remove(struct str path)
{
    struct sockaddr_storage address;
    struct endpoint at = {.unix_path = path};
    if (str_is_empty(path) || path.ptr[0] == '@')
        return;
    (void)sockaddr_from(&at, &address);
    unlink(((struct sockaddr_un *)(void *)&address)->sun_path);
}
