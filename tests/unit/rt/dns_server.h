// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/dns_server.h: a DNS server that is a socket of the test on loopback, and answers when
// the test wants it to.
#pragma once

#include "dns_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUERY_BYTES_MAX 1024
#define LOOKS_MAX 5000 // a millisecond each

struct server {
    int fd;
    struct dns_server address;
    char query[QUERY_BYTES_MAX]; // the last
    size_t query_len;
    struct sockaddr_in peer;
    struct resolver *resolver; // that asks it, for who wants to remember
};

static inline bool server_open(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(at);
    s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&at, len) != 0 ||
            getsockname(s->fd, (struct sockaddr *)&at, &len) != 0)
        return false;
    s->address = (struct dns_server){.port = ntohs(at.sin_port)};
    return ip_parse(S("127.0.0.1"), &s->address.ip);
}

static inline struct err wait_for_query(struct server *s)
{
    for (int i = 0; i < LOOKS_MAX; i++) {
        socklen_t len = sizeof(s->peer);
        ssize_t got =
                recvfrom(s->fd, s->query, sizeof(s->query), 0, (struct sockaddr *)&s->peer, &len);
        if (got > 12) {
            s->query_len = (size_t)got;
            return OK;
        }
        TRY(task_sleep_ms(1));
    }
    return fail(ERR_TIMEOUT, "nobody asked");
}

static inline bool server_send(const struct server *s, struct str bytes)
{
    ssize_t sent = sendto(
            s->fd, bytes.ptr, bytes.len, 0, (const struct sockaddr *)&s->peer, sizeof(s->peer));
    return sent == (ssize_t)bytes.len;
}
