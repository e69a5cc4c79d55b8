// SPDX-License-Identifier: Apache-2.0
// tests/unit/events/world.h: an outside world for the log writer: files in memory on a disk of a
// certain size, a console, a journal that may be there or not.
#pragma once

#include "made.h"

#include "events/writer.h"

#define WORLD_FILES_MAX 64

struct world_file {
    struct buf path, text;
    uint64_t inode;
    int64_t modified_ms;
    bool gone; // removed or moved away; whoever has it open may go on
};

struct world {
    struct world_file files[WORLD_FILES_MAX];
    size_t file_count;
    uint64_t inodes;
    size_t read_at;     // one reader at a time
    uint64_t disk_room; // bytes that still fit
    bool folder_gone, console_stuck, no_journal, journal_broken, journal_busy;
    size_t journal_connects;
    int64_t now_ms;
    struct buf console, console_out; // 2 and 1
    struct buf journal;              // entries, "\n--\n" behind each
    struct buf link;                 // "posthaste.current -> name"
};

#define FD_FIRST 100
#define FD_READ 1000
#define FD_JOURNAL 2000

static inline struct world *world_new(void)
{
    struct world *w = mem_new(struct world);
    assert_non_null(w);
    w->disk_room = UINT64_MAX;
    w->now_ms = NOON;
    struct buf *bufs[] = {&w->console, &w->console_out, &w->journal, &w->link};
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_init(bufs[i], 8 * MIB);
    return w;
}

static inline void world_free(struct world *w)
{
    struct buf *bufs[] = {&w->console, &w->console_out, &w->journal, &w->link};
    for (size_t i = 0; i < w->file_count; i++) {
        buf_done(&w->files[i].path);
        buf_done(&w->files[i].text);
    }
    for (size_t i = 0; i < COUNT_OF(bufs); i++)
        buf_done(bufs[i]);
    mem_free(w);
}

static inline struct world_file *world_find(struct world *w, struct str path)
{
    for (size_t i = 0; i < w->file_count; i++)
        if (!w->files[i].gone && str_eq(buf_str(&w->files[i].path), path))
            return &w->files[i];
    return NULL;
}

static inline struct world_file *world_make(struct world *w, struct str path)
{
    assert_true(w->file_count < WORLD_FILES_MAX);
    struct world_file *f = &w->files[w->file_count++];
    buf_init(&f->path, 1 * KIB);
    buf_init(&f->text, 16 * MIB);
    buf_add(&f->path, path);
    f->inode = ++w->inodes;
    f->modified_ms = w->now_ms;
    return f;
}

static inline struct str world_text(struct world *w, struct str path)
{
    struct world_file *f = world_find(w, path);
    return f != NULL ? buf_str(&f->text) : S("(no such file)");
}

static inline size_t world_count(const struct world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->file_count; i++)
        count += !w->files[i].gone;
    return count;
}

static struct err world_open(
        void *self, struct arena *a UNUSED, struct str path, struct append_file *out)
{
    struct world *w = self;
    if (w->folder_gone)
        return fail(ERR_NOT_FOUND, "opening: no such folder");
    struct world_file *f = world_find(w, path);
    f = f != NULL ? f : world_make(w, path);
    *out = (struct append_file){
            .fd = FD_FIRST + (int)(f - w->files), .inode = f->inode, .size = f->text.len};
    return OK;
}

static struct err world_write(
        void *self, struct arena *a UNUSED, int fd, struct str bytes, size_t *out_written)
{
    struct world *w = self;
    struct world_file *f = &w->files[fd - FD_FIRST];
    struct str fits = str_upto(bytes, w->disk_room < bytes.len ? (size_t)w->disk_room : bytes.len);
    if (fits.len == 0)
        return fail(ERR_NO_SPACE, "writing the log: No space left on device");
    buf_add(&f->text, fits);
    w->disk_room -= fits.len;
    f->modified_ms = w->now_ms;
    *out_written = fits.len;
    return OK;
}

static void world_close(void *self UNUSED, int fd UNUSED)
{
}

static bool world_is_at(void *self, const struct append_file *file, struct str path)
{
    struct world_file *f = world_find(self, path);
    return f != NULL && f->inode == file->inode;
}

static struct err world_link(
        void *self, struct arena *a UNUSED, struct str link, struct str file_name)
{
    struct world *w = self;
    buf_clear(&w->link);
    buf_fmt(&w->link, "%.*s -> %.*s", ARG(link), ARG(file_name));
    return OK;
}

