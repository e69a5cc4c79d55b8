// SPDX-License-Identifier: Apache-2.0
// rt/epoll.h: descriptors on the real loop; private to rt/. Edge-triggered and registered once: a
// watch remembers what is possible until a call says that it is not.
#pragma once

#include "rt/loop.h"
#include "rt/transport.h"

struct watch {
    int fd;
    bool readable, writable, hung_up;
    struct waitq on_readable, on_writable;
};

// w must not move; the descriptor stays the caller's.
struct err watch_begin(struct watch *w, int fd) MUST_USE;
void watch_end(struct watch *w);
void watch_close(struct watch *w); // ends the watch and closes its descriptor
struct err watch_wait_readable(struct watch *w, const char *what) suspends MUST_USE;

// A connected, non-blocking socket as a stream, which owns it from now on, also on failure.
struct err fd_stream(int fd, const struct endpoint *local, const struct endpoint *peer,
        struct stream **out) MUST_USE;
