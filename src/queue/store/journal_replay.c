// SPDX-License-Identifier: Apache-2.0
// queue/store/journal_replay.c: what a process that is gone had committed, and did not come to
// move. All segments of its slot are read; every block at which an entry begins that is whole, of
// this store and this slot, and newer than what LMDB has, counts. Of these the true ones
// (journal.h) are applied in their order, and in the same transactions LMDB notes how far it is.
//
// An entry that is torn was never acknowledged, for then its sync had not returned: if it is the
// last, it is as if it had never been. An entry that is missing between others was: the segments
// are then kept as `*.damaged`, for a person and for the check; what is whole is applied all the
// same.
//
// Bodies are copied into LMDB then, and none is left in a segment (store_kept.c): that an entry can
// be read says nothing of whether it is on the disk. The sync may have been cut short, or have
// failed; what the system shows of such a page is gone after the next power cut.
#include "queue/store/store_kept.h"

#include "base/hash.h"
#include "rt/blobfile.h"
#include "rt/lockfile.h"

#define SEGMENT_READ_MAX (256 * MIB)
#define REPLAY_ARENA_BYTES (64 * MIB)

struct found {
    uint64_t segment, sequence, last_id;
    enum journal_kind kind;
    struct str payload;
};

struct replay {
    struct store *store;
    struct arena *a; // of what is read
    uint8_t slot;
    struct slot_state state;
    VEC(struct str) files;
    VEC(struct found) all; // in the end the true ones, in order
    VEC(void *) memory;
    uint64_t missing;
};

static struct err look(struct replay *r);
static struct err replay_end(struct replay *r, struct arena *a, struct err e) MUST_USE;
static struct err find_files(struct replay *r);
static bool is_segment_name(struct str name, uint8_t slot);
static struct err read_file(struct replay *r, struct str path);
static struct err note_entry(struct replay *r, struct str bytes, size_t *out_bytes);
static int by_place(const void *a, const void *b);
static void keep_true_ones(struct replay *r);
static void count_missing(struct replay *r);
static struct err apply_all(struct replay *r);
static bool add_entry(struct overlay *overlay, const struct found *entry);
static struct err apply_some(struct replay *r, struct overlay *overlay);
static struct err set_aside(struct replay *r);
static struct err recover_slot(struct store *store, struct arena *a, uint8_t slot);

struct err journal_replay(
        struct store *store, struct arena *a, uint8_t slot, struct slot_state *out)
{
    struct arena scratch;
    arena_init(&scratch, REPLAY_ARENA_BYTES);
    struct replay r = {.store = store, .slot = slot, .a = &scratch};
    struct err e = look(&r);
    if (!failed(e))
        e = apply_all(&r);
    if (!failed(e) && r.missing > 0)
        e = set_aside(&r);
    *out = r.state;
    return replay_end(&r, a, e);
}

struct err journal_waiting(struct store *store, struct arena *a, uint8_t slot, size_t *out)
{
    struct arena scratch;
    arena_init(&scratch, REPLAY_ARENA_BYTES);
    struct replay r = {.store = store, .slot = slot, .a = &scratch};
    struct err e = look(&r);
    *out = r.all.count;
    return replay_end(&r, a, e);
}

static struct err look(struct replay *r)
{
    TRY(slot_state_read(r->store, r->a, r->slot, &r->state));
    TRY(find_files(r));
    each_in_vec (path, &r->files)
        TRY(read_file(r, *path));
    keep_true_ones(r);
    count_missing(r);
    return OK;
}

static struct err replay_end(struct replay *r, struct arena *a, struct err e)
{
    if (failed(e))
        e = fail_fmt(a, e.kind, "reading the journal of slot %u: %.*s", r->slot, ARG(err_text(e)));
    each_in_vec (memory, &r->memory)
        mem_free(*memory);
    arena_done(r->a);
    return e;
}

