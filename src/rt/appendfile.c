// SPDX-License-Identifier: Apache-2.0
// rt/appendfile.c: appending, rotating and listing logs, the console and the journal's socket.
#include "rt/appendfile.h"

#include "rt/blobfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONSOLE_PIECE_BYTES 4096 // PIPE_BUF: goes whole into a pipe that is ready, or not at all
#define DATAGRAM_BYTES_MAX (200 * KIB)

static struct err make_folder_of(struct arena *a, struct str path);
static void take_owner_of_folder(int fd, const char *path, struct arena *a);
static const char *folder_of(struct arena *a, struct str path);
static struct err send_as_file(struct arena *a, int fd, struct str entry);
static struct err write_all(struct arena *a, int fd, struct str bytes);

struct err append_open(struct arena *a, struct str path, struct append_file *out)
{
    struct stat st;
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a log");
    TRY(make_folder_of(a, path));
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    int fd = open(name, flags, 0640);
    if (fd < 0)
        return fail_errno(a, errno, "opening %s", name);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return fail_fmt(a, ERR_IO, "%s is not a regular file", name);
    }
    if (st.st_size == 0)
        take_owner_of_folder(fd, name, a);
    *out = (struct append_file){
            .fd = fd, .device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size};
    return OK;
}

static struct err make_folder_of(struct arena *a, struct str path)
{
    const char *folder = folder_of(a, path);
    if (folder == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a log");
    if (mkdir(folder, 0750) != 0 && errno != EEXIST)
        return fail_errno(a, errno, "making the folder %s", folder);
    return OK;
}

static void take_owner_of_folder(int fd, const char *path, struct arena *a)
{
    struct stat st;
    const char *folder = folder_of(a, str_from_c(path));
    if (geteuid() != 0 || folder == NULL || stat(folder, &st) != 0)
        return;
    if (fchown(fd, st.st_uid, st.st_gid) != 0)
        return; // readable by root alone then, which is safe
}

static const char *folder_of(struct arena *a, struct str path)
{
    size_t slash = str_rfind_byte(path, '/');
    if (slash == STR_NOT_FOUND)
        return ".";
    return arena_c_str(a, slash == 0 ? S("/") : str_upto(path, slash));
}

struct err append_write(struct arena *a, int fd, struct str bytes, size_t *out_written)
{
    ssize_t written = write(fd, bytes.ptr, bytes.len);
    if (written < 0)
        return fail_errno(a, errno, "writing the log");
    *out_written = (size_t)written;
    return OK;
}

void append_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

bool append_is_at(const struct append_file *file, struct str path)
{
    struct arena a;
    struct stat st;
    arena_init(&a, 16 * KIB);
    const char *name = arena_c_str(&a, path);
    bool same = name != NULL && lstat(name, &st) == 0 && st.st_dev == file->device &&
                st.st_ino == file->inode;
    arena_done(&a);
    return same;
}

struct err append_link(struct arena *a, struct str link, struct str file_name)
{
    const char *name = arena_c_str(a, link);
    const char *target = arena_c_str(a, file_name);
    const char *fresh = arena_c_str(a, arena_join(a, link, S(".new")));
    if (name == NULL || target == NULL || fresh == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a log");
    (void)unlink(fresh);
    if (symlink(target, fresh) != 0 || rename(fresh, name) != 0)
        return fail_errno(a, errno, "making the link %s", name);
    return OK;
}

struct err log_read_open(struct arena *a, struct str path, int *out_fd)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a log");
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return fail_errno(a, errno, "opening %s", name);
    *out_fd = fd;
    return OK;
}

struct err log_read(struct arena *a, int fd, char *out, size_t room, size_t *out_got)
{
    ssize_t got = read(fd, out, room);
    if (got < 0)
        return fail_errno(a, errno, "reading a log");
    *out_got = (size_t)got;
    return OK;
}

struct err log_rename(struct arena *a, struct str from, struct str to)
{
    const char *old = arena_c_str(a, from), *fresh = arena_c_str(a, to);
    if (old == NULL || fresh == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a log");
    if (rename(old, fresh) != 0)
        return fail_errno(a, errno, "renaming %s to %s", old, fresh);
    return OK;
}

struct err log_remove(struct arena *a, struct str path)
{
    const char *name = arena_c_str(a, path);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a log");
    if (unlink(name) != 0)
        return fail_errno(a, errno, "removing %s", name);
    return OK;
}

struct err log_list(struct arena *a, struct str folder, struct str prefix,
        struct log_entry **out_entries, size_t *out_count)
{
    struct blob_entry *all;
    size_t count, kept = 0;
    TRY(folder_list(a, folder, &all, &count));
    struct log_entry *entries = arena_array(a, count + 1, struct log_entry);
    if (entries == NULL)
        return fail(ERR_LIMIT, "no memory to list a folder of logs");
    for (size_t i = 0; i < count; i++)
        if (all[i].is_file && str_starts(all[i].name, prefix))
            entries[kept++] = (struct log_entry){all[i].name, all[i].modified_ms};
    *out_entries = entries;
    *out_count = kept;
    return OK;
}

struct err console_write(struct arena *a, int fd, struct str bytes, size_t *out_written)
{
    size_t done = 0;
    while (done < bytes.len) {
        struct str piece = str_part(bytes, done, CONSOLE_PIECE_BYTES);
        struct pollfd one = {.fd = fd, .events = POLLOUT};
        if (poll(&one, 1, 0) != 1 || (one.revents & POLLOUT) == 0)
            break;
        ssize_t written = write(fd, piece.ptr, piece.len);
        if (written < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (written < 0)
            return fail_errno(a, errno, "writing to the console");
        done += (size_t)written;
    }
    *out_written = done;
    return OK;
}

bool console_is_terminal(int fd)
{
    return isatty(fd) == 1;
}

struct err journal_connect(struct arena *a, struct str path, int *out_fd)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path.len >= sizeof(to.sun_path))
        return fail(ERR_LIMIT, "the journal's path is too long");
    memcpy(to.sun_path, path.ptr, path.len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail_errno(a, errno, "making a socket for the journal");
    if (connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to)) != 0) {
        int why = errno;
        close(fd);
        return fail_errno(a, why, "connecting to the journal at %.*s", ARG(path));
    }
    *out_fd = fd;
    return OK;
}

