// SPDX-License-Identifier: Apache-2.0
// http/client_read.h: reading the head of an answer, fed as http/read.h is. Private to http/ and to
// its tests.
#pragma once

#include "http/read.h"

struct http_reply_reader {
    uint16_t status;
    struct http_head head; // fields, minor, framing, body_bytes, keep_alive
    struct http_problem problem;
    struct arena *arena;
    enum http_method method; // of the request: HEAD has no body
    size_t head_bytes_max, head_bytes;
    struct http_line line;
    unsigned interim_count; // answers with 1xx before it
};

void http_reply_reader_begin(struct http_reply_reader *r, struct arena *a, enum http_method method,
        size_t head_bytes_max);
enum http_read http_reply_reader_feed(
        struct http_reply_reader *r, struct str buffered, size_t *out_taken);
