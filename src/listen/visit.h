// SPDX-License-Identifier: Apache-2.0
// listen/visit.h: a connection from accept to its last byte as the listeners see it: who it is
// from, whether it may come in, its TLS, what is held against it (listeners.md 1, 4, 7, 8.4, 11,
// 12).
//
// A worker makes one listen_process and for each accepted stream calls, in the stream's own task:
//
//     struct visit v;
//     if (listen_admit(process, listener, stream, &v))
//         ...speak the protocol; listen_first_bytes, listen_handshake, listen_offence on the way...
//     listen_leave(&v);
//     stream_close(stream);
//
// Every decision tells its event and counts its metric here. All checks, logs and variables after
// the admission look at `client`, which a trusted proxy may have named.
#pragma once

#include "events/event.h"
#include "events/metrics.h"
#include "listen/proxy.h"
#include "listen/settings.h"
#include "listen/shared.h"
#include "rt/stream.h"

struct listen_process;

struct listen_process_options {
    const struct listen_settings *settings;
    const struct conf *conf; // that they were made of; NULL: certificates are not looked after
    struct listen_shared *shared;
    size_t column;
    bool is_first;                  // does what one process of the server should do alone
    struct event_log *log;          // may be NULL
    struct metrics_column *metrics; // may be NULL
};
struct listen_process *listen_process_new(const struct listen_process_options *options);
void listen_process_free(struct listen_process *p); // NULL is fine
// A task beside those of the connections, until it is cancelled: certificates that change, entries
// and bans that end.
struct err listen_tend(void *process) suspends MUST_USE;

// What a PROXY header told besides addresses; texts of its own, cut at 255 bytes.
struct proxied {
    struct endpoint destination;
    struct str tls_version, tls_cipher; // of the proxy's leg to the client; empty without TLS
    struct str sni, unique_id;
    char texts[1024];
};

struct visit {
    struct listen_process *process;
    const struct listener *listener;
    struct stream *stream;
    struct endpoint peer, local; // of the socket
    struct endpoint client;      // of a Unix socket: 127.0.0.1
    bool is_allowed;             // never refused by lists, never banned, not limited by address
    bool by_trusted_proxy;       // the peer may send a header, and has had its chance
    struct proxied *proxied;     // NULL: no header named the client
    bool tls_on;                 // of this connection
    bool tls_by_proxy;           // the proxy's leg to the client is in TLS, and is believed
    bool logged_in;              // set by the protocol: scans count before authentication only
    bool is_banned;              // by this visit itself
    // What is held until the end.
    bool holds_slots;
    uint32_t client_slot;
};

// Steps 2 to 9 of listeners.md 1, within their deadlines. False: the connection was refused, told
// so where that is wanted, and is to be closed; or it has gone. listen_leave in either case.
bool listen_admit(struct listen_process *p, const struct listener *l, struct stream *s,
        struct visit *out) suspends;
// The word for one who cannot even be accepted, for want of descriptors; empty where there is none.
struct str listen_shed_word(const struct listener *l, struct arena *a);
// Gives everything back; lingers as socket.linger says.
void listen_leave(struct visit *v) suspends;

// The whole handshake within tls.timeout, with its event, metrics, and what a time-out counts. Does
// not suit a listener without a TLS context.
struct err listen_handshake(struct visit *v, struct arena *a) suspends MUST_USE;
bool listen_offers_tls(const struct visit *v); // now: STARTTLS may be offered

// What the first bytes of a client tell that speaks something else (listeners.md 4, 11.5). Waits
// for as many as that takes, and consumes none. Each of them but FIRST_PLAIN has been told and
// counted as a scan; the connection is to be closed without a reply.
enum first_bytes { FIRST_PLAIN, FIRST_TLS, FIRST_PROXY };
struct err listen_first_bytes(struct visit *v, enum first_bytes *out) suspends MUST_USE;

// What expressions may know of the connection (configuration.md 9.6); false: it is of no
// connection's, or not known. Protocols that learn another client ask themselves first.
struct expr_value;
bool visit_variable(const struct visit *v, struct arena *scratch, enum expr_variable id,
        struct expr_value *out);
// TLS of our own, else that which a believed proxy in front speaks; empty texts without.
struct tls_facts visit_tls_facts(const struct visit *v);

// --- Bans (listeners.md 12.4) --------------------------------------------------------------------

enum offence { OFFENCE_AUTH, OFFENCE_ABUSE, OFFENCE_LOITER, OFFENCE_SCAN };
// Counts one against the client; `about` is the login, recipient or path, or null. True: that was
// one too many, the client is banned from now on, and this connection should end.
bool listen_offence(struct visit *v, enum offence what, struct str about);
void listen_ban_now(struct visit *v, enum offence what, struct str about); // without counting
// Banned meanwhile, perhaps by another process; to be asked before each command of a client that
// has not logged in.
bool listen_is_banned(const struct visit *v);
// A protocol's own words name the client (XCLIENT): lists, bans and offences are his from now on.
// False: he may not come in, which has been told.
bool listen_client_is(struct visit *v, const struct endpoint *client);
// May the client of a later request come in, who is another one than the visit's (HTTP behind a
// proxy)? Tells the event when not.
bool listen_lets_in(const struct visit *v, const struct ip *client);

// --- Logins (listeners.md 12.4) ------------------------------------------------------------------

// Before a password is looked at: may this name be tried from this client's address now? False: too
// many have failed, and nobody has logged in to it from there lately; answer as after a wrong
// password. `login` is the name in the form in which accounts are told apart.
bool listen_login_may_try(const struct visit *v, struct str login);
// A login has failed: counted against the client as OFFENCE_AUTH, and against the name. True: the
// client is banned from now on, and this connection should end.
bool listen_login_failed(struct visit *v, struct str login);
void listen_login_succeeded(const struct visit *v, struct str login); // remembered for 30 days

// For whoever administers: all bans that are in force, and lifting one. Lifting resets what is
// counted against the address. Both work in any process that has the shared memory.
bool listen_bans_next(struct listen_shared *s, size_t *at, int64_t wall_now_ms, struct ban *out);
bool listen_unban(struct listen_shared *s, const struct ip_net *net);

// What listen_tend does every minute in the first process: what has ended goes, with its event.
void listen_sweep(struct listen_process *p);
