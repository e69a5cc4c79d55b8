// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake_disk.c: what is on the disk for certain, and what is not yet. Of each write that
// no sync has confirmed the bytes that stood there before are kept, and of each change of a name
// what undoes it: for a name that went, another name of the file, in a folder beside. The folder
// that is watched is always as the program sees it; only the copy that a power cut leaves has some
// of that undone.
//
// A sync that fails confirms nothing, and no later one confirms what was written before it: so
// systems behave that take a page for clean after its write has failed.
#define POSTHASTE_BASE_ROOM
#include "intake_disk.h"

#include "base/hash.h"
#include "base/list.h"
#include "rt/blobfile.h"
#include "rt/task.h"
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES 224
#define FILES_MAX 1024
#define SECTOR_BYTES 512
#define NAMES_BYTES_MAX (64 * MIB)
#define FILE_BYTES_MAX (256 * MIB)

struct file {
    char path[PATH_BYTES]; // empty: not watched
    ino_t inode;
    bool is_folder, syncs_writes;
};

struct late_write {
    struct link in_disk;
    ino_t inode;
    uint64_t at, bytes;
    uint64_t file_bytes; // before
    uint64_t old_bytes;  // so many of `old`; behind them the file had ended
    bool doomed;         // a sync failed
    bool lost, is_torn;  // at a power cut
    char old[];
};

struct late_name {
    struct link in_disk;
    enum disk_naming what;
    uint64_t number; // of the file's other name
    bool stays;
    char path[PATH_BYTES], to[PATH_BYTES];
};

enum loss { LOSS_OF_ALL, LOSS_OF_NOTHING, LOSS_OF_THE_LAST, LOSS_OF_SOME, LOSS_OF_SECTORS };
#define LOSSES 5

struct disk {
    bool is_on;
    bool has_ended, tells;
    char root[PATH_BYTES];
    size_t root_bytes;
    struct prng chance;
    struct file files[FILES_MAX];
    struct list writes, names;
    uint64_t calls, names_gone;
    struct disk_faults faults;
    uint64_t end_at;
    enum disk_end end_how;
    struct waitq *wake;
    enum loss loss;
};

static struct disk disk;

static void end_here(void);
static void confirm(struct late_write *confirmed);
static void forget_all(void);
static void name_free(struct late_name *n);
static void forget_writes(ino_t inode);
static struct str other_name(struct arena *a, const struct late_name *n);
static void choose_losses(void);
static void copy_folder(struct str from, struct str to);
static void copy_file(struct str from, struct str to);
static void follow_file(ino_t from, int to);
static size_t undo_writes(ino_t inode, char *bytes, size_t count);
static void undo_write(const struct late_write *w, char *bytes, size_t count, uint64_t *kept_to);
static void undo_names(void);
static bool is_newer_kept(const struct late_name *n);
static void undo_name(struct arena *a, const struct late_name *n);
static struct str beside(struct arena *a, const char *suffix, struct str path);
static void path_set(char out[PATH_BYTES], struct str path);
static void remove_tree(struct str path);

// --- What tests ask for --------------------------------------------------------------------------

void disk_begin(struct str folder, uint64_t seed, bool tells)
{
    struct arena a;
    disk = (struct disk){.is_on = true, .tells = tells, .root_bytes = folder.len};
    path_set(disk.root, folder);
    prng_seed(&disk.chance, seed);
    list_init(&disk.writes);
    list_init(&disk.names);
    arena_init(&a, KIB);
    disk.is_on = false;
    struct err e = folder_make(&a, beside(&a, ".gone", folder));
    disk.is_on = true;
    assert(!failed(e));
    arena_done(&a);
}

void disk_done(void)
{
    struct arena a;
    disk.is_on = false;
    forget_all();
    arena_init(&a, KIB);
    remove_tree(beside(&a, ".gone", str_from_c(disk.root)));
    remove_tree(beside(&a, ".image", str_from_c(disk.root)));
    arena_done(&a);
}

uint64_t disk_calls(void)
{
    return disk.calls;
}

void disk_fail(const struct disk_faults *faults)
{
    disk.faults = *faults;
}

void disk_end_at(uint64_t call, enum disk_end how, struct waitq *wake)
{
    disk.end_at = call;
    disk.end_how = how;
    disk.wake = wake;
}

