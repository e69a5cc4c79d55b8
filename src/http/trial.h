// SPDX-License-Identifier: Apache-2.0
// http/trial.h: whole requests, head and body, read by the very readers that the server uses but
// without a connection: for `posthaste test http`, the unit tests and fuzzing.
//
//     struct http_trial t;
//     http_trial_begin(&t, &arena, &options);
//     enum http_read got = http_trial_feed(&t, bytes, &taken);
//     // HTTP_DONE: t.reader.head and t.body_bytes; begin again for the next request.
//     // HTTP_BAD: t.problem. HTTP_MORE: as in http/read.h
#pragma once

#include "http/body.h"

struct http_trial {
    struct http_reader reader;
    struct http_body body;
    bool in_body;
    uint64_t body_bytes;
    struct http_problem problem;
};

void http_trial_begin(
        struct http_trial *t, struct arena *a, const struct http_read_options *options);
enum http_read http_trial_feed(struct http_trial *t, struct str buffered, size_t *out_taken);
