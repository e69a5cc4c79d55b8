// SPDX-License-Identifier: Apache-2.0
// rt/segmentfile.h: files that are made once, full of zeros, and then written in place again and
// again, so that a sync has nothing but the bytes to bring to the disk: no size, no new blocks.
// Blocking calls, for helper threads (offload).
//
// Where the file system can, bytes go past the page cache: nothing is copied, and a write that
// failed leaves no page behind of which a later sync could say that it is clean. So what is
// written, its length and its place are multiples of SEGMENT_BLOCK_BYTES, and so is its address
// (io_room_new).
#pragma once

#include "base/base.h"

#define SEGMENT_BLOCK_BYTES 4096

// The file, its zeros and its name are on disk when it returns. Must be new. One that is needed at
// once only gets its blocks: it reads as zeros, and its first writes take a little longer.
enum segment_haste { SEGMENT_FILLED, SEGMENT_AT_ONCE };
struct err segment_create(struct arena *a, struct str path, uint64_t bytes,
        enum segment_haste haste, int *out_fd) MUST_USE;
struct err segment_open(
        struct arena *a, struct str path, int *out_fd, uint64_t *out_bytes) MUST_USE;
struct err segment_write(
        struct arena *a, int fd, const char *bytes, size_t count, uint64_t at) MUST_USE;
struct err segment_sync(struct arena *a, int fd) MUST_USE;
void segment_close(int fd);

// A number that nobody guesses, by which the files of a store are known from those of another.
// Needs no loop.
struct err segment_identity(struct arena *a, uint64_t *out) MUST_USE;

// Zeroed memory at the address of a block. NULL: none.
struct io_room {
    char *bytes;
    size_t size;
    void *memory;
};
bool io_room_new(size_t size, struct io_room *out) MUST_USE;
void io_room_free(struct io_room *room); // of {0} nothing
