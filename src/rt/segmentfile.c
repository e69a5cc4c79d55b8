// SPDX-License-Identifier: Apache-2.0
// rt/segmentfile.c: making and writing segments. A file system that knows no direct access says so
// when the file is opened (EINVAL); the page cache is used then.
#include "rt/segmentfile.h"

#include "rt/blobfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILL_BYTES MIB

static struct err open_direct(struct arena *a, struct str path, int flags, int *out_fd);
static struct err fill(struct arena *a, int fd, uint64_t bytes);

struct err segment_create(
        struct arena *a, struct str path, uint64_t bytes, enum segment_haste haste, int *out_fd)
{
    int fd = -1;
    assert(bytes % SEGMENT_BLOCK_BYTES == 0);
    TRY(open_direct(a, path, O_CREAT | O_EXCL, &fd));
    // Where blocks cannot be had without writing them, they are written.
    bool has_blocks = haste == SEGMENT_AT_ONCE && fallocate(fd, 0, 0, (off_t)bytes) == 0;
    struct err e = has_blocks ? OK : fill(a, fd, bytes);
    if (!failed(e) && fsync(fd) != 0)
        e = fail_errno(a, errno, "syncing %.*s", ARG(path));
    if (!failed(e))
        e = folder_sync_of(a, path);
    if (failed(e)) {
        close(fd);
        struct err ignored = blob_remove(a, path); // else it is found at the next start
        (void)ignored;
        return e;
    }
    *out_fd = fd;
    return OK;
}

struct err segment_open(struct arena *a, struct str path, int *out_fd, uint64_t *out_bytes)
{
    struct stat st;
    int fd = -1;
    TRY(open_direct(a, path, 0, &fd));
    if (fstat(fd, &st) != 0) {
        int failure = errno;
        close(fd);
        return fail_errno(a, failure, "looking at %.*s", ARG(path));
    }
    *out_fd = fd;
    *out_bytes = (uint64_t)st.st_size;
    return OK;
}

static struct err open_direct(struct arena *a, struct str path, int flags, int *out_fd)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    flags |= O_RDWR | O_CLOEXEC | O_NOFOLLOW;
    int fd = open(name, flags | O_DIRECT, 0600);
    if (fd < 0 && errno == EINVAL)
        fd = open(name, flags & ~O_EXCL, 0600); // the first attempt may have made it
    if (fd < 0)
        return fail_errno(a, errno, "opening %.*s", ARG(path));
    *out_fd = fd;
    return OK;
}

static struct err fill(struct arena *a, int fd, uint64_t bytes)
{
    struct io_room zeros;
    if (!io_room_new(FILL_BYTES, &zeros))
        return fail(ERR_LIMIT, "no memory to make a file");
    struct err e = OK;
    for (uint64_t at = 0; at < bytes && !failed(e); at += FILL_BYTES) {
        uint64_t left = bytes - at;
        e = segment_write(a, fd, zeros.bytes, left < FILL_BYTES ? (size_t)left : FILL_BYTES, at);
    }
    io_room_free(&zeros);
    return e;
}

struct err segment_write(struct arena *a, int fd, const char *bytes, size_t count, uint64_t at)
{
    assert(count % SEGMENT_BLOCK_BYTES == 0 && at % SEGMENT_BLOCK_BYTES == 0);
    while (count > 0) {
        ssize_t n = pwrite(fd, bytes, count, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(a, errno, "writing the journal");
        if (n % SEGMENT_BLOCK_BYTES != 0 || n == 0)
            return fail(ERR_NO_SPACE, "writing the journal: the disk took a part of it");
        bytes += n;
        at += (uint64_t)n;
        count -= (size_t)n;
    }
    return OK;
}

struct err segment_sync(struct arena *a, int fd)
{
    return fdatasync(fd) == 0 ? OK : fail_errno(a, errno, "syncing the journal");
}

void segment_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

struct err segment_identity(struct arena *a, uint64_t *out)
{
    if (getrandom(out, sizeof(*out), 0) != (ssize_t)sizeof(*out))
        return fail_errno(a, errno, "asking for a random number");
    return OK;
}

bool io_room_new(size_t size, struct io_room *out)
{
    *out = (struct io_room){.size = size, .memory = mem_bytes(size + SEGMENT_BLOCK_BYTES)};
    if (out->memory == NULL)
        return false;
    uintptr_t at = (uintptr_t)out->memory, block = SEGMENT_BLOCK_BYTES;
    out->bytes = (char *)out->memory + ((block - at % block) % block);
    return true;
}

void io_room_free(struct io_room *room)
{
    mem_free(room->memory);
    *room = (struct io_room){0};
}
