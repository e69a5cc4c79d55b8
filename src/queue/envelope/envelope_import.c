// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope_import.c: from files into the queue. The message is read once, streamed
// into the store, and its digest compared at the end; nothing is in the queue before the commit,
// which also writes down where the message comes from. So whatever is interrupted, and whoever
// comes again, each message is taken once.
#include "queue/envelope/envelope_files.h"

#include "queue/store/body.h"
#include "rt/blobfile.h"
#include "rt/file.h"

#include <openssl/evp.h>

#define PIECE_BYTES (128 * KIB)
#define TRIES 8 // of ids, where tools that run at the same moment meet

struct taking {
    struct store *store;
    struct arena *arena;
    struct str path, text;
    struct envelope envelope;
    int fd;
    uint64_t bytes; // of the message's file
    EVP_MD_CTX *digest;
    uint8_t sha256[BODY_DIGEST_BYTES];
    char *piece;
    struct body *body;
    uint8_t last; // octet of the piece before
    bool has_8bit, has_bare;
};

static struct err take(struct taking *t, struct envelope_taken *out) suspends MUST_USE;
static struct err open_message(struct taking *t) MUST_USE;
static struct err read_top(struct taking *t) MUST_USE;
static struct err read_body(struct taking *t) suspends MUST_USE;
static struct err read_piece(struct taking *t, uint64_t at, char *into, size_t count) MUST_USE;
static void look_at(struct taking *t, struct str piece);
static struct err check_content(struct taking *t) MUST_USE;
static struct err origin_of(struct taking *t, struct store_origin *out) MUST_USE;
static struct err commit(struct taking *t, struct envelope_taken *out) suspends MUST_USE;
static struct err is_here(struct taking *t, struct envelope_taken *out) MUST_USE;
static void number_it(struct taking *t, struct message *m);

struct err envelope_import(struct store *store, struct arena *a, struct str path,
        int64_t wall_now_ms, struct envelope_taken *out)
{
    struct taking t = {.store = store, .arena = a, .path = path, .fd = -1};
    TRY(file_read(a, path, ENVELOPE_BYTES_MAX, &t.text, NULL));
    struct err e = envelope_read(a, t.text, wall_now_ms, &t.envelope);
    if (!failed(e))
        e = take(&t, out);
    blob_close(t.fd);
    body_free(t.body);
    mem_free(t.piece);
    EVP_MD_CTX_free(t.digest);
    return failed(e) ? fail_fmt(a, e.kind, "%.*s: %.*s", ARG(path), ARG(err_text(e))) : OK;
}

// A message that says where it comes from need not be read to know that it is here.
static struct err take(struct taking *t, struct envelope_taken *out)
{
    *out = (struct envelope_taken){.origin = t->envelope.origin};
    if (t->envelope.has_origin)
        TRY(is_here(t, out));
    if (out->is_here_before)
        return OK;
    TRY(open_message(t));
    TRY(read_top(t));
    TRY(read_body(t));
    TRY(check_content(t));
    TRY(origin_of(t, &out->origin));
    return commit(t, out);
}

static struct err open_message(struct taking *t)
{
    struct str name = str_upto(t->path, t->path.len - ENVELOPE_SUFFIX.len);
    if (!str_ends(t->path, ENVELOPE_SUFFIX))
        return fail(ERR_SYNTAX, "an envelope's name ends in .json");
    TRY(blob_open(t->arena, arena_join(t->arena, name, S(".eml")), &t->fd, &t->bytes));
    if (t->envelope.has_content && t->bytes != t->envelope.bytes)
        return fail_fmt(t->arena, ERR_SYNTAX, "the message beside it has %llu bytes and not %llu",
                (unsigned long long)t->bytes, (unsigned long long)t->envelope.bytes);
    t->piece = mem_bytes(PIECE_BYTES);
    t->digest = EVP_MD_CTX_new();
    t->body = body_new(t->store, store_new_id(t->store));
    bool ready = t->piece != NULL && t->body != NULL && t->digest != NULL &&
                 EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL) == 1;
    return ready ? OK : fail(ERR_LIMIT, "no memory to read a message");
}

