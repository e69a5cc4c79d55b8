// SPDX-License-Identifier: Apache-2.0
// http/client.h: the asking side of HTTP/1.1: one request and its answer over a stream that the
// caller has connected, and TLS for it. Where to connect, how long it may take (the deadline of a
// scope), and what a status means, the caller knows; redirects are answers like any other.
//
//     within_ms(MINUTE_MS);
//     struct stream *s AUTO(stream_close_auto) = NULL;
//     TRY(net_connect(&to, &(struct connect_options){0}, &s));
//     TRY(http_client_tls(s, a, trust, host));
//     TRY(http_ask(s, a, &(struct http_request){.host = host, .target = path,
//                              .head_bytes_max = 16 * KIB, .body_bytes_max = 64 * KIB}, &reply));
//     if (reply.status != 200) ...
//
// An answer is read as strictly as requests are (http/read.h): one that two clients might take for
// different things is an error. Everything of it lives in the caller's arena.
#pragma once

#include "http/read.h"

struct stream;
struct http_trust;

// --- Certificates --------------------------------------------------------------------------------

// The authorities that are believed: those of the system, or of PEM texts. The first reads files.
// One may serve many connections; it must outlive their handshakes.
struct err http_trust_system(struct http_trust **out) MUST_USE;
struct err http_trust_pem(struct str pem, struct http_trust **out) MUST_USE;
void http_trust_free(struct http_trust *trust); // NULL is fine

// The handshake, with `host` (a name, or an address) as SNI and as the name that the certificate
// must be for: a subjectAltName, never the subject's common name. ERR_REFUSED: the certificate does
// not prove it, and the text says why; any other error: no connection.
struct err http_client_tls(struct stream *s, struct arena *a, const struct http_trust *trust,
        struct str host) suspends MUST_USE;

// --- Asking --------------------------------------------------------------------------------------

struct http_request {
    enum http_method method;         // HTTP_GET is 0
    struct str host;                 // of the Host field, with a port where it is not the usual one
    struct str target;               // "/path?query"
    const struct http_field *fields; // beside Host, User-Agent, Content-Length and Connection
    size_t field_count;
    struct str body;       // null: none
    bool keeps;            // asks for the connection to stay
    size_t head_bytes_max; // of the answer
    uint64_t body_bytes_max;
};

struct http_reply {
    uint16_t status;       // 200 and up: what is only on the way (1xx) is passed over
    struct http_head head; // fields, for http_head_field; where the body ended
    struct str body;
    bool body_is_cut; // it is larger than body_bytes_max; `body` is what came before that was known
    bool keeps;       // the connection may be used for another request
};

// ERR_SYNTAX: what came is no answer of HTTP/1.1, or a field of the request cannot be sent.
struct err http_ask(struct stream *s, struct arena *a, const struct http_request *request,
        struct http_reply *out) suspends MUST_USE;
