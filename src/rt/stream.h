// SPDX-License-Identifier: Apache-2.0
// rt/stream.h: connections. One interface over TCP, Unix sockets, TLS and the simulator's network.
// Reading is buffered, with hard limits; writing is gathered until flushed. Buffers are borrowed
// from a pool only while there are bytes in them, so an idle connection costs none.
//
// Slices that a read returns lie in the stream's buffer and live until the next call on it. One
// task may read while another writes. ERR_CLOSED: the peer ended its side; ERR_RESET: it broke.
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "rt/task.h"

struct stream;

#define STREAM_READ_BYTES_MAX 16384 // the longest piece that stream_until and stream_peek give

// Up to and with the terminator, at most `max` bytes. Longer: ERR_LIMIT, and nothing is consumed.
struct err stream_until(
        struct stream *s, struct str terminator, size_t max, struct str *out) suspends MUST_USE;
// At least one byte, whatever has come, at most `max`.
struct err stream_read(struct stream *s, size_t max, struct str *out) suspends MUST_USE;
// At least `count` bytes, all that is buffered, without consuming them.
struct err stream_peek(struct stream *s, size_t count, struct str *out) suspends MUST_USE;
struct str stream_buffered(const struct stream *s); // what was read and not yet consumed
void stream_consume(struct stream *s, size_t count);

// Queues bytes; sends when a buffer is full.
struct err stream_write(struct stream *s, struct str bytes) suspends MUST_USE;
struct err stream_flush(struct stream *s) suspends MUST_USE;
// Sends what is queued if that is possible without waiting; for refusals that must not block.
void stream_flush_now(struct stream *s);

// Whoever waits for us shall have heard what there was to say: until the end of the enclosing block
// each wait of this task, whatever it is for, first sends what is queued here, as far as that needs
// no waiting. Where nothing waits nothing is sent. With NULL waits send nothing.
struct flush_scope {
    struct stream *before;
};
struct flush_scope flush_enter(struct stream *s);
void flush_leave(struct flush_scope *scope);
#define flushing(s)                                                                                \
    UNUSED struct flush_scope RT_PASTE(flush_scope_, __LINE__) AUTO(flush_leave) = flush_enter(s)
// Ends our side: flushes, says goodbye on TLS, sends FIN.
struct err stream_end(struct stream *s) suspends MUST_USE;
// Reads and drops until the peer ends its side, `bytes_max` or the deadline comes.
void stream_drain(struct stream *s, size_t bytes_max) suspends;

void stream_close(struct stream *s); // frees; NULL is fine
static inline void stream_close_auto(struct stream **s)
{
    stream_close(*s);
}

const struct endpoint *stream_local(const struct stream *s);
const struct endpoint *stream_peer(const struct stream *s);
int stream_fd(const struct stream *s); // for socket options; -1 in the simulator

struct stream_figures {
    uint64_t bytes_in, bytes_out; // on the wire
};
struct stream_figures stream_figures(const struct stream *s);

// A pair of connected streams in memory, for tests of what speaks over one.
struct err stream_pair(struct stream *out[2]) MUST_USE;
