// SPDX-License-Identifier: Apache-2.0
// http/receive.c: the body of a request on its way from the stream to a handler.
#include "http/exchange.h"

#include "http/limits.h"

static struct err say_continue(struct http_exchange *x) suspends;
static struct err wait_for_more(struct http_exchange *x, size_t buffered_bytes) suspends;
static int64_t body_left_ms(const struct http_exchange *x);
static struct err bad_body(struct http_exchange *x, struct http_problem problem);

struct err http_receive(struct http_exchange *x, struct str *out_piece)
{
    struct stream *s = x->connection->stream;
    if (!x->body_begun) {
        x->body_begun = true;
        x->body_since_ms = now_ms();
        TRY(say_continue(x));
    }
    for (;;) {
        struct str have = stream_buffered(s), piece;
        size_t taken;
        enum http_read got = http_body_feed(&x->body, have, &taken, &piece);
        stream_consume(s, taken);
        if (got == HTTP_BAD)
            return bad_body(x, x->body.problem);
        if (got == HTTP_MORE) {
            TRY(wait_for_more(x, have.len - taken));
            continue;
        }
        *out_piece = got == HTTP_DATA ? piece : S("");
        x->received_bytes += out_piece->len;
        return OK;
    }
}

// RFC 9110 10.1.1: not when the client did not wait, and not for a body that is refused anyway.
static struct err say_continue(struct http_exchange *x)
{
    struct stream *s = x->connection->stream;
    bool due = x->continue_due && http_is_fine(x->body.problem);
    x->continue_due = false;
    if (!due || stream_buffered(s).len > 0)
        return OK;
    TRY(http_send(x, S("HTTP/1.1 100 Continue\r\n\r\n")));
    return http_send_queued(x->server, s);
}

static struct err wait_for_more(struct http_exchange *x, size_t buffered_bytes)
{
    struct str bytes;
    TRY(http_send_queued(x->server, x->connection->stream)); // answers to earlier requests
    within_ms(body_left_ms(x));
    struct err e = stream_peek(x->connection->stream, buffered_bytes + 1, &bytes);
    if (e.kind == ERR_TIMEOUT)
        return bad_body(x, http_problem(408, "the body came too slowly"));
    return e;
}

// The grace of http.timeout.body, and then a pace (HTTP_BODY_BYTES_PER_MS): a deadline for each
// piece alone would let a client stay for ever by sending an octet now and then.
static int64_t body_left_ms(const struct http_exchange *x)
{
    int64_t end_ms = x->body_since_ms + x->server->limits.body_ms +
                     (int64_t)(x->received_bytes / HTTP_BODY_BYTES_PER_MS);
    int64_t left_ms = end_ms - now_ms();
    return left_ms > 0 ? left_ms : 0;
}

static struct err bad_body(struct http_exchange *x, struct http_problem problem)
{
    x->problem = problem;
    x->close = true;
    return (struct err){.kind = problem.status == 408 ? ERR_TIMEOUT : ERR_SYNTAX,
            .text = problem.text.ptr,
            .text_len = (uint32_t)problem.text.len};
}

struct err http_receive_all(struct http_exchange *x, struct buf *out)
{
    struct str piece;
    buf_init(out, x->body.bytes_max < SIZE_MAX ? (size_t)x->body.bytes_max : SIZE_MAX);
    do {
        TRY(http_receive(x, &piece));
        buf_add(out, piece);
    } while (piece.len > 0);
    return out->overflow ? fail(ERR_LIMIT, "no memory for the body of a request") : OK;
}

bool http_will_close(const struct http_exchange *x)
{
    if (x->close || !x->head->keep_alive || task_nudged())
        return true;
    if (http_body_is_done(&x->body))
        return false;
    // Whether a client that waited for "100 Continue" sends its body after a final answer is not
    // known, and how much is left of a chunked one neither.
    return x->continue_due || x->head->framing == HTTP_BODY_CHUNKED ||
           !http_is_fine(x->body.problem) || x->body.left > HTTP_SKIP_BYTES_MAX;
}

struct err http_skip_body(struct http_exchange *x)
{
    struct str piece = S("");
    do
        TRY(http_receive(x, &piece));
    while (piece.len > 0);
    return OK;
}
