// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake_calls.c: the calls of libc that reach the disk, instead of libc's own: a program
// that defines them gets those of its libraries as well, so LMDB's are among them. What is not
// below the watched folder goes on as if nothing stood between.
//
// Nobody logs in here, but each worker hashes a password when it starts, to have one of nobody's:
// that took half of the time, so it gets one that is no hash at all.
#define POSTHASTE_BASE_ROOM
#include "intake_disk.h"

#include <argon2.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR_BYTES 512

// Files of any size make these two another name; LMDB calls them by the old one.
int plain_open(const char *path, int flags, ...) __asm__("open")
        __attribute__((alias("open64"), nonnull(1)));
ssize_t plain_pwrite(int fd, const void *bytes, size_t count, off_t at) __asm__("pwrite")
        __attribute__((alias("pwrite64")));

static bool is_there(const char *path)
{
    return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
    va_end(args);
    bool makes = disk_watches(path) && (flags & O_CREAT) != 0 && !is_there(path);
    if (makes && disk_call_begin("make", path) != FATE_GOOD)
        return -1;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    int failure = errno;
    if (fd >= 0)
        disk_file_opened(fd, path, flags);
    if (makes) {
        if (fd >= 0)
            disk_name(NAME_MADE, path, NULL);
        disk_call_end();
    }
    errno = failure;
    return fd;
}

int close(int fd)
{
    disk_file_closed(fd);
    return (int)syscall(SYS_close, fd);
}

static ssize_t write_watched(int fd, const struct iovec *parts, int part_count, int64_t at)
{
    size_t count = 0;
    for (int i = 0; i < part_count; i++)
        count += parts[i].iov_len;
    enum disk_fate fate = disk_call_begin("write", disk_file_path(fd));
    int failure = errno;
    struct iovec half = parts[0];
    if (fate == FATE_HALF) {
        half.iov_len = half.iov_len / 2 / SECTOR_BYTES * SECTOR_BYTES;
        count = half.iov_len;
        parts = &half;
        part_count = 1;
    }
    ssize_t n = -1;
    if (fate != FATE_FAILS) {
        disk_write_begin(fd, count, at);
        n = syscall(SYS_pwritev, fd, parts, part_count, at, 0);
    }
    if (fate == FATE_GOOD)
        failure = errno;
    disk_call_end();
    if (n >= 0)
        disk_write_end(fd, (size_t)n, at);
    errno = failure;
    return fate == FATE_GOOD ? n : -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    if (!disk_file_is_watched(fd))
        return syscall(SYS_pwrite64, fd, bytes, count, at);
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = count};
    return write_watched(fd, &part, 1, at);
}

ssize_t writev(int fd, const struct iovec *parts, int part_count)
{
    if (!disk_file_is_watched(fd))
        return syscall(SYS_writev, fd, parts, part_count);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t n = write_watched(fd, parts, part_count, at);
    if (n > 0)
        lseek(fd, at + n, SEEK_SET);
    return n;
}

static int sync_file(int fd, long call)
{
    if (!disk_file_is_watched(fd))
        return (int)syscall(call, fd);
    enum disk_fate fate = disk_call_begin("sync", disk_file_path(fd));
    int failure = errno;
    disk_call_end(); // at this moment nothing of it need be on the disk
    if (fate == FATE_GOOD || fate == FATE_DONE)
        disk_synced(fd);
    else
        disk_sync_failed(fd);
    errno = failure;
    return fate == FATE_GOOD ? 0 : -1;
}

int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

int link(const char *from, const char *to)
{
    bool watched = disk_watches(to);
    if (watched && disk_call_begin("link", to) != FATE_GOOD)
        return -1;
    int rc = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0), failure = errno;
    if (watched && rc == 0)
        disk_name(NAME_MADE, to, NULL);
    if (watched)
        disk_call_end();
    errno = failure;
    return rc;
}

int unlink(const char *path)
{
    bool watched = disk_watches(path) && is_there(path);
    if (watched && disk_call_begin("unlink", path) != FATE_GOOD)
        return -1;
    if (watched)
        disk_name(NAME_GONE, path, NULL);
    int rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0), failure = errno;
    if (watched)
        disk_call_end();
    errno = failure;
    return rc;
}

int rmdir(const char *path)
{
    int rc = (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
    if (rc == 0 && disk_watches(path))
        disk_name_forget(path);
    return rc;
}

int rename(const char *from, const char *to)
{
    bool watched = disk_watches(to);
    if (watched && disk_call_begin("rename", to) != FATE_GOOD)
        return -1;
    int rc = (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to), failure = errno;
    if (watched && rc == 0)
        disk_name(NAME_MOVED, from, to);
    if (watched)
        disk_call_end();
    errno = failure;
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    bool watched = disk_watches(path) && !is_there(path);
    if (watched && disk_call_begin("mkdir", path) != FATE_GOOD)
        return -1;
    int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode), failure = errno;
    if (watched && rc == 0)
        disk_name(NAME_MADE, path, NULL);
    if (watched)
        disk_call_end();
    errno = failure;
    return rc;
}

int argon2id_hash_encoded(uint32_t rounds UNUSED, uint32_t kib UNUSED, uint32_t lanes UNUSED,
        const void *password UNUSED, size_t password_bytes UNUSED, const void *salt UNUSED,
        size_t salt_bytes UNUSED, size_t hash_bytes UNUSED, char *out, size_t out_bytes)
{
    struct str nobody = S("$argon2id$");
    assert(out_bytes > nobody.len);
    memcpy(out, nobody.ptr, nobody.len + 1);
    return 0;
}
