// SPDX-License-Identifier: Apache-2.0
// http/body.h: the body of a request or an answer, by length or in chunks (an answer's may also end
// with its connection), as a decoder that is fed: each call takes what it can from the bytes that
// have come and gives at most one piece of content.
//
//     struct http_body b;
//     http_body_begin(&b, &head, bytes_max);
//     enum http_read got = http_body_feed(&b, buffered, &taken, &data);
//     // HTTP_DATA: use `data` (it lies in `buffered`), drop `taken`, call again with what is left;
//     // HTTP_MORE: drop `taken`, wait for bytes; HTTP_DONE; HTTP_BAD: b.problem
#pragma once

#include "http/read.h"

enum http_body_at {
    HTTP_AT_CONTENT,    // of known length
    HTTP_AT_CHUNK_SIZE, // its line
    HTTP_AT_CHUNK,      // its content
    HTTP_AT_CHUNK_END,  // the CRLF behind it
    HTTP_AT_TRAILERS,
    HTTP_AT_REST, // all that comes until the connection ends
    HTTP_AT_END,
};

struct http_body {
    enum http_body_at at;
    uint64_t left;          // of the content or the chunk
    uint64_t content_bytes; // given out or announced so far
    uint64_t bytes_max;
    size_t extension_bytes, trailer_bytes, trailer_count;
    struct http_line line;
    struct http_problem problem; // may be there from the beginning: a length beyond bytes_max
};

void http_body_begin(struct http_body *b, const struct http_head *head, uint64_t bytes_max);
enum http_read http_body_feed(
        struct http_body *b, struct str buffered, size_t *out_taken, struct str *out_data);
// The connection has ended in an orderly way: is that the end of the body?
bool http_body_close(struct http_body *b);
static inline bool http_body_is_done(const struct http_body *b)
{
    return b->at == HTTP_AT_END && http_is_fine(b->problem);
}
