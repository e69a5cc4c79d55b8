// SPDX-License-Identifier: Apache-2.0
// http/read.h: reading the head of a request, strictly by RFC 9112 and RFC 9110: whatever two
// servers might read differently is refused.
//
// The reader takes whole lines and copies them into the arena, so that the caller may give the
// bytes back at once:
//
//     struct http_reader r;
//     http_reader_begin(&r, &arena, &options);
//     for (;;) {
//         size_t taken;
//         enum http_read got = http_reader_feed(&r, buffered, &taken);
//         ...drop `taken` bytes from the front of `buffered`...
//         if (got != HTTP_MORE)
//             break; // HTTP_DONE: r.head; HTTP_BAD: r.problem
//         ...append to `buffered`...
//     }
#pragma once

#include "http/field.h"
#include "http/uri.h"

enum http_framing {
    HTTP_BODY_NONE,
    HTTP_BODY_LENGTH,
    HTTP_BODY_CHUNKED,
    HTTP_BODY_TO_CLOSE, // of answers only, RFC 9112 6.3
};

struct http_head {
    enum http_method method;
    struct str method_name;
    struct str target; // as it came
    struct http_target parts;
    struct str host; // name or address and port: of the target, else of the Host field; may be null
    uint8_t minor;   // HTTP/1.minor, 0 or 1
    VEC(struct http_field) fields; // in order, as they came
    enum http_framing framing;
    uint64_t body_bytes;              // with HTTP_BODY_LENGTH
    bool keep_alive;                  // may another request follow?
    bool expect_continue;             // RFC 9110 10.1.1: sends the body when told to go on
    bool says_close, says_keep_alive; // the Connection field, for keep_alive
};

enum http_host_rule { HTTP_HOST_REQUIRED, HTTP_HOST_OPTIONAL };

struct http_read_options {
    size_t head_bytes_max;    // request line, fields and all line ends
    enum http_host_rule host; // what RFC 9112 3.2 asks of HTTP/1.1, or indulgence for `test http`
};

struct http_reader {
    struct http_head head;
    struct http_problem problem;
    struct arena *arena;
    struct http_read_options options;
    struct http_line line;
    size_t head_bytes;
    unsigned empty_lines;
};

void http_reader_begin(
        struct http_reader *r, struct arena *a, const struct http_read_options *options);
// `out_taken`: bytes at the front of `buffered` that are not needed again. Not to be called again
// after HTTP_DONE or HTTP_BAD.
enum http_read http_reader_feed(struct http_reader *r, struct str buffered, size_t *out_taken);
// Has any octet of a request come, empty lines in front of it not counted?
bool http_reader_has_begun(const struct http_reader *r);

// The value of the first field of that name; null when there is none.
struct str http_head_field(const struct http_head *head, struct str name);
size_t http_head_count(const struct http_head *head, struct str name);
enum http_method http_method_of(struct str name);
struct str http_method_name(enum http_method method); // empty for HTTP_OTHER
