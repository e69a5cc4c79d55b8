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

struct err watch_begin(struct watch *w, int fd); // w must not move; closes nothing
void watch_end(struct watch *w);
struct err watch_wait_readable(struct watch *w, const char *what) suspends;

// A connected socket as a stream; the stream owns it.
struct err fd_stream(int fd, const struct endpoint *local, const struct endpoint *peer,
        struct stream **out);
extern const struct backend backend_real;
struct err real_offload(struct loop *loop, offload_fn *fn, void *arg) suspends;
struct real_state *real_state(struct loop *loop);
void offload_state_free(struct offload_state *state);
