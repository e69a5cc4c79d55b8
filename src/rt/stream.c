// SPDX-License-Identifier: Apache-2.0
// rt/stream.c: buffering over a transport.
//
// The input block holds bytes [in_at, in_end); the output block [0, out_len). Each block is
// borrowed when the first byte comes and returned with the last.
#include "rt/stream.h"

#include "rt/blocks.h"
#include "rt/loop.h"
#include "rt/transport.h"

struct stream {
    struct transport *transport;
    struct block_pool *blocks;
    char *in, *out;
    uint32_t in_at, in_end, out_len;
    bool ended;      // the peer's side
    bool is_sending; // a task is within send_parts, and knows alone what has left
};

static struct err fill(struct stream *s) suspends;
static struct err wait_for(struct stream *s, enum io what, const char *why) suspends;
static struct err send_parts(struct stream *s, struct iovec parts[2]) suspends;
static void give_back(struct stream *s);
static void all_has_left(struct stream *s);

struct err stream_over(struct transport *t, struct stream **out)
{
    struct stream *s = mem_new(struct stream);
    if (s == NULL) {
        t->ops->close(t);
        return fail(ERR_LIMIT, "no memory for a connection");
    }
    s->transport = t;
    s->blocks = loop_running()->blocks;
    *out = s;
    return OK;
}

struct transport *stream_transport(struct stream *s)
{
    return s->transport;
}

void stream_transport_set(struct stream *s, struct transport *t)
{
    s->transport = t;
}

void stream_close(struct stream *s)
{
    if (s == NULL)
        return;
    s->transport->ops->close(s->transport);
    block_give(s->blocks, s->in);
    block_give(s->blocks, s->out);
    mem_free(s);
}

// --- Reading -------------------------------------------------------------------------------------

struct err stream_until(struct stream *s, struct str terminator, size_t max, struct str *out)
{
    assert(max <= STREAM_READ_BYTES_MAX && terminator.len > 0);
    size_t looked = 0;
    for (;;) {
        struct str have = stream_buffered(s);
        size_t from = looked < terminator.len ? 0 : looked - terminator.len + 1;
        size_t at = str_find(str_from(have, from), terminator);
        if (at != STR_NOT_FOUND && from + at + terminator.len <= max) {
            *out = str_upto(have, from + at + terminator.len);
            s->in_at += (uint32_t)out->len;
            return OK;
        }
        if (have.len >= max)
            return fail(ERR_LIMIT, "the line is too long");
        looked = have.len;
        TRY(fill(s));
    }
}

struct err stream_read(struct stream *s, size_t max, struct str *out)
{
    if (stream_buffered(s).len == 0)
        TRY(fill(s));
    *out = str_upto(stream_buffered(s), max);
    s->in_at += (uint32_t)out->len;
    return OK;
}

struct err stream_peek(struct stream *s, size_t count, struct str *out)
{
    assert(count <= STREAM_READ_BYTES_MAX);
    while (stream_buffered(s).len < count)
        TRY(fill(s));
    *out = stream_buffered(s);
    return OK;
}

struct str stream_buffered(const struct stream *s)
{
    return str_of(s->in != NULL ? s->in + s->in_at : "", s->in_end - s->in_at);
}

void stream_consume(struct stream *s, size_t count)
{
    assert(count <= s->in_end - s->in_at);
    s->in_at += (uint32_t)count;
}

// Brings at least one more byte. The block is borrowed for the attempt and, when nothing has come,
// returned before the wait: that is what makes idle connections cheap.
static struct err fill(struct stream *s)
{
    struct transport *t = s->transport;
    for (;;) {
        if (s->ended)
            return fail(ERR_CLOSED, "the peer closed the connection");
        if (s->in == NULL)
            s->in = block_take(s->blocks);
        if (s->in == NULL)
            return fail(ERR_LIMIT, "no memory for a buffer");
        if (s->in_at > 0) {
            memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
            s->in_end -= s->in_at;
            s->in_at = 0;
        }
        if (s->in_end == BLOCK_BYTES)
            return fail(ERR_LIMIT, "the buffer of the connection is full");
        size_t count = 0;
        enum io io = t->ops->read(t, s->in + s->in_end, BLOCK_BYTES - s->in_end, &count);
        if (io == IO_DONE) {
            s->in_end += (uint32_t)count;
            return OK;
        }
        give_back(s);
        if (io == IO_END)
            s->ended = true;
        else
            TRY(wait_for(s, io, "bytes to read"));
    }
}

static void give_back(struct stream *s)
{
    if (s->in != NULL && s->in_at == s->in_end) {
        block_give(s->blocks, s->in);
        s->in = NULL;
        s->in_at = s->in_end = 0;
    }
}

