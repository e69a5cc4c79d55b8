// SPDX-License-Identifier: Apache-2.0
// server/control.h: how a running server is spoken to on its own machine: `posthaste server …`. A
// UNIX socket in the state folder, for the server's user and root (0600), on which the supervisor
// itself answers: it works whatever the workers do.
//
// A request is a line; the answer is a line with an exit status, and text behind it until the end
// of the connection:
//
//     reload             loads the configuration; the text is what there was to say about it
//     reload dry-run     only says it
//     restart            hands over to a new run of the program
//     status, status json
//     ready              0: it serves on all its addresses
//     live               0
//     reopen             log files
//     look               all workers look at the queue now
//     clock              the calendar is right: nobody doubts it any more
//     settle             1: a worker could not move what it knows to where others see it; the text
//                        is the ids of messages that are being delivered at this moment
//     stop               the connection ends when the server has
#pragma once

#include "base/base.h"
#include "conf/conf.h"

struct control;
struct supervisor;

#define CONTROL_SOCKET "control.sock"
struct str control_path(struct arena *a, const struct conf *conf);

// An inherited socket is taken over; -1: it is made. A failure is no reason not to serve.
struct err control_begin(struct supervisor *sup, struct str path, int inherited_fd,
        struct control **out) suspends MUST_USE;
int control_fd(const struct control *c); // -1: there is none
// Accepts no more. The file goes unless a successor listens there now. Who waits for the end of
// the server is told by it.
enum control_ending { CONTROL_REMOVE_FILE, CONTROL_LEAVE_FILE };
void control_close(struct control *c, enum control_ending how);
void control_free(struct control *c) suspends; // NULL is fine

// server/control_ask.c: the other end, for the command line. Outside of a loop. The exit status of
// the answer goes to *out_status; an error: nobody answers there.
struct err control_ask(struct arena *a, struct str path, struct str request, int64_t wait_ms,
        struct buf *out_text, int *out_status) MUST_USE;
// The same in a task.
struct err control_ask_here(struct arena *a, struct str path, struct str request, int64_t wait_ms,
        struct buf *out_text, int *out_status) suspends MUST_USE;
