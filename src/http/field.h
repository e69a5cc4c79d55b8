// SPDX-License-Identifier: Apache-2.0
// http/field.h: what requests, chunked bodies and trailers have in common: lines, tokens, field
// lines, comma lists, and the way to say what is wrong with them.
//
// Nothing here waits. All readers of this room are fed with the bytes that have come so far and
// answer HTTP_MORE while these do not decide; what they answer in the end never depends on where
// the bytes were cut, because each octet is judged by itself and each line as a whole.
#pragma once

#include "base/base.h"

// What is wrong with a request: the status that tells its sender, and a text for the person.
// Status 0: nothing.
struct http_problem {
    uint16_t status;
    struct str text;
};

#define HTTP_FINE ((struct http_problem){0})
#define http_problem(code, literal) ((struct http_problem){.status = (code), .text = S(literal)})
static inline bool http_is_fine(struct http_problem p)
{
    return p.status == 0;
}
// Hands a problem up unchanged.
#define TRY_HTTP(call)                                                                             \
    do {                                                                                           \
        struct http_problem try_problem_ = (call);                                                 \
        if (!http_is_fine(try_problem_))                                                           \
            return try_problem_;                                                                   \
    } while (0)

enum http_read {
    HTTP_MORE, // the bytes so far do not decide
    HTTP_DATA, // a piece of a body
    HTTP_DONE,
    HTTP_BAD,
};

bool http_is_token_byte(uint8_t c); // RFC 9110 5.6.2
bool http_is_token(struct str s);

// A line on its way. Zero it before its first octet.
struct http_line {
    size_t looked;   // octets already judged
    struct str text; // when whole: without its end
    size_t bytes;    // when whole: with its end
    struct http_problem problem;
};
// RFC 9112 2.2: the end is CRLF; a CR or LF alone is refused, and so are NUL and the other
// controls but HTAB (RFC 9110 5.5), wherever they stand. `buffered` begins with the line and only
// grows. A line that is not whole within bytes_max octets is `too_long`.
enum http_read http_line_read(struct http_line *line, struct str buffered, size_t bytes_max,
        struct http_problem too_long);

struct http_field {
    struct str name, value;
};
// field-line = field-name ":" OWS field-value OWS       RFC 9112 5
struct http_problem http_field_parse(struct str line, struct http_field *out) MUST_USE;

// Takes the next element off a comma list, RFC 9110 5.6.1: empty ones are skipped, blanks trimmed.
// Not for lists whose elements hold quoted strings.
bool http_list_next(struct str *rest, struct str *out_element);
