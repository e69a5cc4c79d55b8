// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope_export.c: from the queue into files. First the message, under a name of
// its own while it grows; then the envelope, which knows how long it is and its SHA-256.
#include "queue/envelope/envelope_files.h"

#include "base/id.h"
#include "queue/control/statefile.h"
#include "queue/message_reader.h"
#include "rt/blobfile.h"

#include <openssl/evp.h>

struct writing {
    int fd;
    EVP_MD_CTX *digest;
    struct envelope *envelope;
};

static struct err write_message(struct store *store, struct arena *a, const struct message *m,
        struct str path, struct envelope *envelope) suspends MUST_USE;
static struct err write_pieces(struct store *store, struct arena *a, const struct message *m,
        struct writing *w) suspends MUST_USE;
static struct err write_envelope(
        struct arena *a, const struct envelope *envelope, struct str path) MUST_USE;
static struct str path_of(struct arena *a, struct str folder, uint64_t id, struct str suffix);
static bool leaving_id(const struct blob_entry *entry, uint64_t *out);

struct err envelope_export(struct store *store, struct arena *a, const struct message *m,
        struct str folder, enum envelope_stay stay)
{
    struct envelope e = {.message = *m,
            .has_origin = true,
            .origin = {.store = store_identity(store), .id = m->id},
            .has_content = true,
            .top_bytes = m->top.len};
    bool leaves = stay == ENVELOPE_LEAVES;
    struct str eml = path_of(a, folder, m->id, S(".eml"));
    struct str json = path_of(a, folder, m->id, leaves ? ENVELOPE_LEAVING_SUFFIX : ENVELOPE_SUFFIX);
    if (str_is_null(eml) || str_is_null(json))
        return fail(ERR_LIMIT, "no memory for the names of files");
    TRY(write_message(store, a, m, eml, &e));
    return write_envelope(a, &e, json); // syncs the folder, for both
}

struct err envelope_leave(struct arena *a, struct str folder, uint64_t id)
{
    struct str leaving = path_of(a, folder, id, ENVELOPE_LEAVING_SUFFIX);
    struct str json = path_of(a, folder, id, ENVELOPE_SUFFIX);
    if (str_is_null(leaving) || str_is_null(json))
        return fail(ERR_LIMIT, "no memory for the names of files");
    TRY(blob_rename(a, leaving, json));
    return folder_sync(a, folder);
}

struct err envelope_settle(
        struct store *store, struct arena *a, struct str folder, size_t *out_settled)
{
    struct blob_entry *entries = NULL;
    size_t count = 0;
    *out_settled = 0;
    TRY(folder_list(a, folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        uint64_t id;
        struct message m;
        struct arena scratch;
        if (!leaving_id(&entries[i], &id))
            continue;
        arena_init(&scratch, RECORD_BYTES_MAX * 4);
        struct err there = store_read(store, &scratch, id, STORE_WITHOUT_BODY, &m);
        arena_done(&scratch);
        if (there.kind != ERR_NOT_FOUND) // it is there, and exported again; or nobody knows
            continue;
        TRY(envelope_leave(a, folder, id));
        (*out_settled)++;
    }
    return OK;
}

static bool leaving_id(const struct blob_entry *entry, uint64_t *out)
{
    return entry->is_file && str_ends(entry->name, ENVELOPE_LEAVING_SUFFIX) &&
           id_parse(str_upto(entry->name, entry->name.len - ENVELOPE_LEAVING_SUFFIX.len), out);
}

// What a crash has left of an earlier one goes first.
static struct err write_message(struct store *store, struct arena *a, const struct message *m,
        struct str path, struct envelope *envelope)
{
    struct writing w = {.fd = -1, .envelope = envelope};
    struct str part = arena_join(a, path, S(".part"));
    unsigned len = 0;
    if (str_is_null(part))
        return fail(ERR_LIMIT, "no memory for the name of a file");
    TRY(blob_remove(a, part));
    TRY(blob_create(a, part, &w.fd));
    w.digest = EVP_MD_CTX_new();
    struct err e = w.digest != NULL && EVP_DigestInit_ex(w.digest, EVP_sha256(), NULL) == 1
                           ? write_pieces(store, a, m, &w)
                           : fail(ERR_LIMIT, "no memory for a digest");
    if (!failed(e) && EVP_DigestFinal_ex(w.digest, envelope->sha256, &len) != 1)
        e = fail(ERR_INTERNAL, "the message could not be hashed");
    if (!failed(e))
        e = blob_sync(a, w.fd);
    blob_close(w.fd);
    EVP_MD_CTX_free(w.digest);
    if (!failed(e))
        e = blob_rename(a, part, path);
    if (failed(e)) {
        struct err left = blob_remove(a, part);
        (void)left; // the first trouble is the one to tell
    }
    return e;
}

static struct err write_pieces(
        struct store *store, struct arena *a, const struct message *m, struct writing *w)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    struct str piece;
    TRY(message_open(store, a, m, &how, &reader));
    for (;;) {
        TRY(message_next(reader, a, &piece));
        if (str_is_null(piece))
            return OK;
        if (EVP_DigestUpdate(w->digest, piece.ptr, piece.len) != 1)
            return fail(ERR_INTERNAL, "the message could not be hashed");
        TRY(blob_write_at(a, w->fd, piece, w->envelope->bytes));
        w->envelope->bytes += piece.len;
    }
}

static struct err write_envelope(struct arena *a, const struct envelope *envelope, struct str path)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, ENVELOPE_BYTES_MAX);
    envelope_write(envelope, &text);
    return statefile_write(a, path, &text);
}

static struct str path_of(struct arena *a, struct str folder, uint64_t id, struct str suffix)
{
    return arena_fmt(a, "%.*s/%016llx%.*s", ARG(folder), (unsigned long long)id, ARG(suffix));
}
