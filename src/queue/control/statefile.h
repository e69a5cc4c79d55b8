// SPDX-License-Identifier: Apache-2.0
// queue/control/statefile.h: small files of the state folder in which stands what holds from now
// on: what is paused (queue/control/pauses.h), suspended (deliver/shape/suspend.h) and their like.
// Commands and workers replace such a file as a whole, under its lock: a reader sees it before a
// change or after it, and of two who change it at the same moment neither undoes what the other
// did. In each of them stands an object of JSON a line (base/json_lines.h). All of these are
// blocking calls, fit for helper threads.
//
//     int lock AUTO(statefile_unlock) = -1;
//     TRY(statefile_lock(a, path, &lock));
//     TRY(statefile_read(a, path, STATEFILE_BYTES_MAX, &text));
//     ...
//     TRY(statefile_write(a, path, &changed));
#pragma once

#include "base/base.h"

#define STATEFILE_BYTES_MAX MIB // of most of them

// No file: an empty text.
struct err statefile_read(
        struct arena *a, struct str path, size_t bytes_max, struct str *out) MUST_USE;
// On disk when it returns. Only under the lock. A text that did not fit its buffer is refused.
struct err statefile_write(struct arena *a, struct str path, const struct buf *text) MUST_USE;
// What is wrong with a file's text, with its name in front.
struct err statefile_blame(struct arena *a, struct str path, struct err e) MUST_USE;
// Waits for whoever changes the file now: they take moments.
struct err statefile_lock(struct arena *a, struct str path, int *out_fd) MUST_USE;
void statefile_unlock(int *fd); // -1: nothing was locked
