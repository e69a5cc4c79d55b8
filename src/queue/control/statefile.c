// SPDX-License-Identifier: Apache-2.0
// queue/control/statefile.c: see queue/control/statefile.h. The lock is a file of its own, beside,
// which stays: that of the state itself is another one after each change.
#include "queue/control/statefile.h"

#include "rt/blobfile.h"
#include "rt/file.h"
#include "rt/lockfile.h"

static struct err write_part(struct arena *a, struct str part, struct str path, struct str text);

struct err statefile_read(struct arena *a, struct str path, size_t bytes_max, struct str *out)
{
    struct err e = file_read(a, path, bytes_max, out, NULL);
    if (e.kind != ERR_NOT_FOUND)
        return e;
    *out = S("");
    return OK;
}

// What a crash has left of an earlier one goes first: nobody else is writing now.
struct err statefile_write(struct arena *a, struct str path, const struct buf *text)
{
    struct str part = arena_join(a, path, S(".part"));
    if (text->overflow)
        return fail_fmt(a, ERR_LIMIT, "%.*s: there is no room for more", ARG(path));
    if (str_is_null(part))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    TRY(blob_remove(a, part));
    struct err e = write_part(a, part, path, buf_str(text));
    if (failed(e)) {
        struct err left = blob_remove(a, part);
        (void)left; // the first trouble is the one to tell
    }
    return e;
}

static struct err write_part(struct arena *a, struct str part, struct str path, struct str text)
{
    int fd;
    TRY(blob_create(a, part, &fd));
    struct err e = blob_write_at(a, fd, text, 0);
    if (!failed(e))
        e = blob_sync(a, fd);
    blob_close(fd);
    TRY(e);
    TRY(blob_rename(a, part, path));
    return folder_sync_of(a, path);
}

struct err statefile_lock(struct arena *a, struct str path, int *out_fd)
{
    struct str lock = arena_join(a, path, S(".lock"));
    if (str_is_null(lock))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    return lockfile_await(a, lock, out_fd);
}

void statefile_unlock(int *fd)
{
    if (*fd >= 0)
        blob_close(*fd);
    *fd = -1;
}

struct err statefile_blame(struct arena *a, struct str path, struct err e)
{
    return failed(e) ? fail_fmt(a, e.kind, "%.*s: %.*s", ARG(path), ARG(err_text(e))) : OK;
}
