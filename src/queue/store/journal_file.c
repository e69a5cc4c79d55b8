// SPDX-License-Identifier: Apache-2.0
// queue/store/journal_file.c: the segments of a journal while its owner lives. A segment is free,
// or the current one, or used (full, or no longer trusted, and something in it may not be in LMDB
// yet), or doomed. All lists belong to the loop; helper threads get one segment and bytes, and say
// how it went.
//
// A write or sync that failed leaves behind nobody knows what. So that segment is never written
// again. Its entry is taken back before anybody hears of the failure: by an entry of the same
// number without changes, in another segment, which voids it (journal.h); if that fails as well, by
// zeros over its head. If nothing of that succeeds the entry is in doubt (ERR_RESET), and the next
// one, which has the same number in a younger segment, takes it back.
#include "queue/store/journal.h"

#include "queue/store/body.h"
#include "rt/blobfile.h"
#include "rt/lockfile.h"
#include "rt/offload.h"

#include <errno.h>

#define JOURNAL_ARENA_BYTES (64 * KIB) // names

// What a helper thread is to do.
struct append_work {
    struct journal *journal;
    struct arena *arena;
    struct segment *segment; // made, if it has no file yet
    struct str entry;
    uint64_t at;
    enum segment_haste haste;
    bool written; // at least tried
    struct err result;
};

static struct segment *segment_new(struct journal *j, uint32_t name);
static void segment_drop(struct arena *a, struct segment *segment);
static void segments_drop(struct list *all, struct arena *a);
static struct segment *next_segment(struct journal *j, size_t bytes);
static void keep_unwritten(struct journal *j, struct segment *segment);
static uint32_t name_behind(uint64_t number);
static uint32_t next_segment_name(const struct journal *j, size_t bytes);
static bool needs_new_file(const struct journal *j, size_t bytes);
static uint64_t number_for(const struct journal *j, uint32_t name);
static bool fits(const struct journal *j, size_t bytes);
static struct err write_entry(struct journal *j, struct arena *a, struct str entry) suspends;
static void change_segment(struct journal *j, struct segment *to);
static void distrust_current(struct journal *j);
static struct err take_back(
        struct journal *j, struct arena *a, struct segment *bad, uint64_t at) suspends;
static struct err write_void(struct journal *j, struct arena *a) suspends;
static void append_work(void *arg);
static struct err make_file(struct append_work *w, uint64_t bytes);
static struct err disk_write(
        struct journal *j, struct arena *a, int fd, struct str bytes, uint64_t at);
static struct err disk_sync(struct journal *j, struct arena *a, int fd);
static bool fault_comes(struct journal *j);
static struct err fault_error(struct journal *j, struct arena *a, const char *what);

// --- Slots ---------------------------------------------------------------------------------------

struct str journal_folder(struct arena *a, struct str store_folder)
{
    return arena_join(a, store_folder, S("/journal"));
}

struct str slot_lock_path(struct arena *a, struct str folder, uint8_t slot)
{
    return arena_fmt(a, "%.*s/%03u.lock", ARG(folder), slot);
}

struct err journal_claim(struct arena *a, struct str folder, int *out_lock, uint8_t *out_slot)
{
    TRY(folder_make(a, folder));
    for (uint8_t slot = 0; slot < JOURNAL_SLOTS; slot++) {
        pid_t holder;
        struct err e = lockfile_take(a, slot_lock_path(a, folder, slot), out_lock, &holder);
        if (failed(e) && e.kind != ERR_EXISTS)
            return e;
        if (failed(e))
            continue;
        *out_slot = slot;
        return OK;
    }
    return fail(ERR_LIMIT, "all slots of the queue have an owner: too many workers use it");
}

// --- The journal and its files -------------------------------------------------------------------

struct journal *journal_new(struct str folder, struct store_faults *fail, uint64_t identity,
        int lock, const struct slot_state *state)
{
    struct journal *j = mem_new(struct journal);
    if (j == NULL)
        return NULL;
    *j = (struct journal){.fail = fail,
            .segment_bytes = SEGMENT_BYTES,
            .identity = identity,
            .lock = lock,
            .slot = state->slot,
            .sequence = state->sequence,
            .segment = state->segment,
            .next_name = name_behind(state->segment)};
    if (fail != NULL && fail->segment_bytes != 0)
        j->segment_bytes = fail->segment_bytes;
    arena_init(&j->arena, JOURNAL_ARENA_BYTES);
    list_init(&j->free);
    list_init(&j->used);
    list_init(&j->doomed);
    j->folder = arena_str(&j->arena, folder);
    if (!str_is_null(j->folder))
        return j;
    arena_done(&j->arena);
    mem_free(j);
    return NULL;
}

