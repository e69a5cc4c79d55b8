// SPDX-License-Identifier: Apache-2.0
// rt/rt.h: the runtime, through which the house reaches the outside world: time, chance, network,
// names, files, processes. Whatever is above this room sees the same calls on the real machine
// (epoll, OpenSSL, libunbound) and in the simulator (virtual clock, in-memory network, zone files,
// injected faults; rt/sim/sim.h).
//
// A conversation is a task: a coroutine with a small stack of its own, on the loop of its process.
// Calls marked `suspends` may let other tasks run; they return ERR_TIMEOUT when the deadline of the
// innermost scope passes and ERR_CANCELLED when the task is given up, and the code unwinds by
// ordinary returns. Tasks live in groups, and a group ends in the function that began it.
//
//     static struct err serve(void *arg) suspends
//     {
//         struct stream *s AUTO(stream_close_auto) = arg;
//         within_ms(5 * MINUTE_MS);
//         struct str line;
//         TRY(stream_until(s, S("\n"), 512, &line));
//         TRY(stream_write(s, line));
//         return stream_flush(s);
//     }
//
// Nothing here is to be called from another thread; helper threads (offload) get plain functions.
#pragma once

#include "base/base.h"

#include "rt/task.h"

#include "rt/clock.h"

#include "rt/stream.h"

#include "rt/net.h"

#include "rt/offload.h"