void disk_end_now(enum disk_end how)
{
    disk.end_how = how;
    if (!disk.has_ended)
        end_here();
}

bool disk_has_ended(void)
{
    return disk.has_ended;
}

void disk_exchange(void)
{
    struct arena a;
    assert(disk.has_ended);
    arena_init(&a, KIB);
    if (disk.end_how == DISK_POWER_CUT)
        forget_all();
    struct str root = str_from_c(disk.root), image = beside(&a, ".image", root);
    remove_tree(root);
    long rc = syscall(SYS_renameat, AT_FDCWD, image.ptr, AT_FDCWD, disk.root);
    assert(rc == 0);
    arena_done(&a);
    memset(disk.files, 0, sizeof(disk.files));
    disk.faults = (struct disk_faults){0};
    disk.end_at = 0;
    disk.has_ended = false;
    disk.is_on = true;
}

// --- Calls ---------------------------------------------------------------------------------------

enum disk_fate disk_call_begin(const char *what, const char *path)
{
    uint64_t call = ++disk.calls;
    bool good = call < disk.faults.from || call >= disk.faults.until;
    if (disk.tells)
        printf("%16s%llu %s %s%s\n", "", (unsigned long long)call, what, path + disk.root_bytes,
                good ? "" : ": fails");
    if (good)
        return FATE_GOOD;
    errno = disk.faults.error;
    switch (disk.faults.how) {
    case FAILING_NOTHING_DONE:
        return FATE_FAILS;
    case FAILING_HALF_DONE:
        return FATE_HALF;
    case FAILING_ALL_DONE:
        return FATE_DONE;
    }
    return FATE_FAILS;
}

void disk_call_end(void)
{
    if (disk.is_on && disk.end_at != 0 && disk.calls >= disk.end_at)
        end_here();
}

bool disk_watches(const char *path)
{
    return disk.is_on && strncmp(path, disk.root, disk.root_bytes) == 0 &&
           (path[disk.root_bytes] == '/' || path[disk.root_bytes] == '\0');
}

void disk_file_opened(int fd, const char *path, int flags)
{
    struct stat st;
    if (!disk_watches(path) || fd >= FILES_MAX || fstat(fd, &st) != 0)
        return;
    struct file *f = &disk.files[fd];
    path_set(f->path, str_from_c(path));
    f->inode = st.st_ino;
    f->is_folder = S_ISDIR(st.st_mode);
    f->syncs_writes = (flags & O_DSYNC) != 0;
}

void disk_file_closed(int fd)
{
    if (fd >= 0 && fd < FILES_MAX)
        disk.files[fd].path[0] = '\0';
}

bool disk_file_is_watched(int fd)
{
    return disk.is_on && fd >= 0 && fd < FILES_MAX && disk.files[fd].path[0] != '\0';
}

const char *disk_file_path(int fd)
{
    return disk.files[fd].path;
}

void disk_write_begin(int fd, size_t count, int64_t at)
{
    struct stat st;
    int rc = fstat(fd, &st);
    assert(rc == 0);
    uint64_t file_bytes = (uint64_t)st.st_size, from = (uint64_t)at;
    uint64_t old = file_bytes > from ? file_bytes - from : 0;
    old = old < count ? old : count;
    struct late_write *w = mem_bytes(sizeof(struct late_write) + (size_t)old);
    assert(w != NULL);
    w->inode = st.st_ino;
    w->at = from;
    w->bytes = count;
    w->file_bytes = file_bytes;
    w->old_bytes = old;
    struct arena a;
    arena_init(&a, KIB);
    int reader = (int)syscall(SYS_openat, AT_FDCWD, disk.files[fd].path, O_RDONLY);
    struct stat same; // the name may be another file's by now; the descriptor may be for direct use
    bool by_name = reader >= 0 && fstat(reader, &same) == 0 && same.st_ino == st.st_ino;
    struct err e = blob_read_at(&a, by_name ? reader : fd, w->old, (size_t)old, from);
    assert(!failed(e));
    if (reader >= 0)
        syscall(SYS_close, reader);
    arena_done(&a);
    list_append(&disk.writes, &w->in_disk);
}

