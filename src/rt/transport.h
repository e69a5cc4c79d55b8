// SPDX-License-Identifier: Apache-2.0
// rt/transport.h: what carries a stream's bytes; private to rt/. Calls never suspend: they do what
// is possible now and say what to wait for. A stream stands on one, or on two when TLS is on.
#pragma once

#include "rt/stream.h"
#include "rt/task.h"

#include <sys/uio.h>

enum io {
    IO_DONE,       // *count bytes, at least one
    IO_WAIT_READ,  // wait until readable, then try again
    IO_WAIT_WRITE, // wait until writable, then try again
    IO_END,        // the peer ended its side (reading only)
    IO_FAILED,     // transport->error says why
};

struct transport;

struct transport_ops {
    enum io (*read)(struct transport *t, void *into, size_t room, size_t *count);
    enum io (*write)(struct transport *t, const struct iovec *parts, int part_count, size_t *count);
    enum io (*end)(struct transport *t); // end of writing
    void (*close)(struct transport *t);  // frees it
    int (*fd)(const struct transport *t);
};

struct transport {
    const struct transport_ops *ops;
    struct waitq *readable, *writable; // of the bottom one
    struct endpoint local, peer;
    struct err error; // static text
    uint64_t bytes_in, bytes_out;
    bool more; // the end of our side follows at once: what is written now may leave with it
};

struct acceptor;

struct acceptor_ops {
    struct err (*accept)(struct acceptor *a, struct stream **out) suspends;
    void (*close)(struct acceptor *a);
    void (*free)(struct acceptor *a); // closes as well
};

struct acceptor { // the head of a backend's own record
    const struct acceptor_ops *ops;
    struct endpoint local;
};

struct err stream_over(
        struct transport *t, struct stream **out) MUST_USE; // takes t, also on failure
struct transport *stream_transport(struct stream *s);
void stream_transport_set(struct stream *s, struct transport *t);