static struct err world_read_open(void *self, struct arena *a UNUSED, struct str path, int *out_fd)
{
    struct world *w = self;
    struct world_file *f = world_find(w, path);
    if (f == NULL)
        return fail(ERR_NOT_FOUND, "reading: no such file");
    w->read_at = 0;
    *out_fd = FD_READ + (int)(f - w->files);
    return OK;
}

static struct err world_read(
        void *self, struct arena *a UNUSED, int fd, char *out, size_t room, size_t *out_got)
{
    struct world *w = self;
    struct str part = str_part(buf_str(&w->files[fd - FD_READ].text), w->read_at, room);
    if (part.len > 0)
        memcpy(out, part.ptr, part.len);
    w->read_at += part.len;
    *out_got = part.len;
    return OK;
}

static struct err world_rename(void *self, struct arena *a UNUSED, struct str from, struct str to)
{
    struct world *w = self;
    struct world_file *f = world_find(w, from), *old = world_find(w, to);
    if (f == NULL)
        return fail(ERR_NOT_FOUND, "renaming: no such file");
    if (old != NULL)
        old->gone = true;
    buf_clear(&f->path);
    buf_add(&f->path, to);
    return OK;
}

static struct err world_remove(void *self, struct arena *a UNUSED, struct str path)
{
    struct world *w = self;
    struct world_file *f = world_find(w, path);
    if (f == NULL)
        return fail(ERR_NOT_FOUND, "removing: no such file");
    f->gone = true;
    return OK;
}

static struct err world_list(void *self, struct arena *a, struct str folder, struct str prefix,
        struct log_entry **out_entries, size_t *out_count)
{
    struct world *w = self;
    VEC(struct log_entry) all = {0};
    for (size_t i = 0; i < w->file_count; i++) {
        struct str path = buf_str(&w->files[i].path), dir, name;
        if (w->files[i].gone || !str_rcut(path, '/', &dir, &name) || !str_eq(dir, folder) ||
                !str_starts(name, prefix))
            continue;
        struct log_entry *e = vec_add(a, &all);
        assert_non_null(e);
        *e = (struct log_entry){arena_str(a, name), w->files[i].modified_ms};
    }
    *out_entries = all.at;
    *out_count = all.count;
    return OK;
}

static struct err world_console(
        void *self, struct arena *a UNUSED, int fd, struct str bytes, size_t *out_written)
{
    struct world *w = self;
    *out_written = w->console_stuck ? 0 : bytes.len;
    if (!w->console_stuck)
        buf_add(fd == 1 ? &w->console_out : &w->console, bytes);
    return OK;
}

static struct err world_journal_connect(
        void *self, struct arena *a UNUSED, struct str path UNUSED, int *out_fd)
{
    struct world *w = self;
    w->journal_connects++;
    if (w->no_journal)
        return fail(ERR_NOT_FOUND, "connecting to the journal: No such file or directory");
    w->journal_broken = false;
    *out_fd = FD_JOURNAL;
    return OK;
}

static struct err world_journal_send(void *self, struct arena *a UNUSED, int fd, struct str entry)
{
    struct world *w = self;
    assert_int_equal(fd, FD_JOURNAL);
    if (w->journal_broken)
        return fail(ERR_UNREACHABLE, "writing to the journal: Connection refused");
    if (w->journal_busy)
        return fail(ERR_LIMIT, "the journal is busy");
    buf_add(&w->journal, entry);
    buf_add(&w->journal, S("\n--\n"));
    return OK;
}

static inline struct outside world_outside(struct world *w)
{
    return (struct outside){.self = w,
            .open = world_open,
            .write = world_write,
            .close = world_close,
            .is_at = world_is_at,
            .link = world_link,
            .read_open = world_read_open,
            .read = world_read,
            .rename = world_rename,
            .remove = world_remove,
            .list = world_list,
            .console = world_console,
            .journal_connect = world_journal_connect,
            .journal_send = world_journal_send};
}

// A tracer that takes everything.
static inline void tracer_init(struct tracer *t, enum tracer_type type, struct str id)
{
    t->id = id;
    t->type = type;
    t->path = S("/log");
    t->prefix = S("posthaste");
    t->keep_days = 30;
    t->buffered = true;
    t->style.precision = DATE_SECONDS;
    for (size_t i = 0; i < EVENT_COUNT; i++)
        t->takes[i] = true;
}
