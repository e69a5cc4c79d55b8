// SPDX-License-Identifier: Apache-2.0
// http/exchange.h: what the parts of the server share. Private to http/.
#pragma once

#include "http/server.h"

// Sending, under http.timeout.write.
struct err http_send(struct http_exchange *x, struct str bytes) suspends MUST_USE;
struct err http_send_queued(const struct http_server *server, struct stream *s) suspends MUST_USE;

// Will the connection be needed for another request? Decided once, when the answer begins.
bool http_will_close(const struct http_exchange *x);
// Drops what the handler did not receive.
struct err http_skip_body(struct http_exchange *x) suspends MUST_USE;

// The route of a path and method, or NULL; *out_known tells whether the path has any.
const struct http_route *http_route_find(const struct http_server *server, struct str path,
        enum http_method method, bool *out_known);
// "GET, HEAD, OPTIONS": what the routes of this path serve. Null without memory.
struct str http_route_methods(
        const struct http_server *server, struct str path, struct arena *a) MUST_USE;
