// SPDX-License-Identifier: Apache-2.0
// rt/tls.h: TLS on a stream that is open already. OpenSSL never sees a descriptor: it reads and
// writes through a BIO on the stream's transport, so TLS works the same in the simulator. The
// calls into OpenSSL run on the worker's large stack (deep_call).
#pragma once

#include "base/base.h"

#include "rt/stream.h"

#include <openssl/ssl.h>

enum tls_side { TLS_SERVER, TLS_CLIENT };

// Does the whole handshake within the deadline of the caller's scope. What was read from the
// stream and not consumed belongs to the handshake (a ClientHello behind a PROXY header); a caller
// that must not allow this (STARTTLS) looks at stream_buffered first. On failure the stream can
// only be closed; the text says what went wrong.
struct err stream_tls(struct stream *s, SSL_CTX *context, enum tls_side side,
        struct str server_name, struct arena *a) suspends MUST_USE;
// A client's handshake that may go on from an earlier session with the same server. If the server
// does not remember it, the handshake is a whole one: SSL_session_reused says which it was.
struct err stream_tls_resume(struct stream *s, SSL_CTX *context, SSL_SESSION *session,
        struct str server_name, struct arena *a) suspends MUST_USE;
SSL *stream_ssl(const struct stream *s); // NULL without TLS