struct err journal_send(struct arena *a, int fd, struct str entry)
{
    if (entry.len > DATAGRAM_BYTES_MAX)
        return send_as_file(a, fd, entry);
    if (send(fd, entry.ptr, entry.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return OK;
    if (errno == EMSGSIZE || errno == ENOBUFS)
        return send_as_file(a, fd, entry);
    if (errno == EAGAIN || errno == EINTR)
        return fail(ERR_LIMIT, "the journal is busy");
    return fail_errno(a, errno, "writing to the journal");
}

// The journal's protocol for large entries: a memory file that can no longer change, passed along.
static struct err send_as_file(struct arena *a, int fd, struct str entry)
{
    struct str nothing = S("");
    struct iovec none = {.iov_base = (void *)(uintptr_t)nothing.ptr, .iov_len = 0};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    int file = memfd_create("posthaste-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0)
        return fail_errno(a, errno, "making a memory file for the journal");
    struct err e = write_all(a, file, entry);
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (!failed(e) && fcntl(file, F_ADD_SEALS, seals) != 0)
        e = fail_errno(a, errno, "sealing a memory file");
    struct msghdr message = {.msg_iov = &none,
            .msg_iovlen = 1,
            .msg_control = control.room,
            .msg_controllen = sizeof(control.room)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &file, sizeof(int));
    if (!failed(e) && sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        e = errno == EAGAIN ? fail(ERR_LIMIT, "the journal is busy")
                            : fail_errno(a, errno, "passing a memory file to the journal");
    close(file);
    return e;
}

static struct err write_all(struct arena *a, int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written <= 0)
            return fail_errno(a, errno, "filling a memory file");
        bytes = str_from(bytes, (size_t)written);
    }
    return OK;
}
