// SPDX-License-Identifier: Apache-2.0
// tests/unit/http/reading.h: what the readers make of a connection's octets, as text that a table
// can hold: "GET /x 1.1 host=a body=3 keep; " for each request, then the problem, "400 why", or
// nothing. The octets come in pieces: piece_max 0 is all at once, 1 byte by byte, and so on at
// random up to that many.
#pragma once

#define POSTHASTE_BASE_ROOM
#include "http/trial.h"

#include "base/hash.h"

static inline void reading_show(const struct http_trial *t, struct buf *out)
{
    const struct http_head *h = &t->reader.head;
    buf_fmt(out, "%.*s %.*s 1.%d", ARG(h->method_name), ARG(h->target), h->minor);
    if (!str_is_null(h->host))
        buf_fmt(out, " host=%.*s", ARG(h->host));
    buf_fmt(out, " body=%zu%s%s; ", (size_t)t->body_bytes, h->keep_alive ? " keep" : "",
            h->expect_continue ? " expect" : "");
}

struct reading {
    struct arena arena; // of one request
    struct http_trial trial;
    const struct http_read_options *options;
    bool ended; // by a problem or by a request that closes
};

// Reads what these octets hold, tells how many of them are not needed again.
static inline size_t reading_some(struct reading *r, struct str octets, struct buf *out)
{
    size_t start = 0, taken;
    for (;;) {
        enum http_read got = http_trial_feed(&r->trial, str_from(octets, start), &taken);
        start += taken;
        if (got == HTTP_BAD) {
            buf_fmt(out, "%d %.*s", r->trial.problem.status, ARG(r->trial.problem.text));
            r->ended = true;
        }
        if (got != HTTP_DONE)
            return start;
        reading_show(&r->trial, out);
        r->ended = !r->trial.reader.head.keep_alive;
        if (r->ended)
            return start;
        arena_reset(&r->arena);
        http_trial_begin(&r->trial, &r->arena, r->options);
    }
}

static inline void reading_all(struct str octets, size_t piece_max, uint64_t seed,
        const struct http_read_options *options, struct buf *out)
{
    struct reading r = {.options = options};
    struct prng chance;
    size_t start = 0, end = 0;
    arena_init(&r.arena, 1 * MIB);
    prng_seed(&chance, seed);
    http_trial_begin(&r.trial, &r.arena, options);
    for (bool more = true; more && !r.ended;) {
        size_t piece = piece_max == 0 ? octets.len : 1 + (size_t)prng_below(&chance, piece_max);
        more = end < octets.len;
        end = octets.len - end > piece ? end + piece : octets.len;
        start += reading_some(&r, str_part(octets, start, end - start), out);
    }
    arena_done(&r.arena);
}
