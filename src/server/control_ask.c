// SPDX-License-Identifier: Apache-2.0
// server/control_ask.c: asking a running server.
#include "server/control.h"

#include "rt/rt.h"

#define FIRST_LINE_BYTES_MAX 8
#define PIECE_BYTES_MAX 8192

struct question {
    struct str path, request;
    int64_t wait_ms;
    struct buf *text;
    int status;
};

static struct err result(
        struct arena *a, const struct question *q, struct err e, int *out_status) MUST_USE;
static struct err ask(void *question) suspends;
static struct err hear(struct question *q, struct stream *s) suspends;

struct err control_ask(struct arena *a, struct str path, struct str request, int64_t wait_ms,
        struct buf *out_text, int *out_status)
{
    struct question q = {.path = path, .request = request, .wait_ms = wait_ms, .text = out_text};
    struct loop *loop = loop_new_real();
    if (loop == NULL)
        return fail(ERR_LIMIT, "no memory or descriptor to ask the server");
    struct err e = loop_run(loop, ask, &q);
    loop_free(loop);
    return result(a, &q, e, out_status);
}

struct err control_ask_here(struct arena *a, struct str path, struct str request, int64_t wait_ms,
        struct buf *out_text, int *out_status)
{
    struct question q = {.path = path, .request = request, .wait_ms = wait_ms, .text = out_text};
    return result(a, &q, ask(&q), out_status);
}

static struct err result(struct arena *a, const struct question *q, struct err e, int *out_status)
{
    if (failed(e))
        return fail_fmt(
                a, e.kind, "asking the server at %.*s: %.*s", ARG(q->path), ARG(err_text(e)));
    *out_status = q->status;
    return OK;
}

static struct err ask(void *arg)
{
    struct question *q = arg;
    struct stream *s AUTO(stream_close_auto) = NULL;
    struct endpoint at = {.unix_path = q->path};
    struct connect_options options = {0};
    within_ms(q->wait_ms);
    if (q->path.len > UNIX_PATH_BYTES_MAX)
        return fail(ERR_LIMIT, "the path is too long for a socket");
    TRY(net_connect(&at, &options, &s));
    TRY(stream_write(s, q->request));
    TRY(stream_write(s, S("\n")));
    TRY(stream_flush(s));
    return hear(q, s);
}

static struct err hear(struct question *q, struct stream *s)
{
    struct str line, piece;
    uint64_t status;
    TRY(stream_until(s, S("\n"), FIRST_LINE_BYTES_MAX, &line));
    if (!str_to_u64(str_trim(line), INT8_MAX, &status))
        return fail(ERR_SYNTAX, "it answers otherwise than a server would");
    q->status = (int)status;
    for (;;) {
        struct err e = stream_read(s, PIECE_BYTES_MAX, &piece);
        if (e.kind == ERR_CLOSED || e.kind == ERR_RESET)
            return OK;
        TRY(e);
        buf_add(q->text, piece);
    }
}
