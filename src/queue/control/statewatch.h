// SPDX-License-Identifier: Apache-2.0
// queue/control/statewatch.h: a state file (queue/control/statefile.h) as a worker goes by it.
// Workers look often and the file changes seldom, so a look asks the system which file stands
// there, and reads only one that it has not read. One that cannot be read changes nothing, and is
// told once.
//
//     struct arena *a = statewatch_changed(&w);
//     if (a == NULL)
//         return;
//     struct err e = pauses_read(a, w.path, &now);
//     if (statewatch_take(&w, log, e))
//         in_force = now;
//
// What was in force goes at the look after a change: nobody keeps slices of it over a call that
// suspends. Blocking calls, of microseconds.
#pragma once

#include "base/base.h"
#include "rt/file.h"

struct event_log;

#define STATEWATCH_BYTES_MAX (8 * MIB) // a file of STATEFILE_BYTES_MAX, and what is made of it

struct statewatch {
    struct str path;        // null: there is no such file, ever
    struct file_info next;  // that was found
    struct file_info taken; // the one in force; all 0: there was none
    struct arena arenas[2]; // what is in force, and the next one
    size_t turn;
    bool is_bad; // it could not be read, which has been told
};

// bytes_max: of what a file says, read.
void statewatch_init(struct statewatch *w, struct str path, size_t bytes_max);
void statewatch_done(struct statewatch *w);

// Where what the file says is to be read into; NULL: it is the file that is in force.
struct arena *statewatch_changed(struct statewatch *w);
// What came of reading it. True: from now on this one is in force. False: it is read again at the
// next look.
bool statewatch_take(struct statewatch *w, struct event_log *log, struct err e) MUST_USE;