void disk_write_end(int fd, size_t count, int64_t at)
{
    if (!disk.is_on || !disk.files[fd].syncs_writes)
        return;
    each_safe_in_list (w, &disk.writes, struct late_write, in_disk)
        if (w->inode == disk.files[fd].inode && w->at == (uint64_t)at && w->bytes == count &&
                !w->doomed)
            confirm(w);
}

void disk_synced(int fd)
{
    if (!disk.is_on)
        return;
    const struct file *f = &disk.files[fd];
    each_safe_in_list (w, &disk.writes, struct late_write, in_disk)
        if (!f->is_folder && w->inode == f->inode && !w->doomed)
            confirm(w);
    each_safe_in_list (n, &disk.names, struct late_name, in_disk) {
        struct str folder, name;
        struct str path = str_from_c(n->what == NAME_MOVED ? n->to : n->path);
        if (!f->is_folder || !str_rcut(path, '/', &folder, &name) ||
                !str_eq(folder, str_from_c(f->path)))
            continue;
        link_remove(&n->in_disk);
        name_free(n);
    }
}

void disk_sync_failed(int fd)
{
    if (!disk.is_on || disk.files[fd].is_folder)
        return;
    each_in_list (w, &disk.writes, struct late_write, in_disk)
        if (w->inode == disk.files[fd].inode)
            w->doomed = true;
}

void disk_name(enum disk_naming what, const char *path, const char *to)
{
    struct late_name *n = mem_new(struct late_name);
    struct arena a;
    assert(n != NULL);
    n->what = what;
    path_set(n->path, str_from_c(path));
    if (to != NULL)
        path_set(n->to, str_from_c(to));
    arena_init(&a, KIB);
    if (what == NAME_GONE) {
        n->number = ++disk.names_gone;
        long rc = syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, other_name(&a, n).ptr, 0);
        assert(rc == 0);
    }
    arena_done(&a);
    list_append(&disk.names, &n->in_disk);
}

void disk_name_forget(const char *path)
{
    each_safe_in_list (n, &disk.names, struct late_name, in_disk) {
        if (n->what != NAME_MADE || !str_eq(str_from_c(n->path), str_from_c(path)))
            continue;
        link_remove(&n->in_disk);
        name_free(n);
    }
}

// What was written earlier in that place, and cannot be trusted, must not undo this one, nor take
// the end of the file back.
static void confirm(struct late_write *confirmed)
{
    uint64_t confirmed_end = confirmed->at + confirmed->bytes;
    each_in_list (w, &disk.writes, struct late_write, in_disk) {
        if (w == confirmed)
            break;
        if (w->inode != confirmed->inode)
            continue;
        if (w->file_bytes < confirmed_end)
            w->file_bytes = confirmed_end;
        uint64_t from = w->at > confirmed->at ? w->at : confirmed->at;
        uint64_t end = w->at + w->bytes < confirmed_end ? w->at + w->bytes : confirmed_end;
        if (!w->doomed || from >= end)
            continue;
        w->bytes = from - w->at; // at least so much of it can still be lost
        w->old_bytes = w->old_bytes < w->bytes ? w->old_bytes : w->bytes;
    }
    link_remove(&confirmed->in_disk);
    mem_free(confirmed);
}

static void forget_all(void)
{
    for (struct link *k; (k = list_take_first(&disk.writes)) != NULL;)
        mem_free(CONTAINER_OF(k, struct late_write, in_disk));
    for (struct link *k; (k = list_take_first(&disk.names)) != NULL;)
        name_free(CONTAINER_OF(k, struct late_name, in_disk));
}

// Nobody will want the file back under its other name.
static void name_free(struct late_name *n)
{
    struct arena a;
    arena_init(&a, KIB);
    if (n->what == NAME_GONE) {
        struct str path = other_name(&a, n);
        struct stat st;
        if (stat(path.ptr, &st) == 0 && st.st_nlink == 1)
            forget_writes(st.st_ino);
        (void)syscall(SYS_unlinkat, AT_FDCWD, path.ptr, 0);
    }
    arena_done(&a);
    mem_free(n);
}

// The number may become another file's.
static void forget_writes(ino_t inode)
{
    each_safe_in_list (w, &disk.writes, struct late_write, in_disk) {
        if (w->inode != inode)
            continue;
        link_remove(&w->in_disk);
        mem_free(w);
    }
}

