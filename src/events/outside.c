// SPDX-License-Identifier: Apache-2.0
// events/outside.c: the real outside world of the log writer.
#include "events/outside.h"

static struct err real_open(
        void *self UNUSED, struct arena *a, struct str path, struct append_file *out)
{
    return append_open(a, path, out);
}

static struct err real_write(
        void *self UNUSED, struct arena *a, int fd, struct str bytes, size_t *out_written)
{
    return append_write(a, fd, bytes, out_written);
}

static void real_close(void *self UNUSED, int fd)
{
    append_close(fd);
}

static bool real_is_at(void *self UNUSED, const struct append_file *file, struct str path)
{
    return append_is_at(file, path);
}

static struct err real_link(
        void *self UNUSED, struct arena *a, struct str link, struct str file_name)
{
    return append_link(a, link, file_name);
}

static struct err real_read_open(void *self UNUSED, struct arena *a, struct str path, int *out_fd)
{
    return log_read_open(a, path, out_fd);
}

static struct err real_read(
        void *self UNUSED, struct arena *a, int fd, char *out, size_t room, size_t *out_got)
{
    return log_read(a, fd, out, room, out_got);
}

static struct err real_rename(void *self UNUSED, struct arena *a, struct str from, struct str to)
{
    return log_rename(a, from, to);
}

static struct err real_remove(void *self UNUSED, struct arena *a, struct str path)
{
    return log_remove(a, path);
}

static struct err real_list(void *self UNUSED, struct arena *a, struct str folder,
        struct str prefix, struct log_entry **out_entries, size_t *out_count)
{
    return log_list(a, folder, prefix, out_entries, out_count);
}

static struct err real_console(
        void *self UNUSED, struct arena *a, int fd, struct str bytes, size_t *out_written)
{
    return console_write(a, fd, bytes, out_written);
}

static struct err real_journal_connect(
        void *self UNUSED, struct arena *a, struct str path, int *out_fd)
{
    return journal_connect(a, path, out_fd);
}

static struct err real_journal_send(void *self UNUSED, struct arena *a, int fd, struct str entry)
{
    return journal_send(a, fd, entry);
}

struct outside outside_real(void)
{
    return (struct outside){.open = real_open,
            .write = real_write,
            .close = real_close,
            .is_at = real_is_at,
            .link = real_link,
            .read_open = real_read_open,
            .read = real_read,
            .rename = real_rename,
            .remove = real_remove,
            .list = real_list,
            .console = real_console,
            .journal_connect = real_journal_connect,
            .journal_send = real_journal_send};
}
