// SPDX-License-Identifier: Apache-2.0
// tests/unit/listen/tls_world.h: keys, certificates and a listener's TLS contexts made for a test, and
// OpenSSL as a client at the other end of a connection in memory, under a clock of the test's own.
#pragma once

#include "../base/check.h"

#include "listen/tls_context.h"
#include "made.h"

#include <openssl/err.h>

struct world {
    struct arena arena;
    EVP_PKEY *ec, *rsa, *authority_key, *client_key, *stranger_key;
    X509 *authority, *client, *stranger;
    struct certificates *all, *none;
    struct str authority_pem;
    int64_t clock_ms;
    uint8_t secret[TICKET_SECRET_BYTES];
};

int world_begin(void **state); // fixtures of cmocka's groups
int world_end(void **state);
// Rows of an id, which names an RSA key or gets an elliptic one, and the names it is for.
struct certificates *world_table(struct world *w, const char *const (*rows)[2], size_t count);
struct tls_settings world_settings(struct world *w, struct tls_words words);
struct tls_context *world_context(struct world *w, const struct tls_settings *settings,
        enum listen_protocol protocol, const char *id);

struct pair {
    SSL *client, *server;
    int alert; // that the client received, 0: none
    bool done;
};

void pair_begin(struct pair *p, SSL_CTX *client, SSL_CTX *server);
void pair_run(struct pair *p); // the handshake, however it ends
void pair_end(struct pair *p);

SSL_CTX *client_context(void);
void set_sni(SSL *ssl, const char *name);
int set_groups(SSL_CTX *ctx, const char *list);
int set_sigalgs(SSL_CTX *ctx, const char *list);
