// SPDX-License-Identifier: Apache-2.0
// rt/lockfile.h: one server a folder. The lock belongs to the open file (flock), not to the
// process: a successor that inherits the descriptor holds it without a moment in which nobody does,
// and a crash lets it go. The file stays when the lock is let go, for removing it would be a race.
#pragma once

#include "base/base.h"

#include <sys/types.h>

// Makes the folder (not its parents) and the file when missing. ERR_EXISTS: another process holds
// it, and *out_holder is its pid, 0 when the file does not say.
struct err lockfile_take(struct arena *a, struct str path, int *out_fd, pid_t *out_holder) MUST_USE;
// Waits for whoever holds it: for locks that are held for moments. Blocks the process.
struct err lockfile_await(struct arena *a, struct str path, int *out_fd) MUST_USE;
void lockfile_write_pid(int fd, pid_t pid); // 0: nobody
