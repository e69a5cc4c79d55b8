// SPDX-License-Identifier: Apache-2.0
// rt/listening.h: what a supervisor asks about listening sockets that it did not make just now:
// those that a service manager or its own predecessor passed to it, and those that stand in its
// way. Making them is rt/net.h's. On the real machine only.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#include <sys/types.h>

// Is it a stream socket that listens? The error says what it is instead.
struct err listening_check(struct arena *a, int fd) MUST_USE;
// Its own address; the path of a UNIX socket (abstract: '@' first) is kept in the arena.
void listening_address(struct arena *a, int fd, struct endpoint *out);
// The process that listens there, as far as /proc shows it; 0 when it does not.
pid_t listening_holder(const struct endpoint *at);
// The file of a UNIX socket; abstract names have none.
void unix_socket_remove(struct str path);