static struct err find_files(struct replay *r)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    struct str folder = journal_folder(r->a, r->store->options.folder);
    TRY(folder_list(r->a, folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        if (!is_segment_name(entries[i].name, r->slot))
            continue;
        struct str *path = vec_add(r->a, &r->files);
        if (path == NULL)
            return fail(ERR_LIMIT, "no memory");
        *path = arena_fmt(r->a, "%.*s/%.*s", ARG(folder), ARG(entries[i].name));
    }
    return OK;
}

static bool is_segment_name(struct str name, uint8_t slot)
{
    uint8_t of = 0;
    uint32_t number = 0;
    return segment_name_read(name, &of, &number) && of == slot;
}

static struct err read_file(struct replay *r, struct str path)
{
    int fd = -1;
    uint64_t bytes = 0;
    TRY(blob_open(r->a, path, &fd, &bytes));
    void **memory = vec_add(r->a, &r->memory);
    char *text = bytes <= SEGMENT_READ_MAX && memory != NULL ? mem_bytes((size_t)bytes + 1) : NULL;
    struct err e = fail(ERR_LIMIT, "no memory");
    if (text != NULL) {
        *memory = text;
        e = blob_read_at(r->a, fd, text, (size_t)bytes, 0);
    }
    blob_close(fd);
    for (size_t at = 0, step = 0; at < bytes && !failed(e); at += step)
        e = note_entry(r, str_of(text + at, (size_t)bytes - at), &step);
    return e;
}

// An entry that is whole is passed over as one: what it carries is not looked at.
static struct err note_entry(struct replay *r, struct str bytes, size_t *out_bytes)
{
    struct journal_head head;
    *out_bytes = SEGMENT_BLOCK_BYTES;
    if (!journal_head_read(bytes, &head) || head.identity != r->store->identity ||
            head.slot != r->slot || journal_entry_bytes(&head) > bytes.len)
        return OK;
    struct str payload = str_part(bytes, JOURNAL_HEAD_BYTES, head.payload_bytes);
    if (hash_crc32c(0, payload) != head.payload_crc)
        return OK;
    *out_bytes = (size_t)journal_entry_bytes(&head);
    if (head.segment > r->state.segment)
        r->state.segment = head.segment;
    if (head.sequence <= r->state.sequence)
        return OK; // it is in LMDB
    struct found *entry = vec_add(r->a, &r->all);
    if (entry == NULL)
        return fail(ERR_LIMIT, "no memory");
    *entry = (struct found){.segment = head.segment,
            .sequence = head.sequence,
            .last_id = head.last_id,
            .kind = head.kind,
            .payload = payload};
    return OK;
}

static int by_place(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

// What a younger segment says again was taken back, and all behind it.
static void keep_true_ones(struct replay *r)
{
    size_t kept = 0;
    if (r->all.count > 0)
        qsort(r->all.at, r->all.count, sizeof(*r->all.at), by_place);
    for (size_t i = 0; i < r->all.count; i++) {
        while (kept > 0 && r->all.at[kept - 1].sequence >= r->all.at[i].sequence)
            kept--;
        r->all.at[kept++] = r->all.at[i];
    }
    r->all.count = kept;
}

static void count_missing(struct replay *r)
{
    uint64_t expected = r->state.sequence + 1;
    each_in_vec (entry, &r->all) {
        r->missing += entry->sequence - expected;
        expected = entry->sequence + 1;
    }
}

static struct err apply_all(struct replay *r)
{
    struct arena arena;
    struct overlay overlay;
    struct err e = OK;
    arena_init(&arena, GENERATION_BYTES_MAX);
    overlay_init(&overlay, &arena);
    for (size_t i = 0; i < r->all.count && !failed(e); i++) {
        const struct found *entry = &r->all.at[i];
        if (entry->kind == JOURNAL_CHANGES && !add_entry(&overlay, entry))
            e = fail(ERR_IO, "an entry makes no sense, although its checksum is right");
        overlay.bytes += entry->payload.len;
        overlay.last_sequence = entry->sequence;
        if (entry->last_id > r->state.last_id)
            r->state.last_id = entry->last_id;
        if (!failed(e) && (overlay.bytes >= MOVE_BYTES || i + 1 == r->all.count)) {
            e = apply_some(r, &overlay);
            arena_reset(&arena);
            overlay_init(&overlay, &arena);
        }
    }
    arena_done(&arena);
    return e;
}

static bool add_entry(struct overlay *overlay, const struct found *entry)
{
    struct scan in = scan_over(entry->payload);
    for (struct overlay_change change; !scan_end(&in);)
        if (!journal_change_read(&in, &change) || !overlay_put(overlay, &change))
            return false;
    return true;
}

static struct err apply_some(struct replay *r, struct overlay *overlay)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(r->store->env, NULL, 0, &txn);
    if (rc != 0)
        return store_trouble(r->a, rc, "writing the queue");
    r->state.sequence = overlay->last_sequence;
    return overlay_apply(r->store, r->a, txn, overlay, &r->state);
}

