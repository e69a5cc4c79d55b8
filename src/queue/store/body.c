// SPDX-License-Identifier: Apache-2.0
// queue/store/body.c: a file is a frame (operations.md 3: magic, algorithm, length, CRC-32C) and
// the bytes. It grows by pieces as large as what may stay in memory. The frame's place is left free
// at first and written when the length is known, before the sync. Its final name is the SHA-256 of
// the bytes, so that equal bodies share a file. It arrives under another; that one is what a commit
// needs to be on disk, and its folder is synced beside the bytes, not after them.
#include "queue/store/body.h"

#include "base/hash.h"
#include "queue/store/store_lmdb.h"
#include "rt/blobfile.h"
#include "rt/clock.h"
#include "rt/offload.h"

#include <openssl/evp.h>

#define FRAME_BYTES 17
#define FRAME_MAGIC "PhB1"
#define ALGORITHM_NONE 0
#define NAME_ARENA_BYTES (16 * KIB)

struct body {
    struct store *store;
    struct arena names;
    uint64_t id;
    struct buf memory; // all of it, or of a file what is not written yet
    uint64_t bytes;    // in all
    int fd;            // of the file, or -1
    struct str part;   // its name while it grows
    uint64_t written;
    uint32_t crc;
    EVP_MD_CTX *digest;
    bool failed;
    bool kept; // the file is the store's
};

// What a helper thread is to do for a body.
struct body_work {
    struct body *body;
    struct arena *arena;
    bool last;
    struct body_ref *ref; // of the last
    struct err result;
};

static struct err file_finish(struct body *body, struct arena *a, struct body_ref *ref) suspends;
static struct err sync_folder(void *arg) suspends;
static void sync_folder_work(void *arg);
static struct err write_out(
        struct body *body, struct arena *a, bool last, struct body_ref *ref) suspends;
static void work(void *arg);
static struct err file_begin(struct body *body, struct arena *a);
static struct err file_append(struct body *body, struct arena *a);
static struct err file_end(struct body *body, struct arena *a, struct body_ref *ref);
static void frame_make(char out[FRAME_BYTES], uint64_t bytes, uint32_t crc);

struct body *body_new(struct store *store, uint64_t id)
{
    struct body *body = mem_new(struct body);
    if (body == NULL)
        return NULL;
    *body = (struct body){.store = store, .id = id, .fd = -1};
    arena_init(&body->names, NAME_ARENA_BYTES);
    buf_init(&body->memory, BODY_INLINE_BYTES_MAX);
    return body;
}

void body_free(struct body *body)
{
    if (body == NULL)
        return;
    if (body->fd >= 0 && !body->kept) {
        struct err ignored = blob_remove(&body->names, body->part); // else it is swept up later
        (void)ignored;
    }
    blob_close(body->fd);
    EVP_MD_CTX_free(body->digest);
    buf_done(&body->memory);
    arena_done(&body->names);
    mem_free(body);
}

uint64_t body_bytes(const struct body *body)
{
    return body->bytes;
}

struct err body_add(struct body *body, struct arena *a, struct str bytes)
{
    if (body->failed)
        return fail(ERR_IO, "the message's body could not be kept");
    while (bytes.len > 0) {
        struct str now = str_upto(bytes, BODY_INLINE_BYTES_MAX - body->memory.len);
        buf_add(&body->memory, now);
        if (body->memory.overflow) {
            body->failed = true;
            return fail(ERR_LIMIT, "no memory for the message's body");
        }
        body->bytes += now.len;
        bytes = str_from(bytes, now.len);
        if (bytes.len > 0 || (body->fd >= 0 && body->memory.len == BODY_INLINE_BYTES_MAX))
            TRY(write_out(body, a, false, NULL));
    }
    return OK;
}

struct err body_finish(struct body *body, struct arena *a, struct body_ref *out)
{
    if (body->failed)
        return fail(ERR_IO, "the message's body could not be kept");
    *out = (struct body_ref){.place = body->fd < 0 ? BODY_INLINE : BODY_FILE, .bytes = body->bytes};
    if (out->place == BODY_FILE)
        return file_finish(body, a, out);
    out->inline_bytes = buf_str(&body->memory);
    return OK;
}

uint64_t body_claim(const struct body *body)
{
    return body->id;
}

void body_keep(struct body *body)
{
    body->kept = true;
}

struct folder_sync {
    struct body *body;
    struct arena arena;
    struct err result;
};

