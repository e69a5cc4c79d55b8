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

static inline void reading_all(struct str octets, size_t piece_max, uint64_t seed,
        const struct http_read_options *options, struct buf *out)
{
    struct arena a;
    struct http_trial t;
    struct prng chance;
    size_t start = 0, end = 0;
    arena_init(&a, 1 * MIB);
    prng_seed(&chance, seed);
    http_trial_begin(&t, &a, options);
    for (bool more = true; more;) {
        size_t taken;
        size_t piece = piece_max == 0 ? octets.len : 1 + (size_t)prng_below(&chance, piece_max);
        more = end < octets.len;
        end = octets.len - end > piece ? end + piece : octets.len;
        enum http_read got;
        while ((got = http_trial_feed(&t, str_part(octets, start, end - start), &taken)) ==
                HTTP_DONE) {
            bool again = t.reader.head.keep_alive;
            start += taken;
            reading_show(&t, out);
            arena_reset(&a);
            http_trial_begin(&t, &a, options);
            if (!again) {
                arena_done(&a);
                return;
            }
        }
        start += taken;
        if (got == HTTP_BAD) {
            buf_fmt(out, "%d %.*s", t.problem.status, ARG(t.problem.text));
            more = false;
        }
    }
    arena_done(&a);
}
