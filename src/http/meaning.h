// SPDX-License-Identifier: Apache-2.0
// http/meaning.h: what header fields mean for the connection itself. Private to http/.
#pragma once

#include "http/read.h"

// HTTP-version = "HTTP" "/" DIGIT "." DIGIT             RFC 9112 2.3; 505: RFC 9110 15.6.6
struct http_problem http_version_parse(struct str text, uint8_t *out_minor) MUST_USE;

// One more field, of a line without its end; of a message, in either direction.
struct http_problem http_head_add(struct http_head *head, struct arena *a, struct str line,
        const struct http_field **out) MUST_USE;
// As each field comes, so that a contradiction is refused at the line that makes it.
struct http_problem http_field_understand(
        struct http_head *head, const struct http_field *field) MUST_USE;
// When all have come.
struct http_problem http_head_understand(struct http_head *head, enum http_host_rule rule) MUST_USE;
