// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress.h: the way from us to a host (outbound.md 3.3), for connect.c: straight or
// through a SOCKS5 proxy, with a PROXY header before all else, and XCLIENT behind the last EHLO.
//
// Who the client is goes with the connection, so each client has connections of its own.
#pragma once

#include "deliver/remote.h"

// A stream to the address of the approach, within p->how->connect_ms. An error says why there is
// none, and p->is_our_trouble whether that is the host's fault: what goes wrong before a proxy has
// connected never is.
struct err egress_connect(
        struct remote *r, struct approach *p, struct stream **out) suspends MUST_USE;
// The policy of a relay whose strategy requires one. Refused: the host may not be used, which has
// been told.
struct err egress_policy(struct remote *r, struct approach *p, bool *out_refused) suspends MUST_USE;
// GOOD: the host knows what it wants to know, or nothing is to be told.
struct err egress_introduce(struct remote *r, struct approach *p, struct connection *c,
        struct client_answer *why) suspends MUST_USE;
// The handshake, within the strategy's patience; from an earlier session, if there is one under
// which the same was proved (egress_tls.c).
struct err egress_shake_hands(
        struct remote *r, struct approach *p, struct stream *s, SSL_CTX *context) suspends MUST_USE;
// What the certificates came to; and, once the host has spoken behind the handshake, what there is
// to be kept of it.
void egress_note_proof(struct remote *r, struct approach *p, const struct tls_proof *proof);
struct str egress_cipher(struct arena *a, const struct tls_proof *proof); // and "resumed"
void egress_keep_session(struct remote *r, struct approach *p, struct connection *c);

// What a connection to this route says of the client; empty: nothing. Null: no memory.
struct str egress_client(const struct remote *r);
// Is the host on this machine, with nothing between us that could be listened to?
bool egress_is_local(const struct route *route, const struct endpoint *at);