static struct err wait_for(struct stream *s, enum io what, const char *why)
{
    switch (what) {
    case IO_DONE:
    case IO_END:
        return OK;
    case IO_WAIT_READ:
        return waitq_wait(s->transport->readable, why);
    case IO_WAIT_WRITE:
        return waitq_wait(s->transport->writable, why);
    case IO_FAILED:
        break;
    }
    return s->transport->error;
}

// --- Writing -------------------------------------------------------------------------------------

struct err stream_write(struct stream *s, struct str bytes)
{
    if (bytes.len > BLOCK_BYTES - s->out_len) {
        struct iovec parts[2] = {{s->out, s->out_len}, {(void *)(uintptr_t)bytes.ptr, bytes.len}};
        return send_parts(s, parts); // gathered, so that large writes are not copied
    }
    if (bytes.len == 0)
        return OK;
    if (s->out == NULL)
        s->out = block_take(s->blocks);
    if (s->out == NULL)
        return fail(ERR_LIMIT, "no memory for a buffer");
    memcpy(s->out + s->out_len, bytes.ptr, bytes.len);
    s->out_len += (uint32_t)bytes.len;
    return OK;
}

struct err stream_flush(struct stream *s)
{
    struct iovec parts[2] = {{s->out, s->out_len}, {NULL, 0}};
    return send_parts(s, parts);
}

static struct err send_parts(struct stream *s, struct iovec parts[2])
{
    struct transport *t = s->transport;
    if (s->out == NULL && parts[1].iov_len == 0)
        return OK;
    s->is_sending = true;
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        size_t count = 0;
        bool first_left = parts[0].iov_len > 0;
        enum io io = t->ops->write(t, first_left ? parts : parts + 1, first_left ? 2 : 1, &count);
        if (io != IO_DONE) {
            struct err e = wait_for(s, io, "room to write");
            if (failed(e)) {
                s->out_len = 0; // some of it may have left: it must not be sent again
                s->is_sending = false;
                return e;
            }
            continue;
        }
        for (int i = 0; i < 2 && count > 0; i++) {
            size_t taken = count < parts[i].iov_len ? count : parts[i].iov_len;
            if (taken == 0)
                continue; // a part without bytes may have no address either
            parts[i].iov_base = (char *)parts[i].iov_base + taken;
            parts[i].iov_len -= taken;
            count -= taken;
        }
    }
    s->is_sending = false;
    all_has_left(s);
    return OK;
}

static void all_has_left(struct stream *s)
{
    block_give(s->blocks, s->out);
    s->out = NULL;
    s->out_len = 0;
}

void stream_flush_now(struct stream *s)
{
    stream_flush_some(s);
    s->out_len = 0;
}

// An error comes back with the next call that may say so.
void stream_flush_some(struct stream *s)
{
    struct iovec part = {s->out, s->out_len};
    size_t count = 0;
    if (s->out_len == 0 || s->is_sending)
        return;
    enum io io = s->transport->ops->write(s->transport, &part, 1, &count);
    if (io != IO_DONE)
        return;
    s->out_len -= (uint32_t)count;
    if (s->out_len == 0)
        all_has_left(s);
    else
        memmove(s->out, s->out + count, s->out_len);
}

struct flush_scope flush_enter(struct stream *s)
{
    struct task *t = task_running();
    struct flush_scope scope = {t->flushes};
    t->flushes = s;
    return scope;
}

void flush_leave(struct flush_scope *scope)
{
    task_running()->flushes = scope->before;
}

struct err stream_end(struct stream *s)
{
    s->transport->more = true;
    struct err e = stream_flush(s);
    if (failed(e))
        s->transport->more = false;
    TRY(e);
    for (;;) {
        enum io io = s->transport->ops->end(s->transport);
        if (io == IO_DONE || io == IO_END)
            return OK;
        TRY(wait_for(s, io, "room to say goodbye"));
    }
}

void stream_drain(struct stream *s, size_t bytes_max)
{
    size_t dropped = 0;
    while (dropped < bytes_max) {
        struct str piece;
        if (failed(stream_read(s, bytes_max - dropped, &piece)))
            return;
        dropped += piece.len;
    }
}

const struct endpoint *stream_local(const struct stream *s)
{
    return &s->transport->local;
}

const struct endpoint *stream_peer(const struct stream *s)
{
    return &s->transport->peer;
}

int stream_fd(const struct stream *s)
{
    return s->transport->ops->fd(s->transport);
}

struct stream_figures stream_figures(const struct stream *s)
{
    return (struct stream_figures){s->transport->bytes_in, s->transport->bytes_out};
}
