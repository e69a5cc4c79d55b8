// SPDX-License-Identifier: Apache-2.0
// rt/net.h: making and accepting connections.
#pragma once

#include "base/base.h"
#include "base/ip.h"

struct acceptor;
struct stream;

// listeners.md 6, those of the listening socket. 0 and null mean "leave it as the system has it".
struct listen_options {
    int backlog; // 0: 1024
    bool no_reuse_addr, reuse_port, v6only, freebind;
    int ttl, tos4, tos6;
    int send_buffer_bytes, recv_buffer_bytes;
    int64_t defer_accept_ms;
    struct str bind_device;
    int mode;               // permissions of a Unix socket
    struct str user, group; // its owner, names or numbers
};

// What the administrator should know about a socket that works; texts in the arena.
#define NET_NOTES_MAX 4
struct net_notes {
    struct str text[NET_NOTES_MAX];
    size_t count;
};

// Those of a connection, accepted or made.
struct stream_options {
    int ttl, tos4, tos6;
    bool nodelay;
    int64_t keepalive_ms, user_timeout_ms;
};

struct connect_options {
    struct ip from;                      // IP_NONE: the system chooses
    bool freebind;                       // from an address that this machine has not (yet)
    struct str bind_device;              // null: as the routes say
    uint32_t fwmark;                     // 0: none
    int mss;                             // 0: as the system has it
    const struct stream_options *stream; // NULL: as the system has them
    bool leaves_reserve;                 // does not take the last tenth of the descriptors
};

struct err net_listen(const struct endpoint *at, const struct listen_options *options,
        struct acceptor **out) MUST_USE;
// The same in two steps, as a bare descriptor for other processes to inherit: options and bind now,
// so that clients are refused rather than left hanging, and listening later. Errors name address or
// option: ERR_EXISTS when the address is in use, ERR_UNREACHABLE when this machine has it not
// (yet), ERR_REFUSED for a lack of rights. `[::]` on a machine without IPv6 becomes 0.0.0.0, with a
// note. The file of a Unix socket that nobody listens on any more is replaced.
struct err net_open(struct arena *a, const struct endpoint *at,
        const struct listen_options *options, struct net_notes *notes, int *out_fd) MUST_USE;
struct err net_activate(int fd, int backlog) MUST_USE;
// Both steps at once.
struct err net_bind(struct arena *a, const struct endpoint *at,
        const struct listen_options *options, int *out_fd) MUST_USE;
// A listening socket made elsewhere (by the supervisor); the acceptor closes it.
struct err acceptor_adopt(int fd, struct acceptor **out) MUST_USE;
// Errors say what accept(2) said: ERR_LIMIT for a lack of descriptors or memory, ERR_RESET for a
// connection that was gone already.
struct err net_accept(struct acceptor *a, struct stream **out) suspends MUST_USE;
const struct endpoint *acceptor_local(const struct acceptor *a);
// Stops listening: tasks that wait in net_accept get ERR_CLOSED. Freed when they have left.
void acceptor_close(struct acceptor *a);
void acceptor_free(struct acceptor *a); // NULL is fine

// Options of an accepted connection. An error's text names the option and the reason; the others
// are set all the same. Without a socket (in the simulator) there is nothing to set.
struct err stream_set_options(
        struct stream *s, struct arena *a, const struct stream_options *options) MUST_USE;
// Who is at the other end of a Unix socket; false: it is none.
struct peer_credentials {
    int pid;
    unsigned uid, gid;
};
bool stream_credentials(const struct stream *s, struct peer_credentials *out);
// When descriptors have run out: a spare one is let go, one connection accepted, told `text`, and
// closed. False: not even that.
bool acceptor_shed(struct acceptor *a, struct str text);
// Index of a network interface by name, for the zone of a link-local address; 0: there is none.
uint32_t net_zone_index(struct str name);

// The addresses of this machine's interfaces, in the simulator those of the node. No duplicates.
struct err net_own_ips(struct arena *a, const struct ip **out, size_t *out_count) MUST_USE;

// Errors that are not the other end's: ERR_NOT_FOUND, this machine has not got the address `from`;
// ERR_UNSUPPORTED, it has no way to such addresses; ERR_LIMIT, no descriptor or port is left;
// ERR_CONFIG, one of the options cannot be set, and mail must not take another way than it says.
struct err net_connect(const struct endpoint *to, const struct connect_options *options,
        struct stream **out) suspends MUST_USE;
