// SPDX-License-Identifier: Apache-2.0
// http/limits.h: the bounds of this room that no setting moves, each with its reason. Those that
// an administrator may move are in struct http_limits (http/server.h).
#pragma once

#include "base/base.h"

// A line must fit the buffer of its connection, because it is judged as a whole. RFC 9112 3 asks
// for request lines of 8000 octets.
#define HTTP_LINE_BYTES_MAX (16 * KIB)
// RFC 9112 2.2 wants at least one empty line skipped before a request; some old clients end a body
// with one too many.
#define HTTP_EMPTY_LINES_MAX 4
#define HTTP_METHOD_BYTES_MAX 32 // the longest registered one has 16; longer: 501, RFC 9112 3
#define HTTP_FIELDS_MAX 100      // browsers send some 20
// RFC 9112 7.1.1 asks for a bound on chunk extensions, since nobody reads them.
#define HTTP_CHUNK_LINE_BYTES_MAX (1 * KIB)
#define HTTP_CHUNK_EXTENSION_BYTES_MAX (16 * KIB) // of a whole body
#define HTTP_CHUNK_SIZE_DIGITS_MAX 16             // all that 64 bits hold; zeros in front count
#define HTTP_TRAILER_BYTES_MAX (8 * KIB)
#define HTTP_TRAILERS_MAX 32
#define HTTP_QUERY_PARAMETERS_MAX 256

// A body must come at this pace, once the grace of http.timeout.body is used up. Slower than any
// line that works, and an end to those who send an octet now and then.
#define HTTP_BODY_BYTES_PER_MS 16
// What is read and dropped of a body that nobody asked for, to keep the connection.
#define HTTP_SKIP_BYTES_MAX (64 * KIB)
// After an answer that closes, what the client still sends is dropped for so long: a reset would
// take the answer away from under its eyes (RFC 9112 9.6).
#define HTTP_LINGER_MS 2000
#define HTTP_LINGER_BYTES_MAX (256 * KIB)
// Beside the head of a request, its arena holds what a handler makes of it.
#define HTTP_HANDLER_BYTES_MAX (256 * KIB)
#define HTTP_ANSWER_HEAD_BYTES_MAX (16 * KIB)
// Of the asking side: answers with 1xx before the one that counts. One is usual (100), a few may be
// (103), more would only keep us waiting.
#define HTTP_INTERIM_MAX 8
