// SPDX-License-Identifier: Apache-2.0
// queue/control/pauses.h: deliveries that a person has paused (queue.md 13.1): all of them, or
// those of one virtual queue. While they are paused mail is accepted and stays: nothing is tried,
// nothing expires, nobody is told. It is a file in the state folder, `paused`, so it survives
// restarts; the command line replaces it as a whole, and workers read it again.
//
// A line each:
//
//     {"queue":"*","paused":true,"since":1763768100000,"reason":"the new network card"}
//     {"queue":"bulk","paused":false,"since":1763768100000,"reason":""}
//
// `*` is everything. One that is not paused is a virtual queue whose configuration pauses it.
#pragma once

#include "queue/schedule/schedule.h"

#define PAUSES_ALL S("*")

struct pause {
    struct str queue; // or PAUSES_ALL
    bool runs;
    int64_t since_ms;
    struct str reason; // may be empty
};

struct pauses {
    VEC(struct pause) all;
};

struct str pauses_path(struct arena *a, const struct conf *conf);
// Blocking calls. No file: nothing is paused. Who writes what he has read holds the lock
// (queue/control/statefile.h) meanwhile.
struct err pauses_read(struct arena *a, struct str path, struct pauses *out) MUST_USE;
struct err pauses_parse(struct arena *a, struct str text, struct pauses *out) MUST_USE;
struct err pauses_write(struct arena *a, struct str path, const struct pauses *pauses) MUST_USE;

const struct pause *pauses_find(const struct pauses *pauses, struct str queue); // NULL: none
// Are the deliveries of this virtual queue paused now?
bool pauses_stop(const struct pauses *pauses, const struct virtual_queue *q);
// What was said of the same queue before is forgotten. ERR_LIMIT: too many.
struct err pauses_set(struct arena *a, struct pauses *pauses, const struct pause *pause) MUST_USE;
void pauses_forget(struct pauses *pauses, struct str queue);