static struct str other_name(struct arena *a, const struct late_name *n)
{
    struct str folder = beside(a, ".gone", str_from_c(disk.root));
    struct str name = arena_fmt(a, "%.*s/%llu", ARG(folder), (unsigned long long)n->number);
    assert(!str_is_null(name));
    return name;
}

// --- The end -------------------------------------------------------------------------------------

static void end_here(void)
{
    struct arena a;
    struct str root = str_from_c(disk.root);
    int failure = errno;
    disk.is_on = false; // nothing is watched while the copy is made, nor afterwards
    disk.has_ended = true;
    choose_losses();
    if (disk.tells)
        printf("%16send, %s, loss %d\n", "", disk.end_how == DISK_KILLED ? "killed" : "power cut",
                disk.loss);
    arena_init(&a, KIB);
    copy_folder(root, beside(&a, ".image", root));
    arena_done(&a);
    if (disk.end_how == DISK_POWER_CUT)
        undo_names();
    if (disk.wake != NULL)
        waitq_wake_all(disk.wake);
    errno = failure;
}

static void choose_losses(void)
{
    uint64_t count = 0, i = 0;
    disk.loss = disk.end_how == DISK_KILLED ? LOSS_OF_NOTHING
                                            : (enum loss)prng_below(&disk.chance, LOSSES);
    each_in_list (w, &disk.writes, struct late_write, in_disk)
        count++;
    uint64_t first_lost = prng_below(&disk.chance, count + 1);
    each_in_list (w, &disk.writes, struct late_write, in_disk) {
        w->lost = disk.loss == LOSS_OF_ALL || (disk.loss == LOSS_OF_THE_LAST && i > first_lost) ||
                  (disk.loss == LOSS_OF_SOME && prng_below(&disk.chance, 2) == 0);
        w->is_torn =
                disk.loss == LOSS_OF_SECTORS || (disk.loss == LOSS_OF_THE_LAST && i == first_lost);
        i++;
    }
}

static void copy_folder(struct str from, struct str to)
{
    struct arena a;
    struct blob_entry *entries = NULL;
    size_t count = 0;
    arena_init(&a, NAMES_BYTES_MAX);
    struct err e = folder_list(&a, from, &entries, &count);
    assert(!failed(e));
    long rc = syscall(SYS_mkdirat, AT_FDCWD, arena_c_str(&a, to), 0700);
    assert(rc == 0);
    for (size_t i = 0; i < count; i++) {
        struct str one = arena_fmt(&a, "%.*s/%.*s", ARG(from), ARG(entries[i].name));
        struct str copy = arena_fmt(&a, "%.*s/%.*s", ARG(to), ARG(entries[i].name));
        if (entries[i].is_folder)
            copy_folder(one, copy);
        else
            copy_file(one, copy);
    }
    arena_done(&a);
}

static void copy_file(struct str from, struct str to)
{
    struct arena a;
    struct stat st;
    uint64_t bytes = 0;
    int source = -1, target = -1;
    arena_init(&a, 16 * KIB);
    struct err e = blob_open(&a, from, &source, &bytes);
    assert(!failed(e) && bytes <= FILE_BYTES_MAX && fstat(source, &st) == 0);
    char *text = mem_bytes((size_t)bytes + 1);
    assert(text != NULL);
    e = blob_read_at(&a, source, text, (size_t)bytes, 0);
    assert(!failed(e));
    size_t left = undo_writes(st.st_ino, text, (size_t)bytes);
    e = blob_create(&a, to, &target);
    if (!failed(e))
        e = blob_write_at(&a, target, str_of(text, left), 0);
    assert(!failed(e));
    if (disk.end_how == DISK_KILLED)
        follow_file(st.st_ino, target);
    blob_close(source);
    blob_close(target);
    mem_free(text);
    arena_done(&a);
}

// What a process had written before it was killed is on no disk for that: the next one may sync it.
static void follow_file(ino_t from, int to)
{
    struct stat st;
    int rc = fstat(to, &st);
    assert(rc == 0);
    each_in_list (w, &disk.writes, struct late_write, in_disk)
        if (w->inode == from)
            w->inode = st.st_ino;
}

