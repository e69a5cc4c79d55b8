// SPDX-License-Identifier: Apache-2.0
// http/client.c: a request is written, its answer read. See http/client.h.
#include "http/client.h"

#include "http/body.h"
#include "http/client_read.h"
#include "http/limits.h"
#include "rt/stream.h"

#define USER_AGENT "Posthaste/" POSTHASTE_VERSION

static struct err write_request(
        struct stream *s, struct arena *a, const struct http_request *request) suspends;
static struct err add_field(struct buf *head, struct str name, struct str value);
static bool is_fit_for_line(struct str text);
static struct err read_head(
        struct stream *s, struct http_reply_reader *reader, struct arena *a) suspends;
static struct err read_body(
        struct stream *s, struct arena *a, uint64_t bytes_max, struct http_reply *reply) suspends;
static struct err read_pieces(struct stream *s, struct http_body *body, struct buf *out) suspends;
static struct err no_answer(struct arena *a, struct http_problem problem);

struct err http_ask(struct stream *s, struct arena *a, const struct http_request *request,
        struct http_reply *out)
{
    struct http_reply_reader reader;
    TRY(write_request(s, a, request));
    http_reply_reader_begin(&reader, a, request->method, request->head_bytes_max);
    TRY(read_head(s, &reader, a));
    struct http_reply reply = {.status = reader.status, .head = reader.head};
    TRY(read_body(s, a, request->body_bytes_max, &reply));
    reply.keeps = request->keeps && reply.head.keep_alive && !reply.body_is_cut &&
                  reply.head.framing != HTTP_BODY_TO_CLOSE;
    *out = reply;
    return OK;
}

static struct err write_request(
        struct stream *s, struct arena *a, const struct http_request *request)
{
    struct buf head AUTO(buf_done);
    buf_init(&head, HTTP_LINE_BYTES_MAX);
    if (!is_fit_for_line(request->target) || str_contains(request->target, S(" ")))
        return fail(ERR_SYNTAX, "the target of a request holds what no line may hold");
    buf_fmt(&head, "%.*s %.*s HTTP/1.1\r\n", ARG(http_method_name(request->method)),
            ARG(request->target));
    TRY(add_field(&head, S("Host"), request->host));
    TRY(add_field(&head, S("User-Agent"), S(USER_AGENT)));
    TRY(add_field(&head, S("Connection"), request->keeps ? S("keep-alive") : S("close")));
    for (size_t i = 0; i < request->field_count; i++)
        TRY(add_field(&head, request->fields[i].name, request->fields[i].value));
    if (!str_is_null(request->body)) {
        struct str length = arena_fmt(a, "%zu", request->body.len);
        TRY(add_field(&head, S("Content-Length"), length));
    }
    buf_add(&head, S("\r\n"));
    if (head.overflow)
        return fail(ERR_LIMIT, "the head of a request is too large");
    TRY(stream_write(s, buf_str(&head)));
    TRY(stream_write(s, request->body));
    return stream_flush(s);
}

static struct err add_field(struct buf *head, struct str name, struct str value)
{
    if (!http_is_token(name) || !is_fit_for_line(value))
        return fail(ERR_SYNTAX, "a header field of a request holds what no line may hold");
    buf_fmt(head, "%.*s: %.*s\r\n", ARG(name), ARG(value));
    return OK;
}

static bool is_fit_for_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static struct err read_head(struct stream *s, struct http_reply_reader *reader, struct arena *a)
{
    for (;;) {
        struct str have = stream_buffered(s), more;
        size_t taken;
        enum http_read got = http_reply_reader_feed(reader, have, &taken);
        stream_consume(s, taken);
        if (got == HTTP_BAD)
            return no_answer(a, reader->problem);
        if (got == HTTP_DONE)
            return OK;
        TRY(stream_peek(s, have.len - taken + 1, &more));
    }
}

static struct err read_body(
        struct stream *s, struct arena *a, uint64_t bytes_max, struct http_reply *reply)
{
    struct http_body body;
    struct buf content AUTO(buf_done);
    buf_init(&content, bytes_max < SIZE_MAX ? (size_t)bytes_max : SIZE_MAX);
    http_body_begin(&body, &reply->head, bytes_max);
    TRY(read_pieces(s, &body, &content));
    if (body.problem.status == 413)
        reply->body_is_cut = true;
    else if (!http_is_fine(body.problem))
        return no_answer(a, body.problem);
    reply->body = arena_str(a, buf_str(&content));
    return content.overflow || str_is_null(reply->body)
                   ? fail(ERR_LIMIT, "no memory for the body of an answer")
                   : OK;
}

// Until the body's end, or its problem.
static struct err read_pieces(struct stream *s, struct http_body *body, struct buf *out)
{
    for (;;) {
        struct str have = stream_buffered(s), piece;
        size_t taken;
        enum http_read got = http_body_feed(body, have, &taken, &piece);
        if (got == HTTP_DATA)
            buf_add(out, piece);
        stream_consume(s, taken);
        if (got == HTTP_DONE || got == HTTP_BAD)
            return OK;
        if (got == HTTP_DATA)
            continue;
        struct err e = stream_peek(s, have.len - taken + 1, &piece);
        if (e.kind == ERR_CLOSED && http_body_close(body))
            return OK;
        TRY(e);
    }
}

static struct err no_answer(struct arena *a, struct http_problem problem)
{
    return fail_fmt(a, ERR_SYNTAX, "the answer is malformed: %.*s", ARG(problem.text));
}