// Under a second name, which nobody writes to. What is wanted for the bodies in it stays beside
// that.
static struct err set_aside(struct replay *r)
{
    struct str folder = journal_folder(r->a, r->store->options.folder), file;
    each_in_vec (path, &r->files) {
        bool given = false;
        uint8_t slot = 0;
        uint32_t name = 0;
        TRY(blob_publish(r->a, *path, folder, arena_join(r->a, *path, S(".damaged"))));
        if (str_rcut(*path, '/', &folder, &file) && segment_name_read(file, &slot, &name))
            TRY(kept_give(r->store, r->a, slot, name, &given));
        if (!given)
            TRY(blob_remove(r->a, *path));
    }
    return OK;
}

// --- Of those who are gone -----------------------------------------------------------------------

struct err journal_recovery_begin(struct store *store, struct arena *a, int *out_lock)
{
    struct str folder = journal_folder(a, store->options.folder);
    return lockfile_await(a, arena_join(a, folder, S("/recovery.lock")), out_lock);
}

void journal_recovery_end(int lock)
{
    blob_close(lock);
}

struct err journal_recover(struct store *store, struct arena *a)
{
    bool seen[JOURNAL_SLOTS] = {0};
    struct blob_entry *entries = NULL;
    size_t count = 0;
    struct str folder = journal_folder(a, store->options.folder);
    if (!blob_exists(a, folder))
        return OK;
    TRY(folder_list(a, folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        uint8_t slot = 0;
        uint32_t name = 0;
        if (!segment_name_read(entries[i].name, &slot, &name) || seen[slot])
            continue;
        seen[slot] = true;
        TRY(recover_slot(store, a, slot));
    }
    return OK;
}

static struct err recover_slot(struct store *store, struct arena *a, uint8_t slot)
{
    struct slot_state state;
    struct blob_entry *entries = NULL;
    size_t count = 0;
    int lock = -1;
    pid_t holder;
    struct str folder = journal_folder(a, store->options.folder);
    struct err e = lockfile_take(a, slot_lock_path(a, folder, slot), &lock, &holder);
    if (failed(e))
        return e.kind == ERR_EXISTS ? OK : e; // it lives
    e = journal_replay(store, a, slot, &state);
    if (!failed(e))
        e = folder_list(a, folder, &entries, &count);
    for (size_t i = 0; i < count && !failed(e); i++) {
        bool given = false;
        uint8_t of = 0;
        uint32_t name = 0;
        if (!segment_name_read(entries[i].name, &of, &name) || of != slot)
            continue;
        e = kept_give(store, a, slot, name, &given);
        if (!failed(e) && !given)
            e = blob_remove(a, segment_path(a, folder, slot, name));
    }
    blob_close(lock);
    return e;
}
