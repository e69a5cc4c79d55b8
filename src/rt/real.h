// SPDX-License-Identifier: Apache-2.0
// rt/real.h: the parts of the real backend, one for another; private to rt/.
#pragma once

#include "rt/loop.h"

struct offload_state;

struct real_state {
    int epoll_fd;
    void *panic;                   // memory of panic_watch_begin
    struct offload_state *offload; // NULL until the first call
};

struct real_state *real_state(struct loop *loop);
struct err real_listen(const struct endpoint *at, const struct listen_options *options,
        struct acceptor **out) MUST_USE;
struct err real_connect(const struct endpoint *to, const struct connect_options *options,
        struct stream **out) suspends MUST_USE;
struct err real_pair(struct stream *out[2]) MUST_USE;
struct err real_own_ips(struct arena *a, const struct ip **out, size_t *out_count) MUST_USE;
struct err real_offload(struct loop *loop, offload_fn *fn, void *arg) suspends MUST_USE;
void offload_state_free(struct offload_state *state);
