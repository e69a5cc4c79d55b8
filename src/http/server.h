// SPDX-License-Identifier: Apache-2.0
// http/server.h: one HTTP connection, from its first request to its end, and what a handler can do.
//
// A handler gets an exchange: it may look at the head, receive the body, and must answer, once,
// whole (http_answer) or in pieces (http_answer_begin, _piece, _end). It returns OK then. When it
// hands up an error before it has answered, the client hears of it by a status that fits; after
// that, the connection is cut, so that nobody takes half an answer for a whole one.
//
//     static struct err create(struct http_exchange *x)
//     {
//         struct buf text AUTO(buf_done);
//         TRY(http_receive_all(x, &text)); // says "100 Continue" first, where that is waited for
//         ...
//         http_put(x, S("Location"), where);
//         return http_answer(x, 201, S("application/json"), buf_str(&json));
//     }
//
// Everything that suspends here has its own deadline (struct http_limits) besides the caller's.
#pragma once

#include "http/body.h"
#include "http/forwarded.h"
#include "http/read.h"
#include "http/target.h"

#include "events/event.h"
#include "events/metrics.h"
#include "rt/rt.h"

struct http_exchange;
typedef struct err http_handler(struct http_exchange *x);

struct http_route {
    enum http_method method; // HTTP_GET serves HEAD as well
    struct str path;         // whole, or ending in "/*": everything below
    http_handler *handler;
    void *arg;               // the handler finds it in x->arg
    uint64_t body_bytes_max; // 0: that of the server
};

struct http_limits {
    size_t head_bytes_max;                         // http.max-header
    uint64_t body_bytes_max;                       // http.max-body
    int64_t header_ms, body_ms, idle_ms, write_ms; // http.timeout.*
};
#define HTTP_LIMITS_DEFAULT                                                                        \
    ((struct http_limits){.head_bytes_max = 16 * KIB,                                              \
            .body_bytes_max = 1 * MIB,                                                             \
            .header_ms = 10 * SECOND_MS,                                                           \
            .body_ms = 30 * SECOND_MS,                                                             \
            .idle_ms = 60 * SECOND_MS,                                                             \
            .write_ms = 60 * SECOND_MS})

// What all connections of a listener share; it does not change while one of them lives. The client
// of a request is known before the gate is asked.
struct http_server {
    const struct http_route *routes;
    size_t route_count;
    // Called before the routes, for every request; if it has answered, that is all. NULL: none.
    http_handler *gate;
    void *gate_arg;
    // Answers what no route serves, and has the gate's argument. NULL: 404.
    http_handler *missing;
    struct http_limits limits;
    const struct http_field *fields; // http.headers: on every answer, instead of those of that name
    size_t field_count;
    bool hsts; // Strict-Transport-Security on TLS
    bool gzip; // whole answers of text, where the client takes it
    bool cors; // http.permissive-cors: scripts of any site may ask
    struct forwarded_rules forwarded;
};

struct http_connection {
    struct stream *stream;          // the caller closes it
    bool tls;                       // also when a proxy said so
    struct ip client;               // as PROXY headers tell it
    const struct span *span;        // NULL: no events
    struct metrics_column *metrics; // NULL: no counting
};

struct http_outcome {
    uint64_t requests;           // answered ones, refused ones included
    struct http_problem problem; // what ended it, when a request broke the rules
};

// Serves until one side ends. OK: an orderly end (closed between requests, idle for too long,
// drained, or refused with an answer); else what broke it.
struct err http_serve(const struct http_server *server, const struct http_connection *connection,
        struct http_outcome *out) suspends MUST_USE;

enum http_answer_state { HTTP_UNANSWERED, HTTP_IN_PIECES, HTTP_ANSWERED };

struct http_exchange {
    const struct http_server *server;
    const struct http_connection *connection;
    const struct http_head *head;
    struct str path;     // decoded and checked; raw parts are in head->parts
    struct ip client;    // the connection's, or as trusted proxies tell it (http/forwarded.h)
    bool tls;            // between the client and us, or our proxy
    void *arg;           // of the route
    struct arena *arena; // until the handler has returned

    // The rest is private to http/.
    struct http_body body;
    uint64_t received_bytes;
    int64_t body_since_ms;
    bool body_begun, continue_due;
    VEC(struct http_field) fields; // of the answer
    enum http_answer_state state;
    uint16_t status;
    uint64_t answered_bytes;
    bool close;                  // nothing follows on this connection
    bool chunked;                // pieces go out as chunks
    bool fields_lost;            // there was no memory for them
    struct http_problem problem; // of the body
};

// The next piece of the body; empty when there is no more. It lives until the next call on the
// exchange. A body that is malformed, too large or too slow is an error to hand up.
struct err http_receive(struct http_exchange *x, struct str *out_piece) suspends MUST_USE;
// The whole body; `out` is initialised here, bounded by the route's limit.
struct err http_receive_all(struct http_exchange *x, struct buf *out) suspends MUST_USE;

// Fields of the answer, before it begins: http_put replaces those of that name, http_add does not.
// Content-Length, Transfer-Encoding and Connection are the server's own affair. Name and value must
// live as long as the exchange; a null value (no memory to make it) makes the answer fail. Controls
// in a value go out as blanks.
void http_put(struct http_exchange *x, struct str name, struct str value);
void http_add(struct http_exchange *x, struct str name, struct str value);

// An empty type: no Content-Type.
struct err http_answer(struct http_exchange *x, uint16_t status, struct str type,
        struct str content) suspends MUST_USE;
// application/problem+json (RFC 9457) with about:blank, title and status.
struct err http_answer_problem(
        struct http_exchange *x, uint16_t status, struct str detail) suspends MUST_USE;
struct err http_answer_begin(
        struct http_exchange *x, uint16_t status, struct str type) suspends MUST_USE;
struct err http_answer_piece(struct http_exchange *x, struct str content) suspends MUST_USE;
struct err http_answer_flush(struct http_exchange *x) suspends MUST_USE; // sends what is queued
struct err http_answer_end(struct http_exchange *x) suspends MUST_USE;

struct str http_reason(uint16_t status); // "Not Found"

// One entry of http.headers, "Name: value", for whoever reads the configuration; an error is the
// message to put behind the key.
struct err http_setting_field(struct str text, struct http_field *out) MUST_USE;