void journal_free(struct journal *j, bool remove_files)
{
    struct arena a;
    if (j == NULL)
        return;
    arena_init(&a, MIB);
    struct arena *remove_with = remove_files ? &a : NULL;
    segments_drop(&j->free, remove_with);
    segments_drop(&j->used, remove_with);
    segments_drop(&j->doomed, remove_with);
    if (j->current != NULL)
        segment_drop(remove_with, j->current);
    arena_done(&a);
    blob_close(j->lock);
    arena_done(&j->arena);
    mem_free(j);
}

static void segments_drop(struct list *all, struct arena *a)
{
    for (struct link *k; (k = list_take_first(all)) != NULL;)
        segment_drop(a, CONTAINER_OF(k, struct segment, in_list));
}

// Without an arena the file stays.
static void segment_drop(struct arena *a, struct segment *segment)
{
    segment_close(segment->fd);
    if (a != NULL && !segment->is_kept) {
        struct err ignored = blob_remove(a, segment->path); // else it is found at the next start
        (void)ignored;
    }
    arena_done(&segment->names);
    mem_free(segment);
}

static struct segment *segment_new(struct journal *j, uint32_t name)
{
    struct segment *segment = mem_new(struct segment);
    if (segment == NULL)
        return NULL;
    *segment = (struct segment){.fd = -1, .name = name};
    arena_init(&segment->names, JOURNAL_ARENA_BYTES);
    segment->path = segment_path(&segment->names, j->folder, j->slot, name);
    journal_avoid_name(j, name);
    if (!str_is_null(segment->path))
        return segment;
    mem_free(segment);
    return NULL;
}

struct str segment_path(struct arena *a, struct str folder, uint8_t slot, uint32_t name)
{
    return arena_fmt(a, "%.*s/%03u-%010u", ARG(folder), slot, (unsigned)name);
}

bool segment_name_read(struct str name, uint8_t *out_slot, uint32_t *out_name)
{
    uint64_t slot = 0, number = 0;
    struct str before, after;
    if (!str_cut(name, '-', &before, &after) || before.len != 3 ||
            !str_to_u64(before, JOURNAL_SLOTS - 1, &slot) ||
            !str_to_u64(after, UINT32_MAX - 1, &number))
        return false;
    *out_slot = (uint8_t)slot;
    *out_name = (uint32_t)number;
    return true;
}

void journal_avoid_name(struct journal *j, uint32_t name)
{
    if (name >= j->next_name)
        j->next_name = name + 1;
}

struct err journal_adopt(struct journal *j, struct arena *a, uint32_t name)
{
    struct segment *segment = segment_new(j, name);
    if (segment == NULL)
        return fail(ERR_LIMIT, "no memory for the journal");
    struct err e = segment_open(a, segment->path, &segment->fd, &segment->bytes);
    bool fits_in =
            !failed(e) && segment->bytes == j->segment_bytes && j->free_count < SEGMENTS_KEPT;
    if (fits_in) // who made it may have been killed before he did that (J1)
        fits_in = !failed(segment_sync(a, segment->fd));
    if (!fits_in) {
        segment_drop(a, segment);
        return OK;
    }
    list_append(&j->free, &segment->in_list);
    j->free_count++;
    return OK;
}

struct err journal_make_spare(struct journal *j, struct arena *a, enum segment_haste haste)
{
    struct append_work w = {
            .journal = j, .arena = a, .segment = segment_new(j, j->next_name), .haste = haste};
    if (w.segment == NULL)
        return fail(ERR_LIMIT, "no memory for the journal");
    struct err e = offload(append_work, &w);
    if (!failed(e))
        e = w.result;
    if (failed(e)) {
        segment_drop(NULL, w.segment);
        return e;
    }
    list_append(&j->free, &w.segment->in_list);
    j->free_count++;
    return OK;
}

struct err journal_make_first(struct journal *j, struct arena *a)
{
    struct append_work w = {.journal = j, .arena = a, .segment = segment_new(j, j->next_name)};
    if (w.segment == NULL)
        return fail(ERR_LIMIT, "no memory for the journal");
    append_work(&w);
    if (failed(w.result)) {
        segment_drop(NULL, w.segment);
        return w.result;
    }
    list_append(&j->free, &w.segment->in_list);
    j->free_count++;
    return OK;
}

void journal_take_used(struct journal *j, uint64_t sequence, struct list *out)
{
    each_safe_in_list (s, &j->used, struct segment, in_list) {
        if (s->last_sequence > sequence)
            continue;
        link_remove(&s->in_list);
        list_append(out, &s->in_list);
    }
}

