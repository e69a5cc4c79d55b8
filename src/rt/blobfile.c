// SPDX-License-Identifier: Apache-2.0
// rt/blobfile.c: what appears under a final name is whole: bytes first, then the name, then the
// folder. A disk that fails at any of these leaves an unfinished file, which is swept up later.
#include "rt/blobfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct str folder_of(struct str path);
static struct err folder_make_one(struct arena *a, struct str path, bool *out_made);

struct err blob_create(struct arena *a, struct str path, int *out_fd)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    int fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_errno(a, errno, "creating %.*s", ARG(path));
    *out_fd = fd;
    return OK;
}

struct err blob_write_at(struct arena *a, int fd, struct str bytes, uint64_t at)
{
    while (bytes.len > 0) {
        ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(a, n == 0 ? ENOSPC : errno, "writing a message's body");
        bytes = str_from(bytes, (size_t)n);
        at += (uint64_t)n;
    }
    return OK;
}

struct err blob_sync(struct arena *a, int fd)
{
    return fdatasync(fd) == 0 ? OK : fail_errno(a, errno, "syncing a message's body");
}

struct err blob_publish(struct arena *a, struct str part, struct str root, struct str final)
{
    const char *from = arena_c_str(a, part), *to = arena_c_str(a, final);
    if (from == NULL || to == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    assert(str_starts(final, root));
    int failure = link(from, to) == 0 ? 0 : errno;
    if (failure == ENOENT) { // the first of its folder, or the unfinished file is gone
        TRY(folder_make(a, folder_of(final)));
        failure = link(from, to) == 0 ? 0 : errno;
    }
    if (failure != 0 && failure != EEXIST)
        return fail_errno(a, failure, "publishing %.*s", ARG(final));
    return folder_sync(a, folder_of(final));
}

static struct str folder_of(struct str path)
{
    struct str folder, name;
    return str_rcut(path, '/', &folder, &name) && folder.len > 0 ? folder : S("/");
}

struct err folder_sync_of(struct arena *a, struct str file)
{
    return folder_sync(a, folder_of(file));
}

struct err folder_sync(struct arena *a, struct str path)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a folder");
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(a, errno, "opening %.*s", ARG(path));
    int failure = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return failure == 0 ? OK : fail_errno(a, failure, "syncing %.*s", ARG(path));
}

// Each new folder is an entry of the one above it, which is synced as well. If that fails it must
// not be found by the next one, who would take it for safe.
struct err folder_make(struct arena *a, struct str path)
{
    for (size_t end = 1; end <= path.len; end++) {
        bool made = false;
        struct str part = str_upto(path, end);
        if (end < path.len && path.ptr[end] != '/')
            continue;
        TRY(folder_make_one(a, part, &made));
        if (!made)
            continue;
        struct err e = folder_sync(a, folder_of(part));
        if (failed(e))
            (void)rmdir(arena_c_str(a, part));
        TRY(e);
    }
    return OK;
}

static struct err folder_make_one(struct arena *a, struct str path, bool *out_made)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a folder");
    *out_made = mkdir(name, 0700) == 0;
    return *out_made || errno == EEXIST ? OK : fail_errno(a, errno, "making %.*s", ARG(path));
}

bool blob_exists(struct arena *a, struct str path)
{
    const char *name = arena_c_str(a, path);
    return name != NULL && access(name, F_OK) == 0;
}

struct err blob_remove(struct arena *a, struct str path)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    return unlink(name) == 0 || errno == ENOENT ? OK
                                                : fail_errno(a, errno, "removing %.*s", ARG(path));
}

struct err blob_rename(struct arena *a, struct str from, struct str to)
{
    const char *old = arena_c_str(a, from), *fresh = arena_c_str(a, to);
    if (old == NULL || fresh == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    if (rename(old, fresh) != 0)
        return fail_errno(a, errno, "renaming %.*s", ARG(from));
    return OK;
}

struct err blob_open(struct arena *a, struct str path, int *out_fd, uint64_t *out_bytes)
{
    struct stat st;
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_errno(a, errno, "opening %.*s", ARG(path));
    if (fstat(fd, &st) != 0) {
        int failure = errno;
        close(fd);
        return fail_errno(a, failure, "reading %.*s", ARG(path));
    }
    *out_fd = fd;
    *out_bytes = (uint64_t)st.st_size;
    return OK;
}

struct err blob_read_at(struct arena *a, int fd, char *out, size_t count, uint64_t at)
{
    while (count > 0) {
        ssize_t n = pread(fd, out, count, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(a, errno, "reading a message's body");
        if (n == 0)
            return fail(ERR_IO, "a message's body is cut short");
        out += n;
        at += (uint64_t)n;
        count -= (size_t)n;
    }
    return OK;
}

void blob_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

struct err folder_list(struct arena *a, struct str path, struct blob_entry **out, size_t *out_count)
{
    const char *name = arena_c_str(a, path);
    DIR *dir = name != NULL ? opendir(name) : NULL;
    if (dir == NULL)
        return fail_errno(a, name != NULL ? errno : ENOMEM, "reading %.*s", ARG(path));
    VEC(struct blob_entry) all = {0};
    struct err e = OK;
    while (!failed(e)) {
        struct stat st;
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL && errno != 0)
            e = fail_errno(a, errno, "reading %.*s", ARG(path));
        if (entry == NULL)
            break;
        struct str entry_name = str_from_c(entry->d_name);
        if (str_eq(entry_name, S(".")) || str_eq(entry_name, S("..")) ||
                fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        struct blob_entry *row = vec_add(a, &all);
        struct str copy = arena_str(a, entry_name);
        if (row == NULL || str_is_null(copy))
            e = fail(ERR_LIMIT, "no memory to read a folder");
        else
            *row = (struct blob_entry){.name = copy,
                    .modified_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000,
                    .is_folder = S_ISDIR(st.st_mode),
                    .is_file = S_ISREG(st.st_mode)};
    }
    closedir(dir);
    TRY(e);
    *out = all.at;
    *out_count = all.count;
    return OK;
}
