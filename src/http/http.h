// SPDX-License-Identifier: Apache-2.0
// http/http.h: a strict HTTP/1.1 and 1.0 server (RFC 9110, RFC 9112).
//
// One connection is one task and one function, http_serve (http/server.h): it reads requests one
// after the other and calls the handler that the caller's table of routes names. Below it are
// readers that know nothing of connections: of heads (http/read.h), bodies (http/body.h) and
// targets (http/target.h). They are fed with bytes and never wait, so tests, fuzzing and
// `posthaste test http` (http/trial.h) use the very same ones.
//
// Whose it is: everything about one request lives in its arena, `x->arena`, until its handler has
// returned; routes and settings belong to the caller and outlive the connection. Time comes from
// rt/, bytes from a stream: a server runs in the simulator as it runs outside.
//
//     static struct err hello(struct http_exchange *x)
//     {
//         return http_answer(x, 200, S("text/plain"), S("hello\n"));
//     }
//     static const struct http_route routes[] = {
//             {.method = HTTP_GET, .path = S_INIT("/hello"), .handler = hello}};
//     struct http_server server = {
//             .routes = routes, .route_count = 1, .limits = HTTP_LIMITS_DEFAULT};
//     struct http_connection connection = {.stream = stream, .client = peer};
//     struct http_outcome outcome;
//     struct err e = http_serve(&server, &connection, &outcome); // suspends
//     stream_close(stream);
#pragma once

#include "http/body.h"
#include "http/read.h"
#include "http/server.h"
#include "http/target.h"
