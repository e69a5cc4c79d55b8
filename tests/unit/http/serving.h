// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/serving.h: a server and a client at the two ends of a pair of streams. The client
// sends its octets, ends its side or not, and keeps what comes until the server has closed. Date is
// cut out of what came, since it is the only part that differs from run to run.
#pragma once

#define POSTHASTE_BASE_ROOM
#include "http/http.h"

struct serving {
    const struct http_server *server;
    bool tls;
    struct str sent, then; // `then` when the first answer has come
    bool stays;            // does not end its side, as clients do that wait for an answer
    bool one_by_one;       // octets
    bool nudged;           // the server begins to drain before it reads anything
    struct http_outcome outcome;
    struct err ended;
    struct buf got;
    struct stream *streams[2];
    struct group *group; // of the server
};

static inline struct err serving_server(void *arg)
{
    struct serving *s = arg;
    struct http_connection connection = {.stream = s->streams[0], .tls = s->tls};
    s->ended = http_serve(s->server, &connection, &s->outcome);
    stream_close(s->streams[0]);
    return OK;
}

static inline struct err serving_client(void *arg)
{
    struct serving *s = arg;
    struct stream *stream AUTO(stream_close_auto) = s->streams[1];
    size_t step = s->one_by_one ? 1 : s->sent.len;
    for (size_t at = 0; at < s->sent.len; at += step) {
        TRY(stream_write(stream, str_part(s->sent, at, step)));
        TRY(stream_flush(stream));
        task_yield();
    }
    struct str piece;
    if (s->then.len > 0) {
        TRY(stream_read(stream, 4096, &piece));
        buf_add(&s->got, piece);
        TRY(stream_write(stream, s->then));
        TRY(stream_flush(stream));
    }
    if (!s->stays)
        TRY(stream_end(stream));
    while (!failed(stream_read(stream, 4096, &piece)))
        buf_add(&s->got, piece);
    return OK;
}

static inline struct err serving_both(void *arg)
{
    struct serving *s = arg;
    struct group server AUTO(group_end), client AUTO(group_end);
    group_begin(&server);
    group_begin(&client);
    s->group = &server;
    TRY(stream_pair(s->streams));
    TRY(group_spawn(&server, serving_server, s));
    TRY(group_spawn(&client, serving_client, s));
    if (s->nudged)
        group_nudge(&server);
    TRY(group_wait_all(&server));
    struct err cut_off = group_wait_all(&client);
    (void)cut_off; // that may be what is tested
    return OK;
}

// Runs it; s->got is initialised here and holds what the client saw.
static inline void serving_run(struct serving *s)
{
    struct loop *loop = loop_new_real();
    buf_init(&s->got, 4 * MIB);
    assert(loop != NULL);
    struct err e = loop_run(loop, serving_both, s);
    assert(!failed(e));
    loop_free(loop);
    struct buf kept;
    struct str rest = buf_str(&s->got), before;
    buf_init(&kept, 4 * MIB);
    for (size_t at; (at = str_find(rest, S("Date: "))) != STR_NOT_FOUND;) {
        before = str_upto(rest, at);
        rest = str_from(rest, at);
        rest = str_from(rest, str_find(rest, S("\r\n")) + 2);
        buf_add(&kept, before);
    }
    buf_add(&kept, rest);
    buf_done(&s->got);
    s->got = kept;
}