static struct err read_top(struct taking *t)
{
    size_t count = (size_t)t->envelope.top_bytes;
    char *top = arena_bytes(t->arena, count + 1);
    if (top == NULL)
        return fail(ERR_LIMIT, "no memory for the lines on top of a message");
    TRY(read_piece(t, 0, top, count));
    t->envelope.message.top = str_of(top, count);
    return OK;
}

static struct err read_body(struct taking *t)
{
    for (uint64_t at = t->envelope.top_bytes; at < t->bytes;) {
        uint64_t left = t->bytes - at;
        size_t count = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        TRY(read_piece(t, at, t->piece, count));
        TRY(body_add(t->body, t->arena, str_of(t->piece, count)));
        at += count;
    }
    return body_finish(t->body, t->arena, &t->envelope.message.body);
}

static struct err read_piece(struct taking *t, uint64_t at, char *into, size_t count)
{
    TRY(blob_read_at(t->arena, t->fd, into, count, at));
    if (EVP_DigestUpdate(t->digest, into, count) != 1)
        return fail(ERR_INTERNAL, "the message could not be hashed");
    look_at(t, str_of(into, count));
    return OK;
}

// Is there a CR or LF that is not half of a line end?
static void look_at(struct taking *t, struct str piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        uint8_t c = (uint8_t)piece.ptr[i];
        t->has_bare |= (c == '\n') != (t->last == '\r');
        t->has_8bit |= c >= 128;
        t->last = c;
    }
}

// What a queue has exported is taken as it is, if it is that. What a person has put together has to
// be in order, because the next host might see other ends of lines than we do.
static struct err check_content(struct taking *t)
{
    unsigned len = 0;
    struct message *m = &t->envelope.message;
    if (EVP_DigestFinal_ex(t->digest, t->sha256, &len) != 1 || len != BODY_DIGEST_BYTES)
        return fail(ERR_INTERNAL, "the message could not be hashed");
    if (t->envelope.has_content)
        return memcmp(t->sha256, t->envelope.sha256, BODY_DIGEST_BYTES) == 0
                       ? OK
                       : fail(ERR_SYNTAX, "the message beside it is not the one that was exported "
                                          "(its SHA-256 is another)");
    if ((t->has_bare || t->last == '\r') && (m->flags & MESSAGE_BODY_BINARY) == 0)
        return fail(ERR_SYNTAX, "the lines of the message beside it do not all end in CR LF");
    if (t->has_8bit)
        m->flags |= MESSAGE_BODY_8BIT;
    return OK;
}

// One that comes from no queue is what it says: envelope and message.
static struct err origin_of(struct taking *t, struct store_origin *out)
{
    uint8_t both[BODY_DIGEST_BYTES];
    unsigned len = 0;
    if (t->envelope.has_origin)
        return OK;
    bool done = EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(t->digest, t->sha256, BODY_DIGEST_BYTES) == 1 &&
                EVP_DigestUpdate(t->digest, t->text.ptr, t->text.len) == 1 &&
                EVP_DigestFinal_ex(t->digest, both, &len) == 1;
    if (!done)
        return fail(ERR_INTERNAL, "the envelope could not be hashed");
    memcpy(&out->store, both, sizeof(out->store));
    memcpy(&out->id, both + sizeof(out->store), sizeof(out->id));
    return OK;
}

static struct err commit(struct taking *t, struct envelope_taken *out)
{
    struct message m = t->envelope.message;
    struct store_change change = {.kind = STORE_ACCEPT, .message = &m, .origin = &out->origin};
    struct err e = OK;
    for (size_t i = 0; i < TRIES; i++) {
        number_it(t, &m);
        e = store_commit(t->store, t->arena, &change, 1);
        if (!failed(e))
            out->id = m.id;
        if (e.kind != ERR_EXISTS)
            return e;
        TRY(is_here(t, out));
        if (out->is_here_before)
            return OK;
    }
    return e;
}

static void number_it(struct taking *t, struct message *m)
{
    m->id = store_new_id(t->store);
    for (size_t i = 0; i < m->unit_count; i++)
        m->units[i].message_id = m->id;
}

static struct err is_here(struct taking *t, struct envelope_taken *out)
{
    TRY(store_find_imported(t->store, t->arena, &out->origin, &out->id));
    out->is_here_before = out->id != 0;
    return OK;
}
