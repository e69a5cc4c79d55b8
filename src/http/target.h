// SPDX-License-Identifier: Apache-2.0
// http/target.h: what a path and a query mean: percent-decoded once, and checked. The parts come
// from struct http_target, or from a form in a body.
#pragma once

#include "http/field.h"

// "%" HEXDIG HEXDIG becomes its octet; with HTTP_PLUS_IS_BLANK also "+" a blank. Fails with 400
// for a % without two digits and for a decoded NUL.
enum http_plus { HTTP_PLUS_IS_PLUS, HTTP_PLUS_IS_BLANK };
struct http_problem http_percent_decode(
        struct arena *a, struct str text, enum http_plus plus, struct str *out) MUST_USE;

// A whole path: UTF-8, and no segment ".." however it is written. An element that may hold an
// encoded "/" is taken from the raw path with http_path_next instead.
struct http_problem http_path_decode(struct arena *a, struct str raw, struct str *out) MUST_USE;
// Takes the next segment off a raw path that begins with "/": false at its end. Decode it then.
bool http_path_next(struct str *rest, struct str *out_segment);

struct http_parameter {
    struct str name, value; // a parameter without "=" has an empty value
};
struct http_query {
    VEC(struct http_parameter) parameters; // the first of each name, in order
};
// application/x-www-form-urlencoded. A null or empty text has no parameters.
struct http_problem http_query_parse(
        struct arena *a, struct str text, struct http_query *out) MUST_USE;
struct str http_query_get(const struct http_query *q, struct str name); // null when absent
