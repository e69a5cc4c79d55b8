// SPDX-License-Identifier: Apache-2.0
// rt/net.h: making and accepting connections.
#pragma once

#include "base/base.h"
#include "base/ip.h"

struct acceptor;
struct stream;

struct listen_options {
    int backlog; // 0: 1024
    bool no_reuse_addr, reuse_port, v6only;
};

struct connect_options {
    struct ip from; // IP_NONE: the system chooses
};

struct err net_listen(const struct endpoint *at, const struct listen_options *options,
        struct acceptor **out) MUST_USE;
// The same, as a bare descriptor for other processes to inherit. The text names the address.
struct err net_bind(struct arena *a, const struct endpoint *at,
        const struct listen_options *options, int *out_fd) MUST_USE;
// A listening socket made elsewhere (by the supervisor); the acceptor closes it.
struct err acceptor_adopt(int fd, struct acceptor **out) MUST_USE;
// Errors say what accept(2) said: ERR_LIMIT for a lack of descriptors or memory, ERR_RESET for a
// connection that was gone already.
struct err net_accept(struct acceptor *a, struct stream **out) suspends MUST_USE;
const struct endpoint *acceptor_local(const struct acceptor *a);
// Stops listening: tasks that wait in net_accept get ERR_CLOSED. Freed when they have left.
void acceptor_close(struct acceptor *a);
void acceptor_free(struct acceptor *a); // NULL is fine

struct err net_connect(const struct endpoint *to, const struct connect_options *options,
        struct stream **out) suspends MUST_USE;
