// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_http_client.c: the octets of one answer, read at once and in pieces: both must
// give the same answer and the same problem. The first octet says how they are cut, and what was
// asked.
#define POSTHASTE_BASE_ROOM
#include "http/body.h"
#include "http/client_read.h"

#define HEAD_MAX 4096
#define BODY_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct http_reply_reader head;
    struct http_body body;
    bool in_body;
    struct buf *out;
};

static enum http_read feed(struct reading *r, struct str have, size_t *out_taken)
{
    size_t taken = 0;
    struct str piece;
    *out_taken = 0;
    if (!r->in_body) {
        enum http_read got = http_reply_reader_feed(&r->head, have, out_taken);
        if (got != HTTP_DONE)
            return got;
        http_body_begin(&r->body, &r->head.head, BODY_MAX);
        r->in_body = true;
    }
    enum http_read got = http_body_feed(&r->body, str_from(have, *out_taken), &taken, &piece);
    *out_taken += taken;
    if (got == HTTP_DATA)
        buf_add(r->out, piece);
    return got;
}

// What an answer comes to, as a text. How much of a body that is too large has come before that is
// known depends on the pieces, so it is left out then.
static void tell(const struct reading *r, enum http_read got, size_t used)
{
    struct http_problem problem = r->in_body ? r->body.problem : r->head.problem;
    if (problem.status == 413)
        buf_clear(r->out);
    buf_fmt(r->out, "|%d %u %u %.*s", got, r->head.status, problem.status, ARG(problem.text));
    if (got == HTTP_DONE)
        buf_fmt(r->out, " %zu", used);
    each_in_vec (field, &r->head.head.fields)
        buf_fmt(r->out, "|%.*s=%.*s", ARG(field->name), ARG(field->value));
}

static void read_all(struct str octets, size_t step, enum http_method method, struct buf *out)
{
    struct arena a AUTO(arena_done);
    struct reading r = {.out = out};
    size_t used = 0, end = step < octets.len ? step : octets.len;
    arena_init(&a, MIB);
    http_reply_reader_begin(&r.head, &a, method, HEAD_MAX);
    enum http_read got = HTTP_MORE;
    for (;;) {
        size_t taken;
        got = feed(&r, str_part(octets, used, end - used), &taken);
        used += taken;
        if (got == HTTP_DATA || (got == HTTP_MORE && taken > 0 && r.in_body))
            continue;
        if (got != HTTP_MORE || end == octets.len)
            break;
        end = end + step < octets.len ? end + step : octets.len;
    }
    if (got == HTTP_MORE && r.in_body && http_body_close(&r.body))
        got = HTTP_DONE;
    assert(got != HTTP_DONE || (r.head.status >= 200 && r.head.status <= 599));
    assert(out->len <= BODY_MAX);
    tell(&r, got, used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str octets = str_of((const char *)data + 1, size - 1);
    enum http_method method = data[0] & 1 ? HTTP_HEAD : HTTP_GET;
    struct buf whole AUTO(buf_done), pieces AUTO(buf_done);
    buf_init(&whole, MIB);
    buf_init(&pieces, MIB);
    read_all(octets, octets.len + 1, method, &whole);
    read_all(octets, 1 + (data[0] >> 1), method, &pieces);
    assert(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
