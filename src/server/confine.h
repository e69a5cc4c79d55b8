// SPDX-License-Identifier: Apache-2.0
// server/confine.h: what the processes of the server give up, and when. The supervisor becomes an
// ordinary user once its ports are bound; a worker keeps its descriptors, its folders and little
// else (rt/identity.h, rt/sandbox.h; docs/operations.md, "What a worker may do").
#pragma once

#include "base/base.h"

struct event_log;
struct findings;
struct plan;
struct supervisor;

// A worker, before it talks to anybody; it must have no threads yet. The error's text lives in the
// arena.
struct err confine_worker(struct arena *a, const struct plan *plan) MUST_USE;

// Tells the log what is missing of the sandbox, when something is. ERR_CONFIG, and a finding: all
// of it is wished (server.sandbox.mode = "on"), and this kernel lacks a part.
struct err confine_check(
        struct event_log *log, const struct plan *plan, struct findings *findings) MUST_USE;

// The supervisor, at its start. As root it binds the ports of the configuration's first stage and
// becomes the user of server.run-as; all else of the configuration is read after that.
struct err confine_supervisor(struct supervisor *sup) suspends MUST_USE;
