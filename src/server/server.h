// SPDX-License-Identifier: Apache-2.0
// server/server.h: the process tree. `posthaste serve` becomes the supervisor: it loads the
// configuration, binds the listening sockets, forks the workers, and from then on only watches:
// it starts a crashed worker again (with back-off), replaces the whole generation at SIGHUP, and
// ends everything in order at SIGTERM. It reads nothing from the network.
//
// Supervisor and worker speak in lines over a socket pair. To a worker: `serve HEX` (accept from
// the sockets of these slots, a bit each), `ping`, `unready` (let probes hear that the server stops
// soon), `look` (somebody has changed the queue), `settle N` (what was written down is to be where
// other processes see it), `names ...` (ask these servers of the DNS, server/names.h), `retire`
// (accept no more, finish what there is), `stop` (the same, and interrupt sessions where they may
// be). From it: `ready`, `pong`, `settled N`, `unsettled N`, `failed REASON`.
//
// The files: supervisor.c start, reload, signals; generation*.c the workers; sockets*.c what they
// accept from; tend.c what is done all the time; handover.c and birth.c the replacement of the
// program; control*.c and status.c `posthaste server`; instance.c the lock; ending.c the end.
#pragma once

#include "base/base.h"
#include "conf/conf.h"

struct server_options {
    struct conf_options conf;
    // Told once: what a person at the terminal should know. Both may be NULL.
    void (*started)(const char *text);
    void (*trouble)(struct str findings); // as text, each time the configuration is loaded
};

// Runs until the server has stopped; the exit status of configuration.md 1.1.
int server_run(const struct server_options *options);
