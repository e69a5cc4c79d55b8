// SPDX-License-Identifier: Apache-2.0
// listen/tls_context_state.h: the inside of struct tls_context. Private to the room.
#pragma once

#include "listen/tls_context.h"

struct tls_context {
    const struct tls_settings *settings;
    enum listen_protocol protocol;
    struct str listener;
    SSL_CTX *ssl;
    struct certificates *certificates;
    struct certificate_choice preset; // what `ssl` carries
    struct tickets tickets;
    struct event_log *log;
    const int64_t *clock_ms;
    int64_t made_at_ms;
    int64_t told_order_at_ms, told_none_at_ms; // events that would repeat with each client
};

int64_t tls_context_now_ms(const struct tls_context *t);

// OpenSSL's callbacks; their argument is the context.
int tls_hello(SSL *ssl, int *alert, void *context);
int tls_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
        unsigned in_len, void *context);
