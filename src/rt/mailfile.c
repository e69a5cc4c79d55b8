// SPDX-License-Identifier: Apache-2.0
// rt/mailfile.c: see mailfile.h. What is made gets its owner and mode by its descriptor, so that
// nobody can put something else under the name in between.
#include "rt/mailfile.h"

#include "rt/blobfile.h"
#include "rt/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder_reader {
    DIR *dir;
    const struct dirent *entry; // given last
};

static struct err give(struct arena *a, int fd, struct str path, const struct mailfile_owner *owner,
        uint32_t mode);
static bool has_no_links(int failure);

struct err mailfile_create(
        struct arena *a, struct str path, const struct mailfile_owner *owner, int *out_fd)
{
    int fd = -1;
    struct err e = blob_create(a, path, &fd);
    if (e.kind == ERR_EXISTS) {
        TRY(blob_remove(a, path));
        e = blob_create(a, path, &fd);
    }
    if (!failed(e))
        e = give(a, fd, path, owner, owner->mode);
    if (failed(e)) {
        blob_close(fd);
        return e;
    }
    *out_fd = fd;
    return OK;
}

// Files are 0600 and ours when they are made: the usual case costs no call.
static struct err give(
        struct arena *a, int fd, struct str path, const struct mailfile_owner *owner, uint32_t mode)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail_errno(a, errno, "looking at %.*s", ARG(path));
    if ((owner->uid >= 0 && owner->uid != st.st_uid) ||
            (owner->gid >= 0 && owner->gid != st.st_gid)) {
        uid_t uid = owner->uid >= 0 ? (uid_t)owner->uid : (uid_t)-1;
        gid_t gid = owner->gid >= 0 ? (gid_t)owner->gid : (gid_t)-1;
        if (fchown(fd, uid, gid) != 0)
            return fail_errno(a, errno, "giving %.*s to its owner", ARG(path));
    }
    if ((st.st_mode & 07777) != mode && fchmod(fd, (mode_t)mode) != 0)
        return fail_errno(a, errno, "setting the mode of %.*s", ARG(path));
    return OK;
}

struct err mailfile_publish(struct arena *a, struct str from, struct str to, bool *out_was_there)
{
    const char *old = arena_c_str(a, from), *fresh = arena_c_str(a, to);
    if (old == NULL || fresh == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    int failure = link(old, fresh) == 0 ? 0 : errno;
    if (has_no_links(failure) && access(fresh, F_OK) == 0)
        failure = EEXIST;
    else if (has_no_links(failure))
        failure = rename(old, fresh) == 0 ? 0 : errno;
    *out_was_there = failure == EEXIST;
    if (failure != 0 && failure != EEXIST)
        return fail_errno(a, failure, "publishing %.*s", ARG(to));
    return OK;
}

static bool has_no_links(int failure)
{
    return failure == EPERM || failure == EOPNOTSUPP || failure == ENOSYS || failure == EMLINK;
}

struct err mailfile_append(struct arena *a, struct str path, struct str bytes)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a file");
    int fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(a, errno, "opening %.*s", ARG(path));
    ssize_t n = write(fd, bytes.ptr, bytes.len);
    int failure = errno;
    close(fd);
    if (n != (ssize_t)bytes.len)
        return fail_errno(a, n < 0 ? failure : ENOSPC, "adding to %.*s", ARG(path));
    return OK;
}

struct err mailfolder_make(struct arena *a, struct str path, const struct mailfile_owner *owner)
{
    struct file_info was;
    if (!failed(file_stat(a, path, &was)))
        return OK;
    TRY(folder_make(a, path));
    int fd = open(arena_c_str(a, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail_errno(a, errno, "opening %.*s", ARG(path));
    struct err e = give(a, fd, path, owner, owner->mode | (owner->mode & 0444) >> 2 | 0100);
    close(fd);
    return e;
}

struct err folder_reader_open(struct arena *a, struct str path, struct folder_reader **out)
{
    const char *name = arena_c_str(a, path);
    struct folder_reader *r = arena_make(a, struct folder_reader);
    if (name == NULL || r == NULL)
        return fail(ERR_LIMIT, "no memory to read a folder");
    r->dir = opendir(name);
    if (r->dir == NULL)
        return fail_errno(a, errno, "reading %.*s", ARG(path));
    *out = r;
    return OK;
}

bool folder_reader_next(struct folder_reader *r, struct str *out_name)
{
    for (;;) {
        r->entry = readdir(r->dir);
        if (r->entry == NULL)
            return false;
        *out_name = str_from_c(r->entry->d_name);
        if (!str_eq(*out_name, S(".")) && !str_eq(*out_name, S("..")))
            return true;
    }
}

uint64_t folder_reader_bytes(struct folder_reader *r)
{
    struct stat st;
    assert(r->entry != NULL);
    bool there = fstatat(dirfd(r->dir), r->entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    return there ? (uint64_t)st.st_size : 0;
}

void folder_reader_close(struct folder_reader *r)
{
    if (r != NULL)
        closedir(r->dir);
}
