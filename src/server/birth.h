// SPDX-License-Identifier: Apache-2.0
// server/birth.h: what a supervisor finds when it comes to life: sockets that the service manager
// passed to it (LISTEN_FDS), or the whole estate of the supervisor before it (listeners.md 15.3,
// 15.7).
//
// A successor is another run of the same command. It gets the listening sockets as LISTEN_FDS, and
// behind them a wire to its predecessor, whose number is in POSTHASTE_HANDOVER. On the wire, lines:
//
//     to it:     secret HEX, generation N, lock FD, control FD, follow FD, begin
//     from it:   ready                     its workers serve
//     to it:     main                      it is the server from now on
//
// What it does not know it passes over, and what it is not told it makes itself, so that versions
// can differ. If it ends, or does not become ready in time, the predecessor goes on.
#pragma once

#include "conf/conf.h"
#include "rt/rt.h"
#include "server/sockets.h"

#define HANDOVER_VARIABLE "POSTHASTE_HANDOVER"

struct birth {
    enum inherited_from from;
    const struct inherited_socket *sockets;
    size_t socket_count;
    int wire_fd; // -1: there is no predecessor
    struct stream *wire;
    bool has_secret;
    uint8_t secret[TICKET_SECRET_BYTES];
    uint64_t generation_number;
    int lock_fd, control_fd, follow_fd; // -1: none
};

// Texts in the arena; the variables are forgotten, for programs started from here.
struct err birth_read(struct arena *a, const struct conf_env *env, struct birth *out) MUST_USE;
// Hears the predecessor out; nothing without one.
struct err birth_hear(struct birth *b) suspends MUST_USE;
// Tells it that we serve, and waits until it has told the world.
struct err birth_announce(struct birth *b) suspends MUST_USE;
