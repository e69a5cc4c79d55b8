// SPDX-License-Identifier: Apache-2.0
// rt/sockaddr.c: translating endpoints.
#include "rt/sockaddr.h"

#include <netinet/in.h>
#include <sys/un.h>

static socklen_t unix_from(struct str path, struct sockaddr_un *out);

socklen_t sockaddr_from(const struct endpoint *e, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (!str_is_null(e->unix_path))
        return unix_from(e->unix_path, (struct sockaddr_un *)(void *)out);
    if (e->ip.family == IP_V6) {
        struct sockaddr_in6 *in6 = (void *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(e->port);
        in6->sin6_scope_id = e->scope;
        memcpy(&in6->sin6_addr, e->ip.bytes, 16);
        return sizeof(*in6);
    }
    struct sockaddr_in *in4 = (void *)out;
    in4->sin_family = AF_INET;
    in4->sin_port = htons(e->port);
    memcpy(&in4->sin_addr, e->ip.bytes, 4);
    return sizeof(*in4);
}

// '@' first stands for the NUL of an abstract name.
static socklen_t unix_from(struct str path, struct sockaddr_un *out)
{
    out->sun_family = AF_UNIX;
    size_t len = path.len < sizeof(out->sun_path) ? path.len : sizeof(out->sun_path) - 1;
    memcpy(out->sun_path, path.ptr, len);
    bool abstract = len > 0 && path.ptr[0] == '@';
    if (abstract)
        out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (abstract ? 0 : 1));
}

void sockaddr_to(const struct sockaddr_storage *address, socklen_t length, struct endpoint *out)
{
    *out = (struct endpoint){0};
    if (address->ss_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        out->ip.family = IP_V6;
        memcpy(out->ip.bytes, &in6->sin6_addr, 16);
        out->port = ntohs(in6->sin6_port);
        out->scope = in6->sin6_scope_id;
        out->ip = ip_unmap(out->ip);
    } else if (address->ss_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in4 = (const void *)address;
        out->ip.family = IP_V4;
        memcpy(out->ip.bytes, &in4->sin_addr, 4);
        out->port = ntohs(in4->sin_port);
    } else {
        out->unix_path = S("unix");
    }
}

void sockaddr_local(int fd, struct endpoint *out)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        length = 0;
    sockaddr_to(&address, length, out);
}