// The youngest first; what is left of the file's bytes.
static size_t undo_writes(ino_t inode, char *bytes, size_t count)
{
    uint64_t before = UINT64_MAX, kept_to = 0;
    for (struct link *k = disk.writes.head.prev; k != &disk.writes.head; k = k->prev) {
        const struct late_write *w = CONTAINER_OF(k, struct late_write, in_disk);
        if (w->inode != inode)
            continue;
        before = w->file_bytes < before ? w->file_bytes : before;
        undo_write(w, bytes, count, &kept_to);
    }
    if (before == UINT64_MAX || prng_below(&disk.chance, 2) == 0)
        return count;
    before = before > kept_to ? before : kept_to;
    return before < count ? (size_t)before : count;
}

static void undo_write(const struct late_write *w, char *bytes, size_t count, uint64_t *kept_to)
{
    uint64_t end = w->at + w->bytes < count ? w->at + w->bytes : count;
    for (uint64_t at = w->at; at < end;) {
        uint64_t next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        next = next < end ? next : end;
        bool lost = w->is_torn ? prng_below(&disk.chance, 2) == 0 : w->lost;
        uint64_t old = at - w->at < w->old_bytes ? w->old_bytes - (at - w->at) : 0;
        old = old < next - at ? old : next - at;
        if (lost) {
            memcpy(bytes + at, w->old + (at - w->at), (size_t)old);
            memset(bytes + at + old, 0, (size_t)(next - at - old));
        } else if (next > *kept_to) {
            *kept_to = next;
        }
        at = next;
    }
}

// Of each folder the oldest changes stay, some or none or all.
static void undo_names(void)
{
    struct arena a;
    arena_init(&a, MIB);
    for (struct link *k = disk.names.head.prev; k != &disk.names.head; k = k->prev) {
        struct late_name *n = CONTAINER_OF(k, struct late_name, in_disk);
        bool lost = disk.loss == LOSS_OF_ALL ||
                    (disk.loss != LOSS_OF_NOTHING && prng_below(&disk.chance, 2) == 0);
        n->stays = !lost || is_newer_kept(n);
        if (!n->stays)
            undo_name(&a, n);
        arena_reset(&a);
    }
    arena_done(&a);
}

static struct str folder_of(const struct late_name *n)
{
    struct str folder = S(""), name;
    (void)str_rcut(str_from_c(n->what == NAME_MOVED ? n->to : n->path), '/', &folder, &name);
    return folder;
}

static bool is_newer_kept(const struct late_name *n)
{
    for (const struct link *k = n->in_disk.next; k != &disk.names.head; k = k->next) {
        const struct late_name *newer =
                (const struct late_name *)(const void *)((const char *)k -
                                                         offsetof(struct late_name, in_disk));
        if (newer->stays && str_eq(folder_of(newer), folder_of(n)))
            return true;
    }
    return false;
}

static void undo_name(struct arena *a, const struct late_name *n)
{
    struct stat st;
    struct str there = beside(a, ".image", str_from_c(n->path)), gone, moved;
    switch (n->what) {
    case NAME_MADE:
        if (stat(there.ptr, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(there);
        else
            (void)syscall(SYS_unlinkat, AT_FDCWD, there.ptr, 0);
        return;
    case NAME_GONE:
        gone = other_name(a, n);
        if (stat(there.ptr, &st) != 0)
            copy_file(gone, there);
        return;
    case NAME_MOVED:
        moved = beside(a, ".image", str_from_c(n->to));
        (void)syscall(SYS_renameat, AT_FDCWD, moved.ptr, AT_FDCWD, there.ptr);
        return;
    }
}

// --- Paths ---------------------------------------------------------------------------------------

// The same path in a folder beside the one that is watched.
static struct str beside(struct arena *a, const char *suffix, struct str path)
{
    struct str there =
            arena_fmt(a, "%s%s%.*s", disk.root, suffix, ARG(str_from(path, disk.root_bytes)));
    assert(!str_is_null(there));
    return there;
}

static void path_set(char out[PATH_BYTES], struct str path)
{
    assert(path.len < PATH_BYTES);
    memcpy(out, path.ptr, path.len);
    out[path.len] = '\0';
}

static void remove_tree(struct str path)
{
    struct state_folder folder;
    assert(path.len < sizeof(folder.path));
    memcpy(folder.path, path.ptr, path.len + 1);
    state_folder_remove(&folder);
}
