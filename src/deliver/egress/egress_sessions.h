// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_sessions.h: TLS sessions with hosts that may be resumed, so that a
// connection need not pay for a whole handshake (queue.tls.<id>.session-cache; RFC 8446 2.2, RFC
// 5077). A worker's, within bounds, the longest unused ones given up first.
//
// A session belongs to a key, which holds the host, its port, and all that decided what its
// certificate had to prove (the plan's identity: strategy, SNI, level, names, TLSA records,
// policy). It is kept only if the proof was given, so a session of a lower level never serves a
// higher one. The certificates stay with it, and are proved again each time it is used; those of
// which one has expired since are not offered, and none is older than the handshake that showed
// them and SESSION_AGE_MAX_MS.
#pragma once

#include "base/list.h"
#include "deliver/security/tls.h"

#define SESSIONS_MAX 500
#define SESSION_CHAIN_BYTES_MAX (16 * KIB) // of the certificates; others are not kept
#define SESSION_AGE_MAX_MS (6 * HOUR_MS)

struct tls_sessions {
    struct list all; // the latest first
    size_t count;
};

void tls_sessions_init(struct tls_sessions *sessions);
void tls_sessions_done(struct tls_sessions *sessions);
struct str tls_sessions_key(
        struct arena *a, const struct tls_plan *plan, struct str host, uint16_t port);
// To be freed by SSL_SESSION_free; NULL: there is none, or none that is good any more.
SSL_SESSION *tls_sessions_find(struct tls_sessions *sessions, struct str key, int64_t now_ms);
// What the handshake has left, once its certificates have given the proof that the key asks for.
// With TLS 1.3 the server's tickets come behind the handshake: call it when the server has spoken.
void tls_sessions_keep(struct tls_sessions *sessions, struct str key, SSL *ssl, int64_t now_ms);
void tls_sessions_forget(struct tls_sessions *sessions, struct str key);