void journal_put_back(struct journal *j, struct list *segments)
{
    for (struct link *k; (k = list_take_first(segments)) != NULL;)
        list_append(&j->used, k);
}

void journal_release(struct journal *j, struct list *segments)
{
    for (struct link *k; (k = list_take_first(segments)) != NULL;) {
        struct segment *s = CONTAINER_OF(k, struct segment, in_list);
        bool again = !s->bad && s->bytes == j->segment_bytes && j->free_count < SEGMENTS_KEPT;
        if (s->stays) {
            list_append(&j->used, k);
            continue;
        }
        s->used = 0;
        if (s->is_kept) {
            segment_drop(NULL, s);
            continue;
        }
        list_append(again ? &j->free : &j->doomed, k);
        j->free_count += again;
    }
}

struct drop_work {
    struct arena *arena;
    struct list segments;
};

static void drop_work(void *arg)
{
    struct drop_work *w = arg;
    segments_drop(&w->segments, w->arena);
}

void journal_drop_doomed(struct journal *j, struct arena *a)
{
    struct drop_work w = {.arena = a};
    if (list_is_empty(&j->doomed))
        return;
    list_init(&w.segments);
    for (struct link *k; (k = list_take_first(&j->doomed)) != NULL;)
        list_append(&w.segments, k);
    struct err e = offload(drop_work, &w);
    if (failed(e)) // no thread: here, then
        drop_work(&w);
}

// --- Appending -----------------------------------------------------------------------------------

struct journal_head journal_next(const struct journal *j, size_t bytes)
{
    size_t padding = SEGMENT_BLOCK_BYTES - 1;
    size_t padded = (bytes + padding) / SEGMENT_BLOCK_BYTES * SEGMENT_BLOCK_BYTES;
    bool same = fits(j, padded);
    return (struct journal_head){.kind = JOURNAL_CHANGES,
            .slot = j->slot,
            .identity = j->identity,
            .segment = same ? j->segment : number_for(j, next_segment_name(j, padded)),
            .sequence = j->sequence + 1};
}

// The number of a segment is larger than all before, and larger than its name. LMDB notes the
// youngest number together with whatever comes to lie in a segment; so a journal whose names begin
// there never gives one again that LMDB, or a copy of it that somebody still reads, knows of.
static uint64_t number_for(const struct journal *j, uint32_t name)
{
    return (j->segment > name ? j->segment : name) + 1;
}

// They would begin again after 2^32 segments, which are 32 EiB.
static uint32_t name_behind(uint64_t number)
{
    return (uint32_t)(number % (UINT32_MAX - 1));
}

static bool fits(const struct journal *j, size_t bytes)
{
    return j->current != NULL && j->current->bytes - j->current->used >= bytes;
}

struct err journal_append(struct journal *j, struct arena *a, struct str entry)
{
    struct err e = write_entry(j, a, entry);
    if (!failed(e) || j->current == NULL || !j->current->bad)
        return e;
    struct segment *bad = j->current;
    uint64_t at = bad->used;
    distrust_current(j);
    if (failed(take_back(j, a, bad, at)))
        return fail_fmt(a, ERR_RESET, "%.*s; whether it is kept nobody knows", ARG(err_text(e)));
    return e;
}

// After a failure the current segment is `bad` if anything was written.
static struct err write_entry(struct journal *j, struct arena *a, struct str entry)
{
    struct append_work w = {.journal = j,
            .arena = a,
            .segment = j->current,
            .entry = entry,
            .haste = SEGMENT_AT_ONCE};
    if (!fits(j, entry.len)) {
        w.segment = next_segment(j, entry.len);
        if (w.segment == NULL)
            return fail(ERR_LIMIT, "no memory for the journal");
    }
    w.at = w.segment == j->current ? j->current->used : 0;
    struct err e = offload(append_work, &w);
    if (!failed(e))
        e = w.result;
    if (!w.written && w.segment != j->current) { // there is no room for it, or no thread
        keep_unwritten(j, w.segment);
        return e;
    }
    if (w.segment != j->current)
        change_segment(j, w.segment);
    if (failed(e)) {
        j->current->bad = w.written;
        return e;
    }
    j->sequence++;
    j->current->used += entry.len;
    j->current->last_sequence = j->sequence;
    return OK;
}

static struct segment *next_segment(struct journal *j, size_t bytes)
{
    if (needs_new_file(j, bytes))
        return segment_new(j, j->next_name);
    j->free_count--;
    return CONTAINER_OF(list_take_first(&j->free), struct segment, in_list);
}

