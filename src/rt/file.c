// SPDX-License-Identifier: Apache-2.0
// rt/file.c: whole files by blocking calls.
#include "rt/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096
#define READ_BYTES (64 * KIB)
#define GLOB_COUNT_MAX 4096 // far more than the files of a configuration; sorting is quadratic

static void close_fd(int *fd);
static void free_glob(glob_t *found);
static struct err check_path(struct arena *a, struct str path, const char **out);
static struct err open_regular(
        struct arena *a, const char *path, int *out_fd, struct file_info *out_info);
static struct err read_all(
        struct arena *a, int fd, const char *path, size_t bytes_max, struct str *out);
static struct file_info info_of(const struct stat *st);

struct err file_read(struct arena *a, struct str path, size_t bytes_max, struct str *out_text,
        struct file_info *out_info)
{
    const char *name = NULL;
    int fd AUTO(close_fd) = -1;
    struct file_info info;
    TRY(check_path(a, path, &name));
    TRY(open_regular(a, name, &fd, &info));
    if (info.bytes > bytes_max)
        return fail_fmt(a, ERR_LIMIT, "cannot read %s: larger than %zu bytes", name, bytes_max);
    TRY(read_all(a, fd, name, bytes_max, out_text));
    if (out_info != NULL)
        *out_info = info;
    return OK;
}

struct err file_stat(struct arena *a, struct str path, struct file_info *out)
{
    const char *name;
    struct stat st;
    TRY(check_path(a, path, &name));
    if (stat(name, &st) != 0)
        return fail_errno(a, errno, "cannot read %s", name);
    *out = info_of(&st);
    return OK;
}

bool file_exists(struct str path)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 2 * PATH_BYTES_MAX);
    struct file_info info;
    return !failed(file_stat(&scratch, path, &info));
}

bool file_is_same(const struct file_info *a, const struct file_info *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed_ns == b->changed_ns;
}

struct err file_glob(struct arena *a, struct str pattern, struct str **out_paths, size_t *out_count)
{
    const char *text;
    TRY(check_path(a, pattern, &text));
    glob_t found AUTO(free_glob) = {0};
    // GLOB_NOSORT and our own order: glob(3) sorts by the collation of the locale.
    int rc = glob(text, GLOB_NOSORT | GLOB_ERR, NULL, &found);
    if (rc == GLOB_NOMATCH || (rc == GLOB_ABORTED && errno == ENOENT)) // no such folder
        found.gl_pathc = 0;
    else if (rc != 0)
        return fail_errno(a, rc == GLOB_NOSPACE ? ENOMEM : errno, "cannot list %s", text);
    if (found.gl_pathc > GLOB_COUNT_MAX)
        return fail_fmt(a, ERR_LIMIT, "cannot list %s: more than 4096 files", text);
    struct str *paths = arena_array(a, found.gl_pathc + 1, struct str);
    if (paths == NULL)
        return fail(ERR_LIMIT, "no memory for a list of files");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct str path = arena_str(a, str_from_c(found.gl_pathv[i]));
        if (str_is_null(path))
            return fail(ERR_LIMIT, "no memory for a list of files");
        size_t at = i;
        for (; at > 0 && str_compare(path, paths[at - 1]) < 0; at--)
            paths[at] = paths[at - 1];
        paths[at] = path;
    }
    *out_paths = paths;
    *out_count = found.gl_pathc;
    return OK;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void free_glob(glob_t *found)
{
    globfree(found);
}

// A path with a NUL in it would be cut by the system: another file than the one written.
static struct err check_path(struct arena *a, struct str path, const char **out)
{
    if (path.len == 0 || path.len > PATH_BYTES_MAX || str_find_byte(path, '\0') != STR_NOT_FOUND)
        return fail(ERR_SYNTAX, "not a path");
    *out = arena_c_str(a, path);
    return *out != NULL ? OK : fail(ERR_LIMIT, "no memory for a path");
}

// O_NONBLOCK: opening a FIFO must not wait for a writer. The kind is asked of the open file, so
// that nobody can exchange it in between.
static struct err open_regular(
        struct arena *a, const char *path, int *out_fd, struct file_info *out_info)
{
    struct stat st;
    *out_fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (*out_fd < 0)
        return fail_errno(a, errno, "cannot read %s", path);
    if (fstat(*out_fd, &st) != 0)
        return fail_errno(a, errno, "cannot read %s", path);
    if (S_ISDIR(st.st_mode))
        return fail_errno(a, EISDIR, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return fail_fmt(a, ERR_UNSUPPORTED, "cannot read %s: not a regular file", path);
    *out_info = info_of(&st);
    return OK;
}

// The size may grow while we read (or be 0 under /proc), so the end is where read says so.
static struct err read_all(
        struct arena *a, int fd, const char *path, size_t bytes_max, struct str *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, bytes_max + READ_BYTES);
    for (;;) {
        if (!buf_reserve(&text, READ_BYTES))
            return fail_fmt(a, ERR_LIMIT, "cannot read %s: no memory", path);
        ssize_t got = read(fd, text.ptr + text.len, READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(a, errno, "cannot read %s", path);
        if (got == 0)
            break;
        text.len += (size_t)got;
        if (text.len > bytes_max)
            return fail_fmt(a, ERR_LIMIT, "cannot read %s: larger than %zu bytes", path, bytes_max);
    }
    *out = arena_str(a, buf_str(&text));
    return str_is_null(*out) ? fail_fmt(a, ERR_LIMIT, "cannot read %s: no memory", path) : OK;
}

static struct file_info info_of(const struct stat *st)
{
    return (struct file_info){
            .device = st->st_dev,
            .inode = st->st_ino,
            .bytes = (uint64_t)st->st_size,
            .changed_ns = st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
            .modified_ms = st->st_mtim.tv_sec * SECOND_MS + st->st_mtim.tv_nsec / 1000000,
            .mode = st->st_mode & 07777,
            .owner = st->st_uid,
            .group = st->st_gid,
    };
}
