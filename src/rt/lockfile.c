// SPDX-License-Identifier: Apache-2.0
// rt/lockfile.c: taking and signing the lock.
#include "rt/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID_BYTES_MAX 16

static struct err folder_make(struct arena *a, struct str path);
static struct err lockfile_open(struct arena *a, struct str path, int *out_fd);
static pid_t pid_read(int fd);

struct err lockfile_take(struct arena *a, struct str path, int *out_fd, pid_t *out_holder)
{
    int fd;
    TRY(folder_make(a, path));
    TRY(lockfile_open(a, path, &fd));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int reason = errno;
        *out_holder = pid_read(fd);
        close(fd);
        if (reason == EWOULDBLOCK)
            return fail(ERR_EXISTS, "another server holds the lock");
        return fail_errno(a, reason, "locking %.*s", ARG(path));
    }
    *out_fd = fd;
    return OK;
}

struct err lockfile_await(struct arena *a, struct str path, int *out_fd)
{
    int fd, failure = EINTR;
    TRY(folder_make(a, path));
    TRY(lockfile_open(a, path, &fd));
    while (failure == EINTR)
        failure = flock(fd, LOCK_EX) == 0 ? 0 : errno;
    if (failure != 0) {
        close(fd);
        return fail_errno(a, failure, "locking %.*s", ARG(path));
    }
    *out_fd = fd;
    return OK;
}

static struct err folder_make(struct arena *a, struct str path)
{
    struct str folder, name;
    if (!str_rcut(path, '/', &folder, &name) || str_is_empty(folder))
        return OK;
    const char *text = arena_c_str(a, folder);
    if (text == NULL)
        return fail(ERR_LIMIT, "no memory for the path of the lock");
    if (mkdir(text, 0700) != 0 && errno != EEXIST)
        return fail_errno(a, errno, "making the folder %s", text);
    return OK;
}

// Made by root for a folder of somebody else, it becomes theirs: the server may be started as that
// user the next time.
static struct err lockfile_open(struct arena *a, struct str path, int *out_fd)
{
    struct stat folder;
    const char *text = arena_c_str(a, path);
    if (text == NULL)
        return fail(ERR_LIMIT, "no memory for the path of the lock");
    int fd = open(text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);
    if (fd < 0)
        return fail_errno(a, errno, "opening %s", text);
    struct str folder_path, name;
    if (geteuid() == 0 && str_rcut(path, '/', &folder_path, &name) &&
            stat(arena_c_str(a, folder_path), &folder) == 0)
        if (fchown(fd, folder.st_uid, folder.st_gid) != 0)
            errno = 0; // root can use it as it is
    *out_fd = fd;
    return OK;
}

static pid_t pid_read(int fd)
{
    char text[PID_BYTES_MAX];
    uint64_t pid;
    ssize_t got = pread(fd, text, sizeof(text), 0);
    struct str line = str_trim(str_of(text, got > 0 ? (size_t)got : 0));
    return str_to_u64(line, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

void lockfile_write_pid(int fd, pid_t pid)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, PID_BYTES_MAX);
    if (pid != 0)
        buf_fmt(&text, "%d\n", (int)pid);
    // A lock that cannot be signed is still a lock: the pid is for people.
    if (ftruncate(fd, 0) != 0 || pwrite(fd, buf_str(&text).ptr, text.len, 0) < 0)
        errno = 0;
}
