// SPDX-License-Identifier: Apache-2.0
// rt/sockaddr.h: endpoints as the system's socket addresses and back.
#pragma once

#include "base/base.h"
#include "base/ip.h"

#include <sys/socket.h>

socklen_t sockaddr_from(const struct endpoint *e, struct sockaddr_storage *out);
// v4-mapped addresses become IPv4. The path of a Unix socket is not kept: "unix" stands for it.
void sockaddr_to(const struct sockaddr_storage *address, socklen_t length, struct endpoint *out);
void sockaddr_local(int fd, struct endpoint *out);
