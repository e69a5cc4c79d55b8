// SPDX-License-Identifier: Apache-2.0
// listen/tls_context.h: TLS of one listener: what it offers, which certificate a client gets, and
// tickets that every worker of every generation of this server can read (listeners.md 8.4, 9.4,
// 9.6). rt/tls.h does the handshake with the SSL_CTX of it.
//
// It is made where the configuration is loaded, so that what OpenSSL refuses is an error of the
// configuration, and inherited by the workers; each then sets its log. A connection that has begun
// its handshake keeps the SSL_CTX that it began with: OpenSSL counts them.
#pragma once

#include "base/base.h"
#include "listen/bind.h"
#include "listen/certificates.h"
#include "listen/tickets.h"
#include "listen/tls_settings.h"

#include <openssl/ssl.h>

struct event_log;
struct tls_context;

enum client_auth { CLIENT_AUTH_OFF, CLIENT_AUTH_REQUEST, CLIENT_AUTH_REQUIRE };

struct tls_settings {
    bool enable, implicit, require;
    bool ignore_client_order, session_tickets;
    int64_t timeout_ms;
    struct tls_offer offer;
    enum client_auth client_auth;
    struct str client_ca; // PEM
    struct certificate_rules rules;
};

struct tls_context_options {
    struct str listener; // its id
    enum listen_protocol protocol;
    const struct tls_settings *settings; // must live as long as the context
    struct certificates *certificates;   // the context takes a reference
    const uint8_t *ticket_secret;        // TICKET_SECRET_BYTES, the same in all processes
    int64_t wall_now_ms;
    const int64_t *clock_ms; // tests: the wall clock to go by; NULL: rt's
};

struct err tls_context_make(struct arena *a, const struct tls_context_options *options,
        struct tls_context **out) MUST_USE;
void tls_context_free(struct tls_context *t); // NULL is fine; after the last handshake

SSL_CTX *tls_context_ssl(const struct tls_context *t); // for stream_tls, now: it may be renewed
// There is a certificate. Otherwise STARTTLS is not offered, and a handshake ends in an alert.
bool tls_context_is_ready(const struct tls_context *t);
// Hot reload: handshakes from now on use these certificates. On an error all stays as it was.
struct err tls_context_renew(
        struct tls_context *t, struct arena *a, struct certificates *certificates) MUST_USE;
void tls_context_log(struct tls_context *t, struct event_log *log);

// What a handshake agreed on; slices live as long as the SSL.
struct tls_facts {
    struct str version, cipher, group, sni, alpn; // empty: none
    uint32_t cipher_bits;
    bool resumed;
    bool client_verified; // a client certificate was given and is good
};
void tls_facts_of(SSL *ssl, struct tls_facts *out);
// Subject (RFC 4514) and SHA-256 of a verified client certificate; null without one.
struct str tls_client_subject(struct arena *a, SSL *ssl);
struct str tls_client_fingerprint(struct arena *a, SSL *ssl);

// What a login may be bound to (smtp/sasl.h): octets that are of this connection alone (RFC 9266),
// or of our certificate (RFC 5929 4). Null when this connection has none of that kind.
enum tls_binding { TLS_BINDING_EXPORTER, TLS_BINDING_SERVER_END_POINT };
struct str tls_binding(struct arena *a, SSL *ssl, enum tls_binding kind);
// Who a verified client certificate says that the client is: its addresses, else its common name.
#define TLS_NAMES_MAX 16
struct tls_names {
    const struct str *at;
    size_t count; // 0: no certificate, or none that is good
};
struct tls_names tls_client_names(struct arena *a, SSL *ssl);
