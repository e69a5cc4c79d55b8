// SPDX-License-Identifier: Apache-2.0
// http/uri.h: the grammar of a request target and of an authority, RFC 9112 3.2 on RFC 3986.
// Private to http/. What they mean, decoded, is for http/target.h.
#pragma once

#include "http/field.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_TRACE,
    HTTP_CONNECT,
    HTTP_OTHER, // a token that is none of these
};

enum http_form { HTTP_ORIGIN, HTTP_ABSOLUTE, HTTP_AUTHORITY, HTTP_ASTERISK };

struct http_target {
    enum http_form form;
    struct str authority; // of an absolute or authority form; else null
    struct str path;      // as written, "/" when empty; "*" of an asterisk form
    struct str query;     // as written, without the mark; null when there is no mark
};

struct http_problem http_target_split(
        enum http_method method, struct str target, struct http_target *out) MUST_USE;

enum http_port { HTTP_PORT_OPTIONAL, HTTP_PORT_REQUIRED };
// uri-host [ ":" port ]                                 RFC 9110 7.2; an empty host is one.
bool http_authority_split(
        struct str text, enum http_port port, struct str *out_host, struct str *out_port);
