// SPDX-License-Identifier: Apache-2.0
// rt/pid1.h: being process 1 of a container. Process 1 inherits every orphan and must reap it, and
// when it ends, so does everything. It therefore does nothing else: the server runs in a child, and
// process 1 hands signals down to it. When the server replaces itself by a new program, it tells
// process 1 which process is the server from now on; the status of the last one is that of all.
#pragma once

#include "rt/process.h"

// Runs main(arg) in a child, with the descriptor that it tells its successor through at *tell_fd;
// returns, in process 1, the exit status. Called first of all, before there is a loop.
int pid1_run(process_main *main, void *arg, int *tell_fd);
void pid1_follow(int tell_fd, pid_t successor); // a negative descriptor: nobody to tell
