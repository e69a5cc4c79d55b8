// SPDX-License-Identifier: Apache-2.0
// listen/settings.h: the listeners as configured: sections 2 to 9, 11 and 12 of listeners.md read,
// cross-checked, and turned into values that a worker can use as they are.
//
// Reading certificates takes a large stack (deep_call in a task) and milliseconds.
//
// Made by the process that loads the configuration, inherited by the workers, never changed. What
// lives in memory of its own (sets of networks, certificates) is freed by listen_settings_done; the
// rest lives in the arena, and slices into the conf: both must outlive it.
#pragma once

#include "base/base.h"
#include "conf/conf.h"
#include "listen/bind.h"
#include "listen/certificates.h"
#include "listen/nets.h"
#include "listen/tls_context.h"

#define LISTENERS_MAX 256 // each has counters in shared memory

enum listen_role { ROLE_NONE, ROLE_MX, ROLE_SUBMISSION, ROLE_RELAY }; // none: http
struct str listen_role_name(enum listen_role role);

enum proxy_mode { PROXY_MODE_OFF, PROXY_MODE_AUTO, PROXY_MODE_OPTIONAL, PROXY_MODE_REQUIRED };
enum limit_action { LIMIT_REPLY, LIMIT_DROP };
enum block_action { BLOCK_DROP, BLOCK_REPLY };
enum bind_failure { BIND_FAILURE_AUTO, BIND_FAILURE_FATAL, BIND_FAILURE_RETRY };

// listeners.md 6. 0 means "not set" wherever a number may be absent.
struct socket_settings {
    bool reuse_addr, reuse_port, nodelay, freebind;
    int backlog;
    int ttl, tos4, tos6;
    int send_buffer_bytes, recv_buffer_bytes;
    int64_t linger_ms, keepalive_ms, user_timeout_ms, defer_accept_ms;
    int v6only;             // < 0: as bind_v6only decides
    struct str bind_device; // null: any
    int mode;               // of a UNIX socket, -1: as umask has it
    struct str user, group; // of a UNIX socket, null: ours
};

struct listen_address {
    struct bind bind;
    bool v6only; // decided, see bind.h
};

struct listener {
    struct str id;
    size_t index; // among the enabled ones
    size_t slot;  // of what is counted for it: the same in all generations
    enum listen_protocol protocol;
    enum listen_role role;
    bool role_is_own; // written, not concluded from the port
    const struct listen_address *addresses;
    size_t address_count;
    struct str host;
    bool host_is_own;           // the listener's own: it wins over session.connect.hostname
    const struct str *greeting; // whole lines without code; the first begins with the host name
    size_t greeting_count;
    bool greeting_is_own; // the listener's own: it wins over session.connect.greeting
    uint64_t connections_max;
    uint64_t connections_per_client_max; // 0: no limit
    struct rate connection_rate;         // count 0: none
    enum proxy_mode proxy_mode;
    struct nets *proxy_nets; // NULL: none
    int64_t proxy_timeout_ms;
    bool proxy_trust_tls;
    struct socket_settings socket;
    struct tls_settings tls;
    struct tls_context *tls_context; // NULL: no TLS here
};

bool listener_has_port(const struct listener *l, uint16_t port);

struct ban_settings {
    struct rate rate;  // count 0: off
    int64_t period_ms; // 0: until lifted
};

// listeners.md 12.4: what too many failed logins to one name do.
enum login_action { LOGIN_LOCK, LOGIN_BAN, LOGIN_OFF };

struct listen_settings {
    const struct listener *listeners;
    size_t listener_count;
    struct str host;
    uint64_t connections_max, connections_reserved;
    enum limit_action limit_action;
    enum block_action block_action;
    enum bind_failure bind_failure;
    struct nets *allowed, *blocked; // allowed: with the networks of all proxies
    struct ban_settings ban_scan, ban_loiter, ban_abuse, ban_auth;
    enum login_action login_action;
    bool ban_abuse_per_recipient; // refusals count for the recipient, too
    uint8_t ban_ipv6_prefix;
    struct certificates *certificates;
    struct certificate *self_signed; // NULL: not needed
};

// What all generations of one server share; its owner is the supervisor.
struct listen_kept {
    uint8_t ticket_secret[TICKET_SECRET_BYTES];
    uint64_t seed;                   // random, of the sets of networks
    uint64_t descriptors_max;        // that a process may have; 0: not known
    struct certificate *self_signed; // made when first needed, and again for new names
    uint64_t settings_made;          // how often
    struct kept_slot {
        struct str id;      // null: free
        uint64_t wanted_at; // settings_made then
    } * slots;              // LISTENERS_MAX of them, made when first needed
};
void listen_kept_done(struct listen_kept *kept);
// The slot of a listener, by its id. When all are taken, the one that was wanted longest ago goes.
struct err listen_kept_slot(struct listen_kept *kept, struct str id, size_t *out) MUST_USE;

struct listen_inputs {
    const struct conf *conf;
    struct listen_kept *kept;
    const struct certificates *certificates_before; // of the generation in service, or NULL
    int64_t wall_now_ms;
    bool addresses_only;     // what sockets need: no lists, certificates or TLS contexts
    const int64_t *clock_ms; // tests: see tls_context_options
};

// Adds what is wrong to the findings and goes on; the error is for lack of memory only. With errors
// among the findings the result is only good for listen_settings_done.
struct err listen_settings_make(struct arena *a, const struct listen_inputs *in, struct findings *f,
        struct listen_settings *out) MUST_USE;
void listen_settings_done(struct listen_settings *s);