static uint32_t next_segment_name(const struct journal *j, size_t bytes)
{
    if (needs_new_file(j, bytes))
        return j->next_name;
    return CONTAINER_OF(list_first(&j->free), struct segment, in_list)->name;
}

static bool needs_new_file(const struct journal *j, size_t bytes)
{
    return bytes > j->segment_bytes || list_is_empty(&j->free);
}

static void keep_unwritten(struct journal *j, struct segment *segment)
{
    if (segment->fd < 0) {
        segment_drop(NULL, segment);
        return;
    }
    list_prepend(&j->free, &segment->in_list);
    j->free_count++;
}

static void change_segment(struct journal *j, struct segment *to)
{
    if (j->current != NULL)
        list_append(&j->used, &j->current->in_list);
    j->current = to;
    j->segment = number_for(j, to->name);
    to->used = 0;
    to->last_sequence = j->sequence;
}

static void distrust_current(struct journal *j)
{
    list_append(&j->used, &j->current->in_list);
    j->current = NULL;
}

static struct err take_back(struct journal *j, struct arena *a, struct segment *bad, uint64_t at)
{
    struct err e = write_void(j, a);
    if (!failed(e))
        return OK;
    if (j->current != NULL) // that one failed, too; what it may hold is void in itself
        distrust_current(j);
    struct io_room zeros;
    if (!io_room_new(SEGMENT_BLOCK_BYTES, &zeros))
        return e;
    struct append_work w = {.journal = j,
            .arena = a,
            .segment = bad,
            .entry = str_of(zeros.bytes, SEGMENT_BLOCK_BYTES),
            .at = at};
    e = offload(append_work, &w);
    io_room_free(&zeros);
    return failed(e) ? e : w.result;
}

static struct err write_void(struct journal *j, struct arena *a)
{
    struct io_room room;
    struct journal_head head = journal_next(j, JOURNAL_HEAD_BYTES);
    if (!io_room_new(SEGMENT_BLOCK_BYTES, &room))
        return fail(ERR_LIMIT, "no memory for the journal");
    head.kind = JOURNAL_VOID;
    journal_head_put(&head, room.bytes);
    struct err e = write_entry(j, a, str_of(room.bytes, SEGMENT_BLOCK_BYTES));
    io_room_free(&room);
    return e;
}

// --- On the helper thread -----------------------------------------------------------------------

static void append_work(void *arg)
{
    struct append_work *w = arg;
    struct segment *s = w->segment;
    uint64_t least = w->journal->segment_bytes;
    uint64_t bytes = w->entry.len > least ? w->entry.len : least;
    if (s->fd < 0)
        w->result = make_file(w, bytes);
    if (failed(w->result) || w->entry.len == 0)
        return;
    w->written = true;
    w->result = disk_write(w->journal, w->arena, s->fd, w->entry, w->at);
    if (!failed(w->result))
        w->result = disk_sync(w->journal, w->arena, s->fd);
}

static struct err make_file(struct append_work *w, uint64_t bytes)
{
    struct journal *j = w->journal;
    struct segment *s = w->segment;
    struct arena *a = w->arena;
    bool fails = fault_comes(j);
    struct err e = OK;
    if (!fails || j->fail->done_but_failed)
        e = segment_create(a, s->path, bytes, w->haste, &s->fd);
    if (fails && !failed(e)) {
        segment_close(s->fd);
        s->fd = -1;
        struct err ignored = blob_remove(a, s->path);
        (void)ignored;
        return fault_error(j, a, "making a segment of the journal");
    }
    s->bytes = bytes;
    return e;
}

static struct err disk_write(
        struct journal *j, struct arena *a, int fd, struct str bytes, uint64_t at)
{
    bool fails = fault_comes(j);
    struct err e = OK;
    if (!fails || j->fail->done_but_failed)
        e = segment_write(a, fd, bytes.ptr, bytes.len, at);
    return fails && !failed(e) ? fault_error(j, a, "writing the journal") : e;
}

static struct err disk_sync(struct journal *j, struct arena *a, int fd)
{
    bool fails = fault_comes(j);
    struct err e = OK;
    if (!fails || j->fail->done_but_failed)
        e = segment_sync(a, fd);
    return fails && !failed(e) ? fault_error(j, a, "syncing the journal") : e;
}

static bool fault_comes(struct journal *j)
{
    if (j->fail == NULL)
        return false;
    int call = ++j->fail->calls;
    return call >= j->fail->fail_from && call < j->fail->fail_until;
}

static struct err fault_error(struct journal *j, struct arena *a, const char *what)
{
    return fail_errno(a, j->fail->errno_value != 0 ? j->fail->errno_value : EIO, "%s", what);
}