static struct err file_finish(struct body *body, struct arena *a, struct body_ref *ref)
{
    struct folder_sync sync = {.body = body};
    struct group g AUTO(group_end);
    group_begin(&g);
    arena_init(&sync.arena, NAME_ARENA_BYTES);
    struct err e = group_spawn(&g, sync_folder, &sync);
    if (!failed(e))
        e = write_out(body, a, true, ref);
    struct err ignored = group_wait_below(&g, 1); // it does not look at deadlines: its wait is firm
    (void)ignored;
    group_end(&g);
    if (!failed(e) && failed(sync.result))
        e = fail_fmt(a, sync.result.kind, "%.*s", ARG(err_text(sync.result)));
    arena_done(&sync.arena);
    ref->arriving = body;
    body->failed = failed(e);
    return e;
}

static struct err sync_folder(void *arg)
{
    struct folder_sync *sync = arg;
    struct err e = offload(sync_folder_work, sync);
    if (failed(e))
        sync->result = e;
    return OK;
}

static void sync_folder_work(void *arg)
{
    struct folder_sync *sync = arg;
    sync->result = folder_sync_of(&sync->arena, sync->body->part);
}

static struct err write_out(struct body *body, struct arena *a, bool last, struct body_ref *ref)
{
    struct body_work w = {.body = body, .arena = a, .last = last, .ref = ref};
    struct err e = offload(work, &w);
    if (!failed(e))
        e = w.result;
    buf_clear(&body->memory);
    body->failed = failed(e);
    return e;
}

// --- On the helper thread -----------------------------------------------------------------------

static void work(void *arg)
{
    struct body_work *w = arg;
    const struct store_faults *fault = w->body->store->options.fail;
    w->result = w->body->fd < 0 ? file_begin(w->body, w->arena) : OK;
    if (!failed(w->result) && fault != NULL && fault->body_errno != 0)
        w->result = fail_errno(w->arena, fault->body_errno, "writing a message's body");
    if (!failed(w->result))
        w->result = file_append(w->body, w->arena);
    if (!failed(w->result) && w->last)
        w->result = file_end(w->body, w->arena, w->ref);
}

static struct err file_begin(struct body *body, struct arena *a)
{
    body->part = claim_path(body->store, &body->names, body->id);
    body->digest = EVP_MD_CTX_new();
    if (str_is_null(body->part) || body->digest == NULL ||
            EVP_DigestInit_ex(body->digest, EVP_sha256(), NULL) != 1)
        return fail(ERR_LIMIT, "no memory for the message's body");
    body->written = FRAME_BYTES;
    return blob_create(a, body->part, &body->fd);
}

static struct err file_append(struct body *body, struct arena *a)
{
    struct str bytes = buf_str(&body->memory);
    if (EVP_DigestUpdate(body->digest, bytes.ptr, bytes.len) != 1)
        return fail(ERR_INTERNAL, "the message's body could not be hashed");
    body->crc = hash_crc32c(body->crc, bytes);
    TRY(blob_write_at(a, body->fd, bytes, body->written));
    body->written += bytes.len;
    return OK;
}

static struct err file_end(struct body *body, struct arena *a, struct body_ref *ref)
{
    char frame[FRAME_BYTES];
    unsigned len = 0;
    if (EVP_DigestFinal_ex(body->digest, ref->digest, &len) != 1 || len != BODY_DIGEST_BYTES)
        return fail(ERR_INTERNAL, "the message's body could not be hashed");
    frame_make(frame, body->bytes, body->crc);
    TRY(blob_write_at(a, body->fd, str_of(frame, FRAME_BYTES), 0));
    return blob_sync(a, body->fd);
}

static void frame_make(char out[FRAME_BYTES], uint64_t bytes, uint32_t crc)
{
    memcpy(out, FRAME_MAGIC, 4);
    out[4] = ALGORITHM_NONE;
    for (size_t i = 0; i < 8; i++)
        out[5 + i] = (char)(bytes >> (8 * i) & 0xff);
    for (size_t i = 0; i < 4; i++)
        out[13 + i] = (char)(crc >> (8 * i) & 0xff);
}

// --- Reading -------------------------------------------------------------------------------------

struct body_reader {
    struct str inline_rest; // null when it was given, or for a file
    int fd;
    uint64_t at, bytes; // without the frame
    uint32_t crc, crc_wanted;
    char *piece;
    size_t piece_bytes;
};

struct read_work {
    struct body_reader *reader;
    struct arena *arena;
    struct str path;
    struct str arrived; // where it may be still; null: nowhere else
    uint64_t bytes;
    struct err result;
};

static struct str arrived_path(struct store *store, struct arena *a, const struct body_ref *ref);
static void open_work(void *arg);
static void next_work(void *arg);

