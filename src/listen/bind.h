// SPDX-License-Identifier: Apache-2.0
// listen/bind.h: where a listener listens: what an element of `bind` means (listeners.md 3.1), the
// default ports (3.2), which two of them clash (3.3) and who takes IPv4 on `[::]` (3.4).
// All of it is decided on values; no socket is touched here.
#pragma once

#include "base/base.h"
#include "base/ip.h"

enum listen_protocol {
    LISTEN_SMTP,
    LISTEN_LMTP,
    LISTEN_HTTP,
    LISTEN_IMAP,
    LISTEN_POP3,
    LISTEN_MANAGESIEVE,
};

struct str listen_protocol_name(enum listen_protocol protocol);
uint16_t listen_default_port(enum listen_protocol protocol, bool tls_implicit);

enum bind_form {
    BIND_IP,
    BIND_UNIX,    // at.unix_path, '@' first for an abstract name
    BIND_SYSTEMD, // a socket that the service manager passes under this name
};

struct bind {
    enum bind_form form;
    struct endpoint at; // scope is not resolved: that takes the system, see zone
    struct str zone;    // "eth0" of [fe80::1%eth0]:25, or null
    struct str name;    // of BIND_SYSTEMD
    bool port_by_default;
};

// What to tell the administrator beside the result; null when there is nothing.
struct bind_advice {
    struct str warning; // it means something, but perhaps not what was meant
    struct str hint;    // a sentence behind an error
};

// Reads one element. Texts live in the arena. An error is ERR_SYNTAX with the message that goes
// behind the key.
struct err bind_parse(struct arena *a, struct str text, uint16_t default_port, struct bind *out,
        struct bind_advice *out_advice) MUST_USE;

bool bind_is_wildcard4(const struct bind *b); // 0.0.0.0
bool bind_is_wildcard6(const struct bind *b); // [::]

enum bind_relation {
    BIND_APART,
    BIND_SAME,    // one of them is too much
    BIND_COVERED, // an address beside a wildcard on its port: legal, the address wins
};
enum bind_relation bind_relate(const struct bind *a, const struct bind *b);

// IPV6_V6ONLY of a socket for `b`. `forced` is socket.v6only: < 0 not set, else 0 or 1;
// `wildcard4_on_port`: some enabled listener binds 0.0.0.0 on the same port.
bool bind_v6only(const struct bind *b, int forced, bool wildcard4_on_port);

// "[::]:25", "[fe80::1%eth0]:25", "unix:/run/x", "systemd:smtp"
struct str bind_text(struct arena *a, const struct bind *b);