struct err body_open(struct store *store, struct arena *a, const struct body_ref *ref,
        enum body_state state, struct body_reader **out)
{
    struct body_reader *reader = mem_new(struct body_reader);
    if (reader == NULL)
        return fail(ERR_LIMIT, "no memory to read a message's body");
    *reader = (struct body_reader){.inline_rest = ref->inline_bytes, .fd = -1};
    if (ref->place == BODY_INLINE) {
        *out = reader;
        return OK;
    }
    reader->piece = mem_bytes(BODY_INLINE_BYTES_MAX);
    struct read_work w = {.reader = reader,
            .arena = a,
            .path = blob_path(store, a, ref->digest),
            .arrived = state == BODY_ARRIVING && ref->arriving != NULL
                               ? arena_str(a, ref->arriving->part)
                               : arrived_path(store, a, ref),
            .bytes = ref->bytes};
    struct err e = reader->piece == NULL || str_is_null(w.path)
                           ? fail(ERR_LIMIT, "no memory to read a message's body")
                           : offload(open_work, &w);
    if (!failed(e))
        e = w.result;
    if (failed(e)) {
        body_close(reader);
        return e;
    }
    *out = reader;
    return OK;
}

// Until a message is moved into LMDB its file may have the name of its arrival only.
static struct str arrived_path(struct store *store, struct arena *a, const struct body_ref *ref)
{
    struct view view;
    uint64_t claim = 0;
    if (store->journal == NULL || failed(view_begin(store, a, &view)))
        return STR_NULL;
    bool found = view_claim(&view, ref->digest, &claim);
    view_end(&view);
    return found ? claim_path(store, a, claim) : STR_NULL;
}

static void open_work(void *arg)
{
    struct read_work *w = arg;
    struct body_reader *r = w->reader;
    char frame[FRAME_BYTES];
    uint64_t file_bytes = 0, framed_bytes = 0;
    if (!str_is_null(w->arrived))
        w->result = blob_open(w->arena, w->arrived, &r->fd, &file_bytes);
    if (r->fd < 0) // it may have been moved a moment ago
        w->result = blob_open(w->arena, w->path, &r->fd, &file_bytes);
    if (!failed(w->result))
        w->result = blob_read_at(w->arena, r->fd, frame, FRAME_BYTES, 0);
    if (failed(w->result))
        return;
    for (size_t i = 0; i < 8; i++)
        framed_bytes |= (uint64_t)(uint8_t)frame[5 + i] << (8 * i);
    for (size_t i = 0; i < 4; i++)
        r->crc_wanted |= (uint32_t)(uint8_t)frame[13 + i] << (8 * i);
    r->bytes = framed_bytes;
    if (memcmp(frame, FRAME_MAGIC, 4) != 0 || frame[4] != ALGORITHM_NONE ||
            framed_bytes != w->bytes || file_bytes != framed_bytes + FRAME_BYTES)
        w->result =
                fail_fmt(w->arena, ERR_IO, "%.*s is not the body that was stored", ARG(w->path));
}

struct err body_next(struct body_reader *reader, struct arena *a, struct str *out)
{
    if (reader->fd < 0) {
        *out = reader->inline_rest;
        reader->inline_rest = STR_NULL;
        return OK;
    }
    if (reader->at == reader->bytes) {
        *out = STR_NULL;
        return OK;
    }
    struct read_work w = {.reader = reader, .arena = a};
    TRY(offload(next_work, &w));
    TRY(w.result);
    *out = str_of(reader->piece, reader->piece_bytes);
    return OK;
}

static void next_work(void *arg)
{
    struct read_work *w = arg;
    struct body_reader *r = w->reader;
    uint64_t left = r->bytes - r->at;
    r->piece_bytes = left < BODY_INLINE_BYTES_MAX ? (size_t)left : BODY_INLINE_BYTES_MAX;
    w->result = blob_read_at(w->arena, r->fd, r->piece, r->piece_bytes, FRAME_BYTES + r->at);
    if (failed(w->result))
        return;
    r->crc = hash_crc32c(r->crc, str_of(r->piece, r->piece_bytes));
    r->at += r->piece_bytes;
    if (r->at == r->bytes && r->crc != r->crc_wanted)
        w->result = fail(ERR_IO, "a message's body does not match its checksum");
}

void body_close(struct body_reader *reader)
{
    if (reader == NULL)
        return;
    blob_close(reader->fd);
    mem_free(reader->piece);
    mem_free(reader);
}

struct err bodies_sweep(
        struct store *store, struct arena *a, int64_t older_than_ms, size_t *out_removed)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    struct str folder = arena_join(a, store->options.blob_folder, S("/tmp"));
    *out_removed = 0;
    if (store->is_stuck)
        return OK;
    TRY(folder_list(a, folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        if (entries[i].is_folder || entries[i].modified_ms > older_than_ms)
            continue;
        TRY(blob_remove(a, arena_fmt(a, "%.*s/%.*s", ARG(folder), ARG(entries[i].name))));
        (*out_removed)++;
    }
    return OK;
}
